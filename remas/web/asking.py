"""A new reservation: what is wanted, what is offered, and the offer taken."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas.errors import Busy, Conflict, Invalid, NoAnswerInTime, NoRoom
from remas.forms.offer import Placed, read_offer, write_offer
from remas.forms.reservation import AskForm, ask_form
from remas.services import booking, catalogue, standing
from remas.services.answers import SearchAnswer
from remas.services.availability import search
from remas.services.catalogue import Catalogue
from remas.web import current

blueprint = Blueprint("asking", __name__, url_prefix="/reservations/new")

TOO_LATE = "Its start has passed meanwhile."


@dataclass(slots=True)
class Outcome:
    """What there is to tell beside the form.

    `gone`: the offer that was to be booked is no longer to be had, and why; `trouble`: why there
    is no answer, in a sentence. `booked`: the id of the reservation that was made.
    """

    answer: SearchAnswer | None = None
    gone: NoRoom | str | None = None
    trouble: str | None = None
    booked: int | None = None


@blueprint.get("")
def index() -> str:
    """The form, as far as the address fills it in: `?nodes=n1&earliest=2026-11-24T09:00`."""
    choices = catalogue.read()
    form = ask_form(choices)(request.args or None, zone=current.zone())
    return _page(form, choices, Outcome())


@blueprint.post("")
def answer() -> str | Response:
    """Search; or, with the button of an offer, book it."""
    choices, outcome = catalogue.read(), Outcome()
    form = ask_form(choices)(zone=current.zone())
    complete = form.validate()
    if "take" in request.form:
        _take(form, request.form["take"], outcome)
    if outcome.booked is not None:
        flash("Booked.", "success")
        return redirect(url_for("reservations.show", reservation_id=outcome.booked))
    if complete:
        _search(form, outcome)
    return _page(form, choices, outcome)


def _search(form: AskForm, outcome: Outcome) -> None:
    try:
        outcome.answer = search(current.actor(), form.search())
    except Invalid as refused:
        outcome.trouble = " ".join(form.refuse(refused.errors, form.paths)) or None
    except (NoAnswerInTime, Busy) as refused:
        outcome.trouble = refused.detail


def _take(form: AskForm, written: str, outcome: Outcome) -> None:
    """Book the offer of a pressed button; what is wrong goes to the form and the outcome."""
    if not form.name.data and not form.name.errors:
        form.refuse({"name": ["Give it a name, then book."]}, {})
    if form.name.errors or form.description.errors or form.tags.errors:
        return
    try:
        placed = read_offer(written)
        outcome.booked = _book(form, placed)
    except NoRoom as refused:
        outcome.gone = refused
    except Invalid as refused:
        left = form.refuse(refused.errors, {"starts_at": "", "ends_at": ""})
        outcome.gone = TOO_LATE if "starts_at" in refused.errors else " ".join(left) or None
    except (Busy, Conflict) as refused:
        outcome.trouble = refused.detail
    except ValueError as broken:
        outcome.trouble = str(broken)


def _book(form: AskForm, placed: Placed) -> int:
    """The id of the reservation: the one made now, or by the same click before."""
    booked = booking.create(current.actor(), *form.booking(placed))
    number: Any = booked.reservation.id if booked.reservation else (booked.body or {})["id"]
    return int(number)


def _page(form: AskForm, choices: Catalogue, outcome: Outcome) -> str:
    form.token.data = form.token.data or secrets.token_urlsafe(16)
    gone = outcome.gone if isinstance(outcome.gone, NoRoom) else None
    offers = outcome.answer.offers if outcome.answer else gone.offers if gone else ()
    return render_template(
        "reservations/new.html",
        form=form,
        choices=choices,
        units=choices.units,
        limits=standing.of(current.actor()),
        outcome=outcome,
        offers=offers,
        shortages=gone.shortages if gone else (),
        write_offer=write_offer,
    )
