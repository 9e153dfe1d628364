"""What may stand after the question mark, and in headers. Unknown names are refused."""

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


class Span(Paging):
    """`[from, to)`: what lies in it, or reaches into it."""

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class Users(Paging):
    q: str | None = Field(default=None, description="looked for in username, names and e-mail")
    group: str | None = Field(default=None, description="for administrators")
    active: bool | None = Field(default=None, description="for administrators")


class Groups(Paging):
    parent: str | None = None


class Nodes(Paging):
    state: NodeState | None = None
    resource: str | None = Field(default=None, description="with some capacity of it")


class Resources(Paging):
    alias: str | None = None


class Limits(Paging):
    user: str | None = None
    group: str | None = None
    resource: str | None = None
    node: str | None = None


class MaintenanceTimes(Span):
    node: str | None = None


class Reservations(Span):
    owner: str | None = None
    node: str | None = None
    status: Status | None = None


class Tags(Paging):
    owner: str | None = Field(default=None, description="another user's, for administrators")


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
