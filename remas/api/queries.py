"""What may stand after the question mark, and in headers. Unknown names are refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from remas.api.bodies import LARGEST_ID
from remas.api.values import Moment, WholeMinute
from remas.models import NodeState, Status
from remas.services.paging import MOST_PER_PAGE, PER_PAGE


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paging(Query):
    page: int = Field(default=1, ge=1, le=1_000_000)
    per_page: int = Field(default=PER_PAGE, ge=1, le=MOST_PER_PAGE)
    format: Literal["json", "csv"] | None = Field(
        default=None, description="left out: what `Accept` prefers"
    )


class Span(Paging):
    """`[from, to)`: what lies in it, or reaches into it."""

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class Users(Paging):
    q: str | None = Field(
        default=None,
        description="looked for in username, names and e-mail; by administrators, as the uid too",
    )
    group: str | None = Field(default=None, description="for administrators")
    subgroups: bool = Field(default=False, description="with group: of the groups below it as well")
    active: bool | None = Field(default=None, description="for administrators")
    administrators: bool | None = Field(default=None, description="for administrators")
    outside: str | None = Field(
        default=None, description="who is not right in this group; for administrators"
    )
    one_time_password: bool | None = Field(
        default=None, description="whether it is yet to be changed; for administrators"
    )
    sort: str = Field(
        default="username",
        description="username, name, surname or email; for administrators also uid, group or "
        "created; with - before it downwards",
    )


class Groups(Paging):
    q: str | None = Field(default=None, description="looked for in name and description")
    parent: str | None = None
    sort: str = Field(default="name", description="name or shares; with - before it downwards")


class Nodes(Paging):
    state: NodeState | None = None
    resource: str | None = Field(default=None, description="with some capacity of it")
    q: str | None = Field(default=None, description="looked for in name and description")
    sort: str = Field(
        default="name",
        description="name, state or resources (how many); with - before it downwards",
    )


class Resources(Paging):
    alias: str | None = None
    q: str | None = Field(default=None, description="looked for in name, aliases and description")
    sort: str = Field(default="name", description="name or unit; with - before it downwards")


class Limits(Paging):
    user: str | None = None
    group: str | None = None
    resource: str | None = None
    node: str | None = None
    q: str | None = Field(default=None, description="looked for in name and description")
    sort: str = Field(
        default="name",
        description="name, user, group, resource, amount or scope; with - before it downwards",
    )


class MaintenanceTimes(Span):
    node: str | None = None
    q: str | None = Field(
        default=None, description="looked for in the reason and the name of the node"
    )
    sort: str = Field(
        default="starts", description="starts, ends or node; with - before it downwards"
    )


class Reservations(Span):
    owner: str | None = None
    node: str | None = None
    status: Status | None = None
    q: str | None = Field(
        default=None, description="looked for in name and description, for administrators"
    )
    sort: str = Field(
        default="starts",
        description="starts; for administrators also ends, name or owner; "
        "with - before it downwards",
    )


class Tags(Paging):
    owner: str | None = Field(default=None, description="another user's, for administrators")


class EverybodysTags(Paging):
    owner: str | None = None
    q: str | None = Field(default=None, description="looked for in name and description")
    sort: str = Field(default="owner", description="owner or name; with - before it downwards")


class Aliases(Paging):
    q: str | None = Field(
        default=None, description="looked for in its name and in those of its resources"
    )
    sort: str = Field(default="name", description="name; with - before it downwards")


class AuditEntries(Span):
    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    subject: str | None = None
    subject_id: int | None = Field(default=None, ge=0, le=LARGEST_ID)


class TimetableRange(Query):
    since: WholeMinute = Field(alias="from")
    until: WholeMinute = Field(alias="to")
    node: list[str] = Field(default=[], description="may be given several times; none: all")


class IfMatch(BaseModel):
    """Change it only if it still is what its ETag says."""

    if_match: str | None = Field(default=None, alias="If-Match")


class IfNoneMatch(BaseModel):
    """304 if it still is what its ETag says."""

    if_none_match: str | None = Field(default=None, alias="If-None-Match")


class IdempotencyKey(BaseModel):
    """The same key and body within 24 hours get the first answer."""

    key: str | None = Field(default=None, alias="Idempotency-Key", min_length=1, max_length=255)
