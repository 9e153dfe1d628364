"""How people stand towards the limits that bind them."""

from flask import Response
from pydantic import Field

from remas import clock
from remas.api import queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import POLICY, Who, describe
from remas.api.values import Moment
from remas.models import Scope, Unit
from remas.services import standing
from remas.services.paging import Page
from remas.services.standing import Standing


class LimitInForce(Answer):
    name: str
    description: str | None
    resource: str
    unit: Unit
    amount: int
    scope: Scope
    level: str = Field(description="`user`, or the name of the group it comes from")
    nodes: list[str] = Field(description="none listed: all nodes that are not retired")


class LimitInForceList(Listing):
    items: list[LimitInForce]


class StandingAnswer(LimitInForce):
    """`held` and `peak`: over the nodes together, or on the node where it is most (`scope`)."""

    held: int = Field(description="at this moment")
    peak: int = Field(description="the most of it from now on")
    peak_at: Moment | None = Field(description="when that is reached first; null: nothing is held")


class StandingList(Listing):
    items: list[StandingAnswer]


@bp.get("/users/<username>/standing")
@describe(POLICY, StandingList, cached=True)
def list_standing(username: str, query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """The limits that bind somebody, and how much of each is held: your own, or as administrator.

    By resource, nearest level first.
    """
    found = standing.of_user(actor(), username)
    return shown(shapes.listing(Page.cut(found, query.page, query.per_page), _standing))


@bp.get("/groups/<name>/limits")
@describe(POLICY, LimitInForceList, who=Who.ADMINS, cached=True)
def list_group_limits(name: str, query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """What binds each member of a group who has no limits of his own, nearest level first."""
    found = standing.of_group(actor(), name)
    return shown(shapes.listing(Page.cut(found, query.page, query.per_page), _in_force))


def _in_force(found: Standing) -> shapes.Shape:
    return {
        "name": found.name,
        "description": found.description,
        "resource": found.resource,
        "unit": found.unit.value,
        "amount": found.amount,
        "scope": found.scope.value,
        "level": found.level,
        "nodes": list(found.nodes),
    }


def _standing(found: Standing) -> shapes.Shape:
    held = {"held": found.held, "peak": found.peak, "peak_at": clock.written(found.peak_at)}
    return {**_in_force(found), **held}
