"""Moving a reservation from a drawing: new ends in, the server's word out, as JSON.

`POST /reservations/<id>/move` with `X-CSRFToken` and `{"starts_at": …, "ends_at": …}` (ISO 8601
with offset; either may be left out), or `{"take": …}` as an earlier answer offered it; `version`
where it matters what was seen. A refusal is an answer, not an error of HTTP: 200 with
`ok` false, what is in the way and where it would fit.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from remas.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NoAnswerInTime,
    NoRoom,
    NotFound,
    Stale,
)
from remas.forms.offer import read_offer, write_offer
from remas.models import Reservation, Unit
from remas.services import booking, catalogue
from remas.services.answers import OfferFound, ShortageFound
from remas.services.requests import ChangeRequest
from remas.web import current
from remas.web.format import amount, span_text

blueprint = Blueprint("moving", __name__, url_prefix="/reservations")

WRONG = "Send starts_at and ends_at as moments with an offset."
YEARS = 1970, 2200  # beyond them nobody means it, and sums overflow
NAMED = 3  # reasons told; the page of the reservation tells all


@blueprint.post("/<int(max=2147483647):reservation_id>/move")
def move(reservation_id: int) -> Response | tuple[Response, int]:
    """Change the ends; all of it or nothing."""
    try:
        wish = _wish(request.get_json(silent=True))
        moved = booking.change(current.actor(), reservation_id, wish)
    except NoRoom as refused:
        return _no_room(refused)
    except Invalid as refused:
        return _refused(refused.detail)
    except (Conflict, Stale) as refused:
        return _refused(refused.detail)
    except ValueError as broken:
        return _refused(str(broken)), HTTPStatus.UNPROCESSABLE_ENTITY
    except NotFound as refused:
        return _refused(refused.detail), HTTPStatus.NOT_FOUND
    except Forbidden as refused:
        return _refused(refused.detail), HTTPStatus.FORBIDDEN
    except (Busy, NoAnswerInTime) as refused:
        return _refused(refused.detail), HTTPStatus.SERVICE_UNAVAILABLE
    return _moved(moved)


def _wish(body: Any) -> ChangeRequest:
    """What is asked for. Raises `ValueError` with a sentence."""
    if not isinstance(body, dict):
        raise ValueError(WRONG)
    version = body.get("version")
    if version is not None and type(version) is not int:
        raise ValueError("The version is a number.")
    if "take" in body:
        placed = read_offer(str(body["take"]))
        return ChangeRequest(
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            allocations=placed.allocations,
            version=version,
        )
    starts_at, ends_at = _moment(body, "starts_at"), _moment(body, "ends_at")
    if starts_at is None and ends_at is None:
        raise ValueError(WRONG)
    return ChangeRequest(starts_at=starts_at, ends_at=ends_at, version=version)


def _moment(body: Mapping[str, Any], name: str) -> datetime | None:
    text = body.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(WRONG)
        moment = moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(WRONG) from None
    if not YEARS[0] <= moment.year < YEARS[1]:
        raise ValueError(f"Give a year from {YEARS[0]} to {YEARS[1] - 1}.")
    return moment


def _moved(reservation: Reservation) -> Response:
    return jsonify(
        ok=True,
        id=reservation.id,
        starts_at=reservation.starts_at.isoformat(),
        ends_at=reservation.ends_at.isoformat(),
        version=reservation.version,
        text=f"Now {span_text(reservation.starts_at, reservation.ends_at)}.",
    )


def _refused(sentence: str) -> Response:
    return jsonify(ok=False, refusal=sentence, reasons=[], offers=[])


def _no_room(refused: NoRoom) -> Response:
    units = catalogue.read().units
    return jsonify(
        ok=False,
        refusal=f"{refused.title}.",
        reasons=[reason(short, units) for short in refused.shortages[:NAMED]],
        offers=[_offer(offer) for offer in refused.offers],
    )


def reason(short: ShortageFound, units: Mapping[str, Unit]) -> str:
    """A shortage in a sentence, with those who hold what is missing."""
    node = short.node or "All nodes together"
    missing = f"{amount(short.short_by, units.get(short.resource, Unit.NONE))} {short.resource}"
    when = span_text(short.starts_at, short.ends_at)
    if short.reason == "maintenance":
        return f"{node} is closed for maintenance, {when}."
    if short.reason == "drained":
        return f"{node} takes no new reservations."
    if short.reason == "limit":
        return f"{node}: {missing} more than the limit “{short.limit}” allows, {when}."
    people = ", ".join(dict.fromkeys(f"{h.name} ({h.email})" for h in short.held_by))
    held = f" Held by {people}." if people else ""
    return f"{node} has {missing} too few, {when}.{held}"


def _offer(offer: OfferFound) -> dict[str, str | None]:
    return {
        "starts_at": offer.starts_at.isoformat(),
        "ends_at": offer.ends_at.isoformat(),
        "text": span_text(offer.starts_at, offer.ends_at),
        "note": offer.note,
        "take": write_offer(offer),
    }
