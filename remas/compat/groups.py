"""Groups: for administrators; one's own group also for its members."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators
from remas.compat.errors import Refused, storing
from remas.errors import Conflict, Forbidden, Invalid
from remas.models import Group
from remas.services import belongings, by_id, groups, users
from remas.services.belongings import OfGroup
from remas.services.groups import KEPT, GroupChange, GroupNew
from remas.services.users import UserChange

NO_GROUP = "None"
"""What the front end offers where a group is to have no parent."""


@bp.get("/group")
@for_administrators
def list_groups() -> Response:
    """All groups by name."""
    found = groups.search(actor(), page=1, per_page=bodies.ALL).items
    has = belongings.of_groups(actor())
    shown = [shapes.group_full(actor(), row, has.get(row.id, OfGroup())) for row in found]
    return bodies.listed(shown)


@bp.get("/group/<group_id>")
def get_group(group_id: int) -> Response:
    """One group."""
    try:
        return _whole(by_id.group(actor(), group_id))
    except Forbidden:
        raise Refused(403, NOT_ALLOWED) from None


@bp.post("/group")
@for_administrators
def post_group() -> Response:
    """Make a group."""
    body = bodies.read(schemas.NewGroup)
    _refuse_no_group(body.name)
    wish = GroupNew(
        name=body.name,
        description=body.description,
        parent=None if body.parent_id is None else by_id.any_group(body.parent_id).name,
        users_share_statistics=body.users_share_statistics,
    )
    with storing("group"):
        group = groups.create(actor(), wish)
    return _whole(group, 201)


@bp.put("/group")
@for_administrators
def put_group() -> Response:
    """Name, description and whether statistics are shared; the parent stays."""
    body = bodies.read(schemas.ChangedGroup)
    _refuse_no_group(body.name)
    wish = GroupChange(
        name=body.name,
        description=body.description or "",
        users_share_statistics=body.users_share_statistics,
    )
    known = by_id.any_group(body.id)
    with storing("group"):
        group = groups.change(actor(), known.name, wish, by_id.still(body.id))
    return _whole(group)


@bp.delete("/group/<group_id>")
@for_administrators
def delete_group(group_id: int) -> Response:
    """Delete a group: its members and the groups below it move to its parent."""
    known = by_id.any_group(group_id)
    try:
        groups.delete(actor(), known.name, by_id.still(group_id))
    except Conflict:
        if group_id in KEPT:
            raise Refused(403, "Cannot delete default groups!") from None
        raise
    return bodies.done("Group deleted")


@bp.post("/group/add_user")
@for_administrators
def add_user() -> Response:
    """Put somebody into a group; everybody is in one."""
    body = bodies.read(schemas.Membership)
    user, group = by_id.account(body.user_id).user, by_id.any_group(body.group_id)
    wish = UserChange(group=group.name)
    users.change(actor(), user.username, wish, by_id.still(body.user_id))
    return _whole(by_id.any_group(body.group_id))


@bp.post("/group/change_parent")
@for_administrators
def change_parent() -> Response:
    """Move a group below another, or to the top."""
    body = bodies.read(schemas.Parent)
    known = by_id.any_group(body.group_id)
    parent = "" if body.parent_id is None else by_id.any_group(body.parent_id).name
    wish = GroupChange(parent=parent)
    try:
        group = groups.change(actor(), known.name, wish, by_id.still(body.group_id))
    except Invalid as refused:
        raise Refused(400, refused.detail) from None
    except Conflict:
        if body.group_id in KEPT:
            raise Refused(403, "Cannot change default groups!") from None
        raise
    return _whole(group)


def _refuse_no_group(name: str) -> None:
    if name == NO_GROUP:
        raise Refused(400, f"A group cannot be called {NO_GROUP}.")


def _whole(group: Group, status: int = 200) -> Response:
    has = belongings.of_groups(actor(), [group.id])[group.id]
    return bodies.answer(shapes.group_full(actor(), group, has), status)
