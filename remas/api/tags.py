"""Tags: people's own labels."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.reservations import version_seen
from remas.api.spec import BOOKING, Who, describe
from remas.services import booking, tags


@bp.get("/tags")
@describe(BOOKING, answers.TagList, cached=True)
def list_tags(query: queries.Tags, headers: queries.IfNoneMatch) -> Response:
    """Your tags by name; an administrator may ask for another's."""
    found = tags.search(actor(), query.owner, query.page, query.per_page)
    return shown(shapes.listing(found, shapes.tag))


@bp.post("/tags")
@describe(BOOKING, answers.Tag, 201, conflict=answers.TakenProblem)
def post_tag(json: schemas.TagPost) -> Response:
    """Make a tag of your own."""
    tag = tags.create(actor(), json.wish())
    return created(shapes.tag(tag), address(".get_tag", name=tag.name))


@bp.get("/tags/<name>")
@describe(BOOKING, answers.Tag, cached=True)
def get_tag(name: str, headers: queries.IfNoneMatch) -> Response:
    """One of your tags."""
    return shown(shapes.tag(tags.get(actor(), name)))


@bp.patch("/tags/<name>")
@describe(BOOKING, answers.Tag, conflict=answers.TakenProblem, stale=True)
def patch_tag(name: str, json: schemas.TagPatch, headers: queries.IfMatch) -> Response:
    """Change one of your tags."""
    return shown(shapes.tag(tags.change(actor(), name, json.wish(), if_match(shapes.tag))))


@bp.delete("/tags/<name>")
@describe(BOOKING, status=204, stale=True)
def delete_tag(name: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete one of your tags; reservations lose it."""
    tags.delete(actor(), name, if_match(shapes.tag))
    return "", 204


@bp.get("/everybodys-tags")
@describe(BOOKING, answers.OwnedTagList, who=Who.ADMINS, cached=True)
def list_everybodys_tags(query: queries.EverybodysTags, headers: queries.IfNoneMatch) -> Response:
    """Everybody's tags, by owner unless `sort` says otherwise."""
    page = query.page, query.per_page
    found = tags.search_all(actor(), query.owner, query.q, query.sort, *page)
    used = tags.uses(found.items)
    return shown(shapes.listing(found, lambda tag: shapes.owned_tag(tag, used[tag.id])))


@bp.put("/reservations/<int:reservation_id>/tags/<name>")
@describe(
    BOOKING, answers.Reservation, conflict=answers.TakenProblem, stale=True, named_in_path=True
)
def put_reservation_tag(reservation_id: int, name: str, headers: queries.IfMatch) -> Response:
    """Put a tag of the owner's on a reservation; it is made if need be."""
    seen = version_seen(reservation_id, headers)
    reservation = booking.set_tag(actor(), reservation_id, name, seen)
    return shown(shapes.reservation_for(actor())(reservation))


@bp.delete("/reservations/<int:reservation_id>/tags/<name>")
@describe(BOOKING, status=204, stale=True)
def delete_reservation_tag(
    reservation_id: int, name: str, headers: queries.IfMatch
) -> tuple[str, int]:
    """Take a tag off a reservation; one that is not on it is no error."""
    booking.unset_tag(actor(), reservation_id, name, version_seen(reservation_id, headers))
    return "", 204
