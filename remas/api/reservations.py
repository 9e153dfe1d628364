"""The search for a slot, reservations, and the timetable."""

import json as json_text
from hashlib import sha256

from flask import Response

from remas.api import answers, queries, schemas, shapes, sheets
from remas.api.blueprint import actor, bp
from remas.api.bodies import LARGEST_ID, read_json
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import BOOKING, describe
from remas.errors import NotFound
from remas.services import audit, availability, booking, reservations, timetable
from remas.services.requests import Idempotency


@bp.post("/offers")
@describe(BOOKING, answers.Offers, more=(404,))
def search_offers(json: schemas.OffersPost) -> Response:
    """Search for a slot: the earliest first, then others that differ in something.

    Without an offer, the shortages or `detail` say why. Each offer can be sent to /reservations.
    """
    if json.exclude_reservation is not None and json.exclude_reservation > LARGEST_ID:
        raise NotFound(f"There is no reservation {json.exclude_reservation}.")
    return shown(shapes.search_answer(availability.search(actor(), json.wish())))


@bp.get("/reservations")
@describe(BOOKING, answers.ReservationList, cached=True, sheet=sheets.reservations)
def list_reservations(query: queries.Reservations, headers: queries.IfNoneMatch) -> Response:
    """Reservations, by start unless `sort` says otherwise.

    With `from` and `to`, those that reach into that time.

    Also as CSV: a line for each allocation, of the same page.
    """
    wanted = reservations.ReservationFilter(
        owner=query.owner,
        node=query.node,
        status=query.status,
        ends_after=query.since,
        starts_before=query.until,
        latest_first=query.sort == "-starts",
        text=query.q,
    )
    page = query.page, query.per_page
    if query.q is None and query.sort.removeprefix("-") == "starts":
        found = reservations.search(actor(), wanted, *page)
    else:
        found = reservations.search_all(actor(), wanted, query.sort, *page)
    return shown(shapes.listing(found, shapes.reservation_for(actor())))


@bp.post("/reservations")
@describe(BOOKING, answers.Reservation, 201, conflict=answers.NoRoomProblem)
def post_reservation(json: schemas.ReservationPost, headers: queries.IdempotencyKey) -> Response:
    """Book. What does not fit is refused with the reasons and with what would fit."""
    render = shapes.reservation_for(actor())
    key = Idempotency(headers.key, _fingerprint(), render) if headers.key else None
    booked = booking.create(actor(), json.wish(), key)
    shape = booked.body if booked.reservation is None else render(booked.reservation)
    if shape is None:
        raise AssertionError("what was booked before has a remembered answer")
    return created(shape, address(".get_reservation", reservation_id=shape["id"]))


@bp.get("/reservations/<int:reservation_id>")
@describe(BOOKING, answers.Reservation, cached=True)
def get_reservation(reservation_id: int, headers: queries.IfNoneMatch) -> Response:
    """One reservation."""
    reservation = reservations.get(actor(), reservation_id)
    return shown(shapes.reservation_for(actor())(reservation))


@bp.get("/reservations/<int:reservation_id>/history")
@describe(BOOKING, answers.AuditList, cached=True)
def get_reservation_history(
    reservation_id: int, query: queries.Paging, headers: queries.IfNoneMatch
) -> Response:
    """What was done to a reservation, latest first; for its owner and administrators.

    From which address, only administrators see.
    """
    found = audit.of_reservation(actor(), reservation_id, query.page, query.per_page)
    return shown(shapes.listing(found, shapes.audit_for(actor())))


@bp.patch("/reservations/<int:reservation_id>")
@describe(BOOKING, answers.Reservation, conflict=answers.NoRoomProblem, stale=True)
def patch_reservation(
    reservation_id: int, json: schemas.ReservationPatch, headers: queries.IfMatch
) -> Response:
    """Change a reservation: all of it or nothing."""
    render = shapes.reservation_for(actor())
    wish = json.wish(version_seen(reservation_id, headers))
    return shown(render(booking.change(actor(), reservation_id, wish)))


@bp.post("/reservations/<int:reservation_id>/cancel")
@describe(BOOKING, answers.Reservation, conflict=answers.NoRoomProblem, stale=True)
def cancel_reservation(reservation_id: int, headers: queries.IfMatch) -> Response:
    """Give up a reservation that has not started. Repeating it changes nothing."""
    reservation = booking.cancel(actor(), reservation_id, version_seen(reservation_id, headers))
    return shown(shapes.reservation_for(actor())(reservation))


@bp.post("/reservations/<int:reservation_id>/release")
@describe(BOOKING, answers.Reservation, conflict=answers.NoRoomProblem, stale=True)
def release_reservation(reservation_id: int, headers: queries.IfMatch) -> Response:
    """End a running reservation early. Repeating it changes nothing."""
    reservation = booking.release(actor(), reservation_id, version_seen(reservation_id, headers))
    return shown(shapes.reservation_for(actor())(reservation))


@bp.get("/timetable")
@describe(BOOKING, answers.Timetable, cached=True)
def get_timetable(query: queries.TimetableRange, headers: queries.IfNoneMatch) -> Response:
    """Rows, bars and free capacity for a calendar, of at most 400 days."""
    return shown(
        shapes.timetable(timetable.timetable(actor(), query.since, query.until, query.node))
    )


def _fingerprint() -> str:
    """The same for bodies that are equal as JSON values."""
    text = json_text.dumps(read_json(), sort_keys=True)
    return sha256(text.encode()).hexdigest()


def version_seen(reservation_id: int, headers: queries.IfMatch) -> int | None:
    """The version that the If-Match is about, if there is one. Raises `Stale`."""
    if not headers.if_match:
        return None
    reservation = reservations.get(actor(), reservation_id)
    if_match(shapes.reservation_for(actor()))(reservation)
    return reservation.version
