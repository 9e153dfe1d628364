"""Reserved against used: parts that pages fetch once they are shown, so that no page waits.

Each is a page as well, for browsers without script.
"""

from flask import Blueprint, render_template, request

from remas.errors import MeasurementsAway
from remas.models import Reservation
from remas.services import exceeding, reservations, use
from remas.services.use import Used
from remas.web import current, use_view
from remas.web.reservations import ID, title_of

blueprint = Blueprint("use", __name__)

GIVE_UP = 10_000  # milliseconds after which a page stops waiting; the answer comes within one


@blueprint.get(f"/reservations/{ID}/use")
def of_reservation(reservation_id: int) -> str:
    """What its owner used so far, against what is reserved."""
    actor, away = current.actor(), None
    found: Used | None = None
    try:
        found = use.of_reservation(actor, reservation_id)
    except MeasurementsAway as error:
        away = error.detail
    reservation = reservations.get(actor, reservation_id)
    return render_template(
        "reservations/_use.html" if _is_part() else "reservations/use.html",
        reservation=reservation,
        title=_title(reservation),
        used=found,
        charts=use_view.charts(found, current.zone()) if found else (),
        away=away,
    )


@blueprint.get("/status/use")
def now() -> str:
    """Who is above what they hold: everybody for administrators, else oneself."""
    actor, found, away = current.actor(), None, None
    try:
        found = exceeding.now(actor)
    except MeasurementsAway as error:
        away = error.detail
    return render_template(
        "status/_above.html" if _is_part() else "status/above.html",
        found=found,
        rows=[use_view.above(row) for row in found.rows] if found else (),
        away=away,
    )


def _title(reservation: Reservation) -> str:
    hidden = reservations.hides_details(current.actor(), reservation)
    return title_of(reservation, hidden=hidden)


def _is_part() -> bool:
    """Whether a page fetches this to show it in itself."""
    return request.headers.get("HX-Request") == "true"
