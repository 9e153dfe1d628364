"""Maintenance: times at which a node is closed."""

from flask import Response

from remas.api import answers, previews, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import CLUSTER, Who, describe
from remas.services import contradictions, maintenance


@bp.get("/maintenance")
@describe(CLUSTER, answers.MaintenanceList, cached=True)
def list_maintenance(query: queries.MaintenanceTimes, headers: queries.IfNoneMatch) -> Response:
    """Maintenance, by start unless `sort` says otherwise.

    With `from` and `to`, what reaches into that time.
    """
    wanted = maintenance.MaintenanceFilter(query.node, query.since, query.until, text=query.q)
    found = maintenance.search(wanted, query.page, query.per_page, query.sort)
    return shown(shapes.listing(found, shapes.maintenance))


@bp.post("/maintenance")
@describe(CLUSTER, answers.Maintenance, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_maintenance(json: schemas.MaintenancePost) -> Response:
    """Close a node for a time. What is reserved then, stays reserved."""
    row = maintenance.create(actor(), json.wish())
    where = address(".get_maintenance", maintenance_id=row.id)
    return created(shapes.maintenance(row), where)


@bp.post("/maintenance/preview")
@describe(CLUSTER, previews.Effect, who=Who.ADMINS, more=(404,))
def preview_maintenance(json: previews.MaintenancePreview, query: queries.Paging) -> Response:
    """Which reservations a maintenance contradicts. Nothing is stored; they would stay."""
    effect = contradictions.of_maintenance(actor(), [json.wish()], json.replaces)
    return shown(previews.effect(effect, query))


@bp.get("/maintenance/<int:maintenance_id>")
@describe(CLUSTER, answers.Maintenance, cached=True)
def get_maintenance(maintenance_id: int, headers: queries.IfNoneMatch) -> Response:
    """One maintenance."""
    return shown(shapes.maintenance(maintenance.get(maintenance_id)))


@bp.patch("/maintenance/<int:maintenance_id>")
@describe(CLUSTER, answers.Maintenance, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_maintenance(
    maintenance_id: int, json: schemas.MaintenancePatch, headers: queries.IfMatch
) -> Response:
    """Change a maintenance."""
    seen = if_match(shapes.maintenance)
    row = maintenance.change(actor(), maintenance_id, json.wish(), seen)
    return shown(shapes.maintenance(row))


@bp.post("/maintenance/<int:maintenance_id>/end")
@describe(CLUSTER, answers.Maintenance, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def end_maintenance(maintenance_id: int, headers: queries.IfMatch) -> Response:
    """End a maintenance that goes on now: the node is open from the next full minute on."""
    row = maintenance.end(actor(), maintenance_id, if_match(shapes.maintenance))
    return shown(shapes.maintenance(row))


@bp.delete("/maintenance/<int:maintenance_id>")
@describe(CLUSTER, status=204, who=Who.ADMINS, stale=True)
def delete_maintenance(maintenance_id: int, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a maintenance: the node is open at that time."""
    maintenance.delete(actor(), maintenance_id, if_match(shapes.maintenance))
    return "", 204
