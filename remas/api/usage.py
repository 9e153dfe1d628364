"""What people use, as Prometheus measures it, against what is reserved."""

from flask import Response
from pydantic import Field

from remas import clock
from remas.api import queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import BOOKING, CLUSTER, describe
from remas.api.values import Moment
from remas.models import Measure, Unit
from remas.services import exceeding, use
from remas.services.exceeding import Above
from remas.services.paging import Page
from remas.services.use import NodeUse, ResourceUse


class NodeUsage(Answer):
    """In the base unit of the resource."""

    node: str
    reserved: int
    mean: float | None = Field(description="null: nothing was measured", examples=[3.35])
    peak: float | None = Field(examples=[3.5])
    share: float | None = Field(
        description="the mean as a part of what is reserved: 1 is all of it", examples=[0.84]
    )
    used: list[float | None] = Field(
        description="at each of `times`; null: nothing was measured then",
        examples=[[3.2, 3.5, None]],
    )


class ResourceUsage(Answer):
    resource: str
    unit: Unit
    measure: Measure
    trouble: str | None = Field(description="why Prometheus does not take the resource's query")
    nodes: list[NodeUsage]


class ReservationUsage(Answer):
    """Resources that nothing measures are left out."""

    from_: Moment = Field(alias="from")
    to: Moment = Field(description="how far it was measured; `from`: it has not begun")
    step: str = Field(description="how far the times are apart", examples=["PT5M"])
    times: list[Moment] = Field(
        description="at most 300, each at the end of what it tells of",
        examples=[["2026-12-03T14:05:00Z", "2026-12-03T14:10:00Z", "2026-12-03T14:15:00Z"]],
    )
    resources: list[ResourceUsage]


class ExceedingAnswer(Answer):
    """In the base unit of the resource."""

    username: str
    name: str
    node: str
    resource: str
    unit: Unit
    held: int
    used: float = Field(description="on average over the last five minutes")


class ExceedingList(Listing):
    items: list[ExceedingAnswer]


@bp.get("/reservations/<int:reservation_id>/usage")
@describe(BOOKING, ReservationUsage, cached=True)
def get_reservation_usage(reservation_id: int, headers: queries.IfNoneMatch) -> Response:
    """What the holder of a reservation used so far, on each node, against what is reserved.

    For those who see what it is for. 404 also where REMAS has no Prometheus.
    """
    found = use.of_reservation(actor(), reservation_id)
    return shown(
        {
            "from": clock.written(found.start),
            "to": clock.written(found.end),
            "step": f"PT{found.step // clock.MINUTE}M",
            "times": [clock.written(at) for at in found.times],
            "resources": [_resource(one) for one in found.resources],
        }
    )


@bp.get("/status/usage")
@describe(CLUSTER, ExceedingList, cached=True, more=(404,))
def list_exceeding(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Who uses more right now than is held, the farthest above first.

    Everybody to administrators, else yourself. Above is who used, on average over five minutes,
    more than is held by over a hundredth of what the node has. 404 where REMAS has no Prometheus.
    """
    found = exceeding.now(actor())
    return shown(shapes.listing(Page.cut(found.rows, query.page, query.per_page), _above))


def _resource(found: ResourceUse) -> shapes.Shape:
    return {
        "resource": found.resource,
        "unit": found.unit.value,
        "measure": found.measure.value,
        "trouble": found.trouble,
        "nodes": [_node(one) for one in found.nodes],
    }


def _node(found: NodeUse) -> shapes.Shape:
    return {
        "node": found.node,
        "reserved": found.reserved,
        "mean": found.mean,
        "peak": found.peak,
        "share": found.share,
        "used": list(found.used),
    }


def _above(row: Above) -> shapes.Shape:
    return {
        "username": row.username,
        "name": row.full_name,
        "node": row.node,
        "resource": row.resource,
        "unit": row.unit.value,
        "held": row.held,
        "used": row.used,
    }
