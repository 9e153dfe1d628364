"""A new reservation: what is wanted, what is offered, and the offer taken."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas.durations import format_duration
from remas.errors import Busy, Conflict, Invalid, NoAnswerInTime, NoRoom
from remas.forms.offer import Placed, read_offer, write_offer
from remas.forms.reservation import AskForm, ask_form, prefill
from remas.services import booking, catalogue, presets, standing
from remas.services.answers import SearchAnswer
from remas.services.availability import search
from remas.services.catalogue import Catalogue
from remas.services.presets import Preset
from remas.services.standing import Standing
from remas.units import format_amount
from remas.web import current
from remas.web.strips import strips
from remas.web.waiting import answer_within

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
    """The form, as far as the address fills it in: `?nodes=n1&earliest=2026-11-24T09:00`.

    Amounts by the name of the resource (`?gpu=4`) or of its field; moments as clocks show them, or
    with an offset.
    """
    choices, zone = catalogue.read(), current.zone()
    given = prefill(request.args, choices, zone)
    form = ask_form(choices)(given or None, zone=zone)
    return _page(form, choices, Outcome(), ask_at_once=bool(given))


@blueprint.post("/suggestions")
def suggestions() -> str:
    """The answer alone, for the form as it stands while somebody types."""
    choices, outcome = catalogue.read(), Outcome()
    form = ask_form(choices)(zone=current.zone())
    errors, missing = form.live_errors()
    if not errors and not missing:
        _search(form, outcome)
        errors = {field.name: " ".join(field.errors) for field in form if field.errors}
    return render_template(
        "reservations/_suggestions.html",
        form=form,
        errors=errors,
        missing=missing,
        **_answered(form, choices, outcome),
    )


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


def _answered(form: AskForm, choices: Catalogue, outcome: Outcome) -> dict[str, Any]:
    """What the templates of an answer are given."""
    gone = outcome.gone if isinstance(outcome.gone, NoRoom) else None
    offers = outcome.answer.offers if outcome.answer else gone.offers if gone else ()
    return {
        "units": choices.units,
        "outcome": outcome,
        "offers": offers,
        "strips": strips(offers),
        "shortages": gone.shortages if gone else (),
        "write_offer": write_offer,
    }


def _page(form: AskForm, choices: Catalogue, outcome: Outcome, *, ask_at_once: bool = False) -> str:
    form.token.data = form.token.data or secrets.token_urlsafe(16)
    limits = standing.of(current.actor())
    return render_template(
        "reservations/new.html",
        form=form,
        choices=choices,
        limits=limits,
        limits_of=_by_field(form, limits),
        presets=[(preset, _address(preset, choices)) for preset in presets.last(current.actor())],
        ask_at_once=ask_at_once,
        answer_within=answer_within(),
        **_answered(form, choices, outcome),
    )


def _by_field(form: AskForm, limits: tuple[Standing, ...]) -> Mapping[str, list[Standing]]:
    """Field of a resource to the limits on it."""
    return {
        field: [limit for limit in limits if limit.resource == name]
        for field, name in form.demand_ids.items()
    }


def _address(preset: Preset, choices: Catalogue) -> str:
    """The form, filled in with what was asked before."""
    units = choices.units
    amounts = {
        f"demand_{resource.id}": format_amount(preset.demands[resource.name], units[resource.name])
        for resource in choices.resources
        if resource.name in preset.demands
    }
    return url_for(
        "asking.index",
        name=preset.name,
        duration=format_duration(preset.duration),
        node_count=preset.node_count,
        **dict[str, Any](amounts),
    )
