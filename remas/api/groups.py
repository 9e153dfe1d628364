"""Groups, for administrators."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import PEOPLE, Who, describe
from remas.services import groups


@bp.get("/groups")
@describe(PEOPLE, answers.GroupList, who=Who.ADMINS, cached=True)
def list_groups(query: queries.Groups, headers: queries.IfNoneMatch) -> Response:
    """Groups, by name unless `sort` says otherwise."""
    found = groups.search(actor(), query.parent, query.page, query.per_page, query.q, query.sort)
    return shown(shapes.listing(found, shapes.group))


@bp.post("/groups")
@describe(PEOPLE, answers.Group, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_group(json: schemas.GroupPost) -> Response:
    """Make a group. Its members move there from where they are."""
    group = groups.create(actor(), json.wish())
    return created(shapes.group(group), address(".get_group", name=group.name))


@bp.get("/groups/<name>")
@describe(PEOPLE, answers.Group, who=Who.ADMINS, cached=True)
def get_group(name: str, headers: queries.IfNoneMatch) -> Response:
    """One group with its members."""
    return shown(shapes.group(groups.get(actor(), name)))


@bp.patch("/groups/<name>")
@describe(PEOPLE, answers.Group, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_group(name: str, json: schemas.GroupPatch, headers: queries.IfMatch) -> Response:
    """Change a group. Members that are left out of `members` move to its parent."""
    return shown(shapes.group(groups.change(actor(), name, json.wish(), if_match(shapes.group))))


@bp.post("/groups/<name>/join")
@describe(PEOPLE, answers.Group, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def join_group(name: str, json: schemas.Joining, headers: queries.IfMatch) -> Response:
    """Move people into a group from where they are; who is in it stays. Again: no change."""
    usernames = tuple(dict.fromkeys(json.members))
    return shown(shapes.group(groups.join(actor(), name, usernames, if_match(shapes.group))))


@bp.delete("/groups/<name>")
@describe(PEOPLE, status=204, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def delete_group(name: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a group and its limits; members and groups below it move to its parent."""
    groups.delete(actor(), name, if_match(shapes.group))
    return "", 204
