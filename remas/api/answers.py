"""What is answered, as models: they describe the service, and tests hold answers against them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from remas.api.values import Moment
from remas.models import Measure, NodeState, Scope, Status, TokenScope, Unit


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Listing(Answer):
    page: int = Field(ge=1)
    per_page: int = Field(ge=1, le=200)
    total: int = Field(ge=0)


class Tokens(Answer):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="seconds")


class AccessToken(Answer):
    """One of your own tokens. `last_used_at` and `last_address` are noted every few minutes."""

    id: int
    name: str
    scope: TokenScope = Field(description="`read` looks; `write` does what you may")
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    last_address: str | None
    current: bool = Field(description="whether this request was made with it")


class NewAccessToken(AccessToken):
    token: str = Field(description="The secret, told only here.")


class AccessTokenList(Listing):
    items: list[AccessToken]


class OpenSession(Answer):
    """A sign-in that still counts."""

    id: str
    kind: Literal["web", "token"] = Field(description="of a browser, or of a program")
    agent: str | None = Field(description="the browser or program")
    address: str | None
    created_at: Moment
    last_used_at: Moment = Field(description="to five minutes")
    expires_at: Moment
    current: bool = Field(description="whether you ask in this one")


class OpenSessionList(Listing):
    items: list[OpenSession]


class Contact(Answer):
    """A user, to others than administrators and the person."""

    username: str
    name: str | None
    surname: str | None
    email: str


class User(Contact):
    id: int
    uid: int
    group: str
    time_zone: str | None
    active: bool
    is_admin: bool


class EffectiveZone(Answer):
    time_zone: str = Field(examples=["Europe/Prague"])


class NewUser(User):
    initial_password: str | None = Field(
        default=None, description="A one-time password, told only here; to be changed at once."
    )


class ShownUser(RootModel[User | Contact]):
    """All of it to administrators and the person; to others, how to reach them."""


class UserList(Listing):
    items: list[User | Contact]


class Group(Answer):
    id: int
    name: str
    description: str | None
    parent: str | None
    users_share_statistics: bool
    members: list[str] = Field(description="usernames")


class GroupList(Listing):
    items: list[Group]


class Capacity(Answer):
    resource: str
    amount: int


class Exporter(Answer):
    """What answers Prometheus on a node."""

    job: str
    port: int
    path: str


class Node(Answer):
    id: int
    name: str
    description: str | None
    state: NodeState
    capacities: list[Capacity]
    address: str | None = Field(description="where its exporters answer; null: under its name")
    exporters: list[Exporter] | None = Field(description="null: those set for all nodes")


class NodeList(Listing):
    items: list[Node]


class Resource(Answer):
    id: int
    name: str
    description: str | None
    unit: Unit
    aliases: list[str]
    measure: Measure | None = Field(
        description="what Prometheus tells of its use; null: nobody can tell"
    )
    usage_query: str | None = Field(description="PromQL, where `measure` is `custom`")


class ResourceList(Listing):
    items: list[Resource]


class Limit(Answer):
    id: int
    name: str
    description: str | None
    resource: str
    amount: int
    user: str | None
    group: str | None
    nodes: list[str] = Field(description="none listed: all nodes")
    scope: Scope


class LimitList(Listing):
    items: list[Limit]


class EffectiveLimit(Limit):
    level: str = Field(description="`user`, or the name of the group it comes from")
    nodes: list[str] = Field(description="exactly those on which it is in force")


class EffectiveLimitList(Listing):
    items: list[EffectiveLimit]


class Maintenance(Answer):
    id: int
    node: str
    starts_at: Moment
    ends_at: Moment
    reason: str | None


class MaintenanceList(Listing):
    items: list[Maintenance]


class Tag(Answer):
    id: int
    name: str
    description: str | None


class TagList(Listing):
    items: list[Tag]


class OwnedTag(Tag):
    owner: str = Field(description="username")
    reservations: int = Field(description="on how many it is")


class OwnedTagList(Listing):
    items: list[OwnedTag]


class Alias(Answer):
    id: int
    name: str
    description: str | None
    resources: list[str] = Field(description="that are found under it")


class AliasList(Listing):
    items: list[Alias]


class AuditEntry(Answer):
    id: int
    at: Moment
    actor: str
    actor_id: int | None
    address: str | None
    action: str
    kind: str
    subject_id: int
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditList(Listing):
    items: list[AuditEntry]


class Allocation(Answer):
    node: str
    resource: str
    amount: int


class Offer(Answer):
    starts_at: Moment
    ends_at: Moment
    allocations: list[Allocation]
    proven_earliest: bool
    note: str | None = Field(description="in what it differs from the first")


class Holder(Answer):
    reservation: int
    username: str
    name: str
    email: str


class Shortage(Answer):
    node: str | None = Field(description="null: a limit over several nodes together")
    resource: str
    starts_at: Moment
    ends_at: Moment
    short_by: int
    reason: Literal["capacity", "limit", "maintenance", "drained"]
    limit: str | None
    held_by: list[Holder]


class Offers(Answer):
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    offers: list[Offer]
    shortages: list[Shortage]
    detail: str | None


class Owner(Answer):
    id: int
    username: str
    name: str


class Reservation(Answer):
    """`name`, `description` and `tags` are hidden where the owner's group does not share them."""

    id: int
    name: str | None
    description: str | None
    owner: Owner
    starts_at: Moment
    ends_at: Moment
    status: Status
    allocations: list[Allocation]
    tags: list[str]
    created_at: Moment
    updated_at: Moment


class ReservationList(Listing):
    items: list[Reservation]


class TimetableNode(Answer):
    id: int
    name: str
    capacities: list[Capacity]


class TimetableReservation(Answer):
    id: int
    name: str | None
    owner: Owner
    starts_at: Moment
    ends_at: Moment
    status: Status
    allocations: list[Allocation]


class FreeSteps(Answer):
    """The moments at which the free amount changes, the first at `from`."""

    node: str
    resource: str
    steps: list[tuple[Moment, int]]


class Timetable(Answer):
    from_: Moment = Field(alias="from")
    to: Moment
    nodes: list[TimetableNode]
    reservations: list[TimetableReservation]
    maintenance: list[Maintenance]
    free: list[FreeSteps]


class Problem(BaseModel):
    """What went wrong (RFC 9457). `type` is stable."""

    type: str = Field(examples=["/problems/not-found"])
    title: str
    status: int
    detail: str


class InvalidProblem(Problem):
    """Fields that cannot be taken."""

    errors: dict[str, list[str]] = Field(
        examples=[{"allocations.0.amount": ["Input should be greater than or equal to 1"]}]
    )


class TakenProblem(Problem):
    """`/problems/name-taken` says which field; other conflicts have no more to tell."""

    field: str | None = None


class InUseProblem(TakenProblem):
    """`/problems/in-use` lists what hangs on it."""

    things: list[str] | None = None


class NoRoomProblem(Problem):
    """`/problems/no-capacity` and `/problems/limit-exceeded` tell why, and what would fit."""

    shortages: list[Shortage] | None = None
    offers: list[Offer] | None = None
