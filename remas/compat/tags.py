"""People's own labels of their tasks."""

from collections.abc import Sequence

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators, require_self
from remas.compat.errors import Refused, storing
from remas.errors import Forbidden
from remas.models import Tag
from remas.services import belongings, by_id, tags
from remas.services.tags import TagChange, TagNew


@bp.get("/task_tag")
@for_administrators
def list_tags() -> Response:
    """All tags of all people, by owner."""
    return _listed(tags.search_all(actor(), page=1, per_page=bodies.ALL).items)


@bp.get("/task_tag/user/<user_id>")
def list_tags_of_user(user_id: int) -> Response:
    """Somebody's tags."""
    require_self(user_id)
    username = by_id.account(user_id).user.username
    return _listed(tags.search(actor(), username, page=1, per_page=bodies.ALL).items)


@bp.get("/task_tag/group/<group_id>")
def list_tags_of_group(group_id: int) -> Response:
    """The tags of all who are in the group itself; for its members where it shares statistics."""
    try:
        return _listed(tags.of_members(actor(), group_id))
    except Forbidden:
        raise Refused(403, NOT_ALLOWED) from None


@bp.get("/task_tag/<tag_id>")
def get_tag(tag_id: int) -> Response:
    """One tag: one's own, or as an administrator."""
    return _whole(tags.get_by_id(actor(), tag_id))


@bp.post("/task_tag")
def post_tag() -> Response:
    """Make a tag of one's own."""
    body = bodies.read(schemas.New)
    with storing("task tag"):
        tag = tags.create(actor(), TagNew(body.name, body.description))
    return _whole(tag)


@bp.put("/task_tag")
def put_tag() -> Response:
    """Name and description, by its owner or an administrator."""
    body = bodies.read(schemas.Changed)
    wish = TagChange(body.name, body.description or "")
    with storing("task tag"):
        tag = tags.change_by_id(actor(), by_id.storable(body.id, "Tag"), wish)
    return _whole(tag)


@bp.delete("/task_tag/<tag_id>")
def delete_tag(tag_id: int) -> Response:
    """Delete a tag: all tasks lose it."""
    tags.delete_by_id(actor(), tag_id)
    return bodies.done("Task tag deleted")


def _listed(found: Sequence[Tag]) -> Response:
    carried = belongings.of_tags([tag.id for tag in found])
    return bodies.listed(shapes.tags(actor(), found, carried))


def _whole(tag: Tag) -> Response:
    carried = belongings.of_tags([tag.id])
    return bodies.answer(shapes.tags(actor(), [tag], carried)[0])
