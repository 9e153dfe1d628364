"""What a change would contradict: bodies, answers and shapes of the previews."""

from typing import Any

from pydantic import Field

from remas.api.answers import Answer, Listing
from remas.api.bodies import LARGEST_ID
from remas.api.queries import Paging
from remas.api.schemas import LimitPost, MaintenancePost
from remas.api.shapes import listing, moment
from remas.api.values import Moment
from remas.services.contradictions import Cause, Contradiction
from remas.services.contradictions import Effect as EffectFound
from remas.services.limit_wishes import LimitChange, LimitNew
from remas.services.maintenance import MaintenanceNew
from remas.services.paging import Page


class LimitPreview(LimitPost):
    """A limit as it is to be."""

    replaces: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="the id of the limit that is to become this"
    )

    def change(self) -> LimitNew | LimitChange:
        """What is wished: a new limit, or a change of all fields of one that is there."""
        given = {name: value for name, value in dict(self).items() if name != "replaces"}
        given["nodes"] = tuple(self.nodes)
        if self.replaces is None:
            return LimitNew(**given)
        return LimitChange(**{**given, "description": self.description or ""})


class MaintenancePreview(MaintenancePost):
    """A maintenance as it is to be."""

    replaces: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="the id of the maintenance that is moved"
    )

    def wish(self) -> MaintenanceNew:
        """The maintenance."""
        return MaintenanceNew(self.node, self.starts_at, self.ends_at, self.reason)


class ContradictedOwner(Answer):
    username: str
    name: str
    email: str


class ContradictionAnswer(Answer):
    """A reservation, and one thing that it stands against."""

    reservation: int
    name: str
    owner: ContradictedOwner
    starts_at: Moment
    ends_at: Moment
    cause: Cause
    node: str | None = Field(description="null: a limit over several nodes together")
    resource: str | None = Field(description="null: it is about the node as a whole")
    short_by: int | None = Field(
        description="the most units that are too many; null: it is about the node as a whole"
    )
    limit: str | None
    since: Moment = Field(description="the first moment, not before now, at which it is so")


class Effect(Listing):
    items: list[ContradictionAnswer]
    reservations: int = Field(description="how many reservations are concerned")
    owners: int = Field(description="how many people own them")
    binds: int | None = Field(description="for how many active people the limit would be in force")


def effect(found: EffectFound, query: Paging) -> dict[str, Any]:
    """One page of what is contradicted, and what it comes to."""
    page = Page.cut(found.found, query.page, query.per_page)
    sums = {"reservations": found.reservations, "owners": found.owners, "binds": found.binds}
    return listing(page, _shape) | sums


def _shape(one: Contradiction) -> dict[str, Any]:
    return {
        "reservation": one.reservation,
        "name": one.name,
        "owner": {"username": one.username, "name": one.owner, "email": one.email},
        "starts_at": moment(one.starts_at),
        "ends_at": moment(one.ends_at),
        "cause": one.cause.value,
        "node": one.node,
        "resource": one.resource,
        "short_by": one.short_by,
        "limit": one.limit,
        "since": moment(one.since),
    }
