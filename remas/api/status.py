"""How things stand at this moment: the nodes, and for administrators the service itself."""

from flask import Response
from pydantic import Field

from remas import clock
from remas.api import outbox_bodies, queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import CLUSTER, RECORD, Who, describe
from remas.api.values import Moment
from remas.models import NodeState, Unit
from remas.services import status
from remas.services.paging import Page
from remas.services.status import NodeNow, Use


class UseAnswer(Answer):
    resource: str
    unit: Unit
    capacity: int
    held: int = Field(description="reserved at this moment")
    free: int


class NodeNowAnswer(Answer):
    name: str
    state: NodeState
    closed_until: Moment | None = Field(description="the end of a maintenance that goes on")
    reservations: int = Field(description="how many run here")
    uses: list[UseAnswer]


class NodeNowList(Listing):
    items: list[NodeNowAnswer]


class ServiceNow(Answer):
    letters: outbox_bodies.OutboxCounts
    ticker_seen: Moment | None = Field(description="when it was last at work; null: never")


@bp.get("/status/nodes")
@describe(CLUSTER, NodeNowList, cached=True)
def list_nodes_now(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """What is reserved and free right now on each node that is not retired, by name."""
    found = Page.cut(status.nodes_now(), query.page, query.per_page)
    return shown(shapes.listing(found, _node))


@bp.get("/status/service")
@describe(RECORD, ServiceNow, who=Who.ADMINS, cached=True)
def get_service_now(headers: queries.IfNoneMatch) -> Response:
    """How the service itself is doing: its letters, and whether its ticker is at work."""
    found = status.service(actor())
    letters = outbox_bodies.counts(found.letters, found.oldest_due)
    return shown({"letters": letters, "ticker_seen": clock.written(found.ticker_seen)})


def _node(row: NodeNow) -> shapes.Shape:
    return {
        "name": row.name,
        "state": row.state.value,
        "closed_until": clock.written(row.closed_until),
        "reservations": row.holders,
        "uses": [_use(use) for use in row.uses],
    }


def _use(use: Use) -> shapes.Shape:
    return {
        "resource": use.resource,
        "unit": use.unit.value,
        "capacity": use.capacity,
        "held": use.held,
        "free": use.free,
    }
