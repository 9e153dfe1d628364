"""What is asked, as strict models; each that asks for a change ends in a service's request."""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from remas.api.values import Amount, Duration, Moment, Name, PositiveAmount, WholeMinute
from remas.models import NodeState, Scope, TokenScope
from remas.monitoring_settings import LARGEST_PORT, METRICS_PATH, Exporter
from remas.services.access_tokens import TokenNew
from remas.services.aliases import AliasChange, AliasNew
from remas.services.groups import GroupChange, GroupNew
from remas.services.limit_admin import LimitChange, LimitNew
from remas.services.maintenance import MaintenanceChange, MaintenanceNew
from remas.services.nodes import NodeChange, NodeNew
from remas.services.requests import AllocationSpec, BookingRequest, ChangeRequest, OfferRequest
from remas.services.tags import TagChange, TagNew
from remas.services.users import ProfileChange, UserChange, UserNew

# In strict models an enumeration would have to be given as its Python object.
State = Annotated[NodeState, Field(strict=False)]
ScopeText = Annotated[Scope, Field(strict=False)]
TokenScopeText = Annotated[TokenScope, Field(strict=False)]
Uid = Annotated[int, Field(ge=0, le=2**31 - 1)]
Password = Annotated[str, Field(min_length=12, max_length=1000)]


def left_out() -> Any:
    """A field that need not be given. Unlike a default of None, it refuses null."""
    return Field(default_factory=lambda: None)


class Body(BaseModel):
    """Unknown fields are refused; nothing is converted: neither `true` nor `"8"` is a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self) -> dict[str, Any]:
        """The fields that were given, as services take them: null takes away what was there."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {
            name: "" if value is None else tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }


class SignIn(Body):
    username: str
    password: str = Field(repr=False)


class RefreshToken(Body):
    refresh_token: str = Field(repr=False)


class OwnPassword(Body):
    current_password: str = Field(repr=False)
    new_password: Password = Field(repr=False)


class GrafanaPassword(Body):
    current_password: str | None = Field(default=None, repr=False)
    new_password: Password = Field(repr=False)


class OthersPassword(Body):
    """Without a password, a one-time password is made and answered. `password` is taken as well."""

    new_password: Password | None = Field(
        default=None,
        repr=False,
        validation_alias=AliasChoices("new_password", "password"),
    )


class AccessTokenPost(Body):
    """A token for a program of yours: it looks (`read`), or does what you may (`write`)."""

    name: Name
    scope: TokenScopeText
    expires_at: Moment = Field(description="after now, at most 366 days ahead")

    def wish(self) -> TokenNew:
        return TokenNew(**dict(self))


class ProfilePatch(Body):
    name: Name | None = left_out()
    surname: Name | None = left_out()
    email: str = left_out()
    time_zone: str | None = left_out()

    def wish(self) -> ProfileChange:
        return ProfileChange(**self.given())


class UserPost(Body):
    username: Name
    email: str
    uid: Uid
    name: Name | None = None
    surname: Name | None = None
    group: str | None = Field(default=None, description="left out: Users")
    time_zone: str | None = None
    active: bool = True
    password: Password | None = Field(
        default=None, repr=False, description="left out: a one-time password is made"
    )

    def wish(self) -> UserNew:
        return UserNew(**dict(self))


class UserPatch(ProfilePatch):
    uid: Uid = left_out()
    group: str = left_out()
    active: bool = left_out()
    cancel_coming_reservations: bool = Field(
        default=False, description="with active: false; left out, what is reserved stays"
    )

    def wish(self) -> UserChange:  # type: ignore[override]
        return UserChange(**self.given())


class GroupPost(Body):
    name: Name
    description: str | None = None
    parent: str | None = None
    users_share_statistics: bool = True
    members: list[str] = []

    def wish(self) -> GroupNew:
        return GroupNew(**{**dict(self), "members": tuple(dict.fromkeys(self.members))})


class GroupPatch(Body):
    name: Name = left_out()
    description: str | None = left_out()
    parent: str | None = left_out()
    users_share_statistics: bool = left_out()
    members: list[str] = Field(
        default_factory=lambda: None,  # type: ignore[arg-type]
        description="all who are to be in it; whom you leave out moves to its parent",
    )

    def wish(self) -> GroupChange:
        return GroupChange(**self.given())


class Joining(Body):
    members: list[str] = Field(min_length=1, max_length=1000, description="usernames")


class CapacityBody(Body):
    amount: Amount


class CapacityItem(Body):
    resource: str
    amount: Amount


def _once(items: list[CapacityItem]) -> list[CapacityItem]:
    names = [item.resource for item in items]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice} is named twice.")
    return items


def _amounts(items: list[CapacityItem]) -> dict[str, int]:
    return {item.resource: item.amount for item in items}


class ExporterBody(Body):
    """What answers Prometheus on a node: `job` becomes a label."""

    job: str = Field(description="letters, digits and _, no digit first")
    port: int = Field(ge=1, le=LARGEST_PORT)
    path: str = Field(default=METRICS_PATH, description="begins with /")


def _exporters(given: list[ExporterBody] | None) -> tuple[Exporter, ...] | None:
    return None if given is None else tuple(Exporter(**dict(one)) for one in given)


class NodePost(Body):
    name: Name
    description: str | None = None
    state: State = NodeState.AVAILABLE
    capacities: list[CapacityItem] = []
    address: str | None = None
    exporters: list[ExporterBody] | None = Field(
        default=None, description="null: those set for all nodes; none listed: none at all"
    )

    _once = field_validator("capacities")(_once)

    def wish(self) -> NodeNew:
        given = {"capacities": _amounts(self.capacities), "exporters": _exporters(self.exporters)}
        return NodeNew(**{**dict(self), **given})


class NodePatch(Body):
    name: Name = left_out()
    description: str | None = left_out()
    state: State = left_out()
    capacities: list[CapacityItem] = left_out()
    address: str | None = left_out()
    exporters: list[ExporterBody] | None = Field(
        default=None, description="null: those set for all nodes; none listed: none at all"
    )

    _once = field_validator("capacities")(_once)

    def wish(self) -> NodeChange:
        given = self.given()
        if "capacities" in given:
            given["capacities"] = _amounts(self.capacities)
        if given.get("exporters", "") != "":
            given["exporters"] = _exporters(self.exporters)
        return NodeChange(**given)


class AliasPost(Body):
    name: Name
    description: str | None = None

    def wish(self) -> AliasNew:
        return AliasNew(**dict(self))


class AliasPatch(Body):
    name: Name = left_out()
    description: str | None = left_out()

    def wish(self) -> AliasChange:
        return AliasChange(**self.given())


class LimitPost(Body):
    """Exactly one of `user` and `group`."""

    name: Name
    resource: str
    amount: Amount
    user: str | None = None
    group: str | None = None
    nodes: list[str] = Field(default=[], description="none: all nodes")
    scope: ScopeText = Scope.EACH_NODE
    description: str | None = None

    def wish(self) -> LimitNew:
        return LimitNew(**{**dict(self), "nodes": tuple(self.nodes)})


class LimitPatch(Body):
    """Naming a user alone takes the limit from its group, and the other way round."""

    name: Name = left_out()
    resource: str = left_out()
    amount: Amount = left_out()
    user: str | None = left_out()
    group: str | None = left_out()
    nodes: list[str] = left_out()
    scope: ScopeText = left_out()
    description: str | None = left_out()

    def wish(self) -> LimitChange:
        return LimitChange(**self.given())


class MaintenancePost(Body):
    node: str
    starts_at: WholeMinute
    ends_at: WholeMinute
    reason: str | None = None

    def wish(self) -> MaintenanceNew:
        return MaintenanceNew(**dict(self))


class MaintenancePatch(Body):
    node: str = left_out()
    starts_at: WholeMinute = left_out()
    ends_at: WholeMinute = left_out()
    reason: str | None = left_out()

    def wish(self) -> MaintenanceChange:
        return MaintenanceChange(**self.given())


class TagPost(Body):
    name: Name
    description: str | None = None

    def wish(self) -> TagNew:
        return TagNew(**dict(self))


class TagPatch(Body):
    name: Name = left_out()
    description: str | None = left_out()

    def wish(self) -> TagChange:
        return TagChange(**self.given())


class OffersPost(Body):
    """Each of `node_count` nodes gives all of `demands` for the whole duration."""

    duration: Duration
    demands: dict[str, PositiveAmount] = Field(
        min_length=1, examples=[{"cpu": 8, "gpu": 2}], description="resource to amount per node"
    )
    earliest: WholeMinute | None = Field(default=None, description="left out: now")
    latest_end: WholeMinute | None = Field(default=None, description="left out: the horizon")
    node_count: int = Field(default=1, ge=1, le=100_000)
    nodes: list[str] = Field(default=[], description="from which to choose; none: from all")
    max_offers: int = Field(default=1, ge=1, le=10)
    exclude_reservation: int | None = Field(
        default=None, description="a scheduled reservation that is to be moved"
    )

    def wish(self) -> OfferRequest:
        return OfferRequest(**{**dict(self), "nodes": tuple(self.nodes)})


class AllocationItem(Body):
    node: str
    resource: str
    amount: PositiveAmount

    def spec(self) -> AllocationSpec:
        return AllocationSpec(self.node, self.resource, self.amount)


class ReservationPost(Body):
    """An offer can be sent as it is: what it says about itself is not looked at."""

    name: Name
    description: str | None = None
    starts_at: WholeMinute
    ends_at: WholeMinute
    allocations: list[AllocationItem] = Field(min_length=1)
    tags: list[Name] = []
    proven_earliest: bool | None = Field(default=None, description="of an offer; not looked at")
    note: str | None = Field(default=None, description="of an offer; not looked at")

    def wish(self) -> BookingRequest:
        return BookingRequest(
            name=self.name,
            description=self.description,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            allocations=tuple(item.spec() for item in self.allocations),
            tags=tuple(self.tags),
        )


class ReservationPatch(Body):
    name: Name = left_out()
    description: str | None = left_out()
    starts_at: WholeMinute = left_out()
    ends_at: WholeMinute = left_out()
    allocations: list[AllocationItem] = left_out()
    tags: list[Name] = left_out()

    def wish(self, version: int | None) -> ChangeRequest:
        given = self.given()
        if "allocations" in given:
            given["allocations"] = tuple(item.spec() for item in self.allocations)
        return ChangeRequest(**given, version=version)
