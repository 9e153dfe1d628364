"""Limits, for administrators."""

from flask import Response

from remas.api import answers, previews, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import POLICY, Who, describe
from remas.services import contradictions, limit_admin


@bp.get("/limits")
@describe(POLICY, answers.LimitList, who=Who.ADMINS, cached=True)
def list_limits(query: queries.Limits, headers: queries.IfNoneMatch) -> Response:
    """Limits, by name unless `sort` says otherwise.

    `node` finds those that list it and those for all nodes.
    """
    wanted = limit_admin.LimitFilter(query.user, query.group, query.resource, query.node, query.q)
    found = limit_admin.search(actor(), wanted, query.page, query.per_page, query.sort)
    return shown(shapes.listing(found, shapes.limit))


@bp.post("/limits")
@describe(POLICY, answers.Limit, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_limit(json: schemas.LimitPost) -> Response:
    """Limit what a user, or each member of a group by himself, may hold at any instant."""
    limit = limit_admin.create(actor(), json.wish())
    return created(shapes.limit(limit), address(".get_limit", limit_id=limit.id))


@bp.post("/limits/preview")
@describe(POLICY, previews.Effect, who=Who.ADMINS, more=(404,))
def preview_limit(json: previews.LimitPreview, query: queries.Paging) -> Response:
    """Which reservations a limit contradicts, before it is made or changed. Nothing is stored.

    Those are told that could not be booked again as they stand; they would stay. What stands
    against a limit in the same way already is left out.
    """
    effect = contradictions.of_limit(actor(), json.change(), json.replaces)
    return shown(previews.effect(effect, query))


@bp.get("/limits/<int:limit_id>")
@describe(POLICY, answers.Limit, who=Who.ADMINS, cached=True)
def get_limit(limit_id: int, headers: queries.IfNoneMatch) -> Response:
    """One limit."""
    return shown(shapes.limit(limit_admin.get(actor(), limit_id)))


@bp.patch("/limits/<int:limit_id>")
@describe(POLICY, answers.Limit, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_limit(limit_id: int, json: schemas.LimitPatch, headers: queries.IfMatch) -> Response:
    """Change a limit. What is reserved stays; the next change that asks for more is bound."""
    limit = limit_admin.change(actor(), limit_id, json.wish(), if_match(shapes.limit))
    return shown(shapes.limit(limit))


@bp.get("/limits/<int:limit_id>/deletion")
@describe(POLICY, previews.Effect, who=Who.ADMINS, cached=True)
def preview_limit_deletion(
    limit_id: int, query: queries.Paging, headers: queries.IfNoneMatch
) -> Response:
    """Which reservations deleting a limit contradicts: one of a farther level may come in force."""
    return shown(previews.effect(contradictions.of_limit_gone(actor(), limit_id), query))


@bp.delete("/limits/<int:limit_id>")
@describe(POLICY, status=204, who=Who.ADMINS, stale=True)
def delete_limit(limit_id: int, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a limit."""
    limit_admin.delete(actor(), limit_id, if_match(shapes.limit))
    return "", 204
