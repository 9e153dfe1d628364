"""Reservations: one's own in lists, and each on its page with what can be done about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NoAnswerInTime,
    NoRoom,
    NotChangeable,
    Stale,
)
from remas.forms.offer import read_offer, write_offer
from remas.forms.reservation import ChangeForm, change_form, shown
from remas.models import Reservation, Status
from remas.services import audit, audit_words, booking, catalogue, reservations, use
from remas.services.actor import Actor
from remas.services.answers import SearchAnswer, ShortageFound
from remas.services.availability import natural_key, search
from remas.services.catalogue import Catalogue
from remas.services.requests import OfferRequest
from remas.services.reservations import ReservationFilter
from remas.web import current, export, reservation_list
from remas.web.paging import Pages, page_number
from remas.web.strips import strips
from remas.web.waiting import answer_within

blueprint = Blueprint("reservations", __name__, url_prefix="/reservations")

PER_PAGE, HISTORY_PER_PAGE = 20, 50
TABS = {
    "coming": (Status.SCHEDULED, False),
    "past": (Status.FINISHED, True),
    "cancelled": (Status.CANCELLED, True),
}  # status, and whether the latest come first
ID = "<int(max=2147483647):reservation_id>"
Act = Callable[[Actor, int], Reservation]
CHANGEABLE = (Status.SCHEDULED, Status.RUNNING)


@dataclass(slots=True)
class Outcome:
    """What there is to tell about a change: refused and why, or where else it would fit."""

    refused: NoRoom | None = None
    answer: SearchAnswer | None = None
    trouble: str | None = None
    fits: bool = False
    shortages: tuple[ShortageFound, ...] = ()


@blueprint.get("")
def index() -> str | Response:
    """One's own: running and coming, past, or cancelled; all of them as a file (`?format=`)."""
    actor = current.actor()
    if form := export.wanted():
        return reservation_list.own(actor, form)
    tab = request.args.get("show", "coming")
    tab = tab if tab in TABS else "coming"
    status, latest_first = TABS[tab]
    page = page_number()
    wanted = ReservationFilter(owner=actor.username, status=status, latest_first=latest_first)
    found = reservations.search(actor, wanted, page, PER_PAGE)
    running = ReservationFilter(owner=actor.username, status=Status.RUNNING)
    return render_template(
        "reservations/index.html",
        tab=tab,
        found=found,
        pages=Pages(page, PER_PAGE, found.total),
        running=reservations.search(actor, running).items if tab == "coming" else (),
        now=clock.now(),
    )


@blueprint.route(f"/{ID}", methods=["GET", "POST"])
def show(reservation_id: int) -> str | Response:
    """One reservation; its owner and administrators change it here."""
    actor = current.actor()
    reservation = reservations.get(actor, reservation_id)
    choices = catalogue.read()
    form, outcome = None, Outcome()
    if actor.may_act_for(reservation.owner_id):
        form = _form(reservation, choices)
        if request.method == "POST" and form.validate() and _change(form, reservation, outcome):
            flash("The change is saved.", "success")
            return redirect(url_for("reservations.show", reservation_id=reservation_id))
        reservation = reservations.get(actor, reservation_id)
    elif request.method == "POST":
        booking.cancel(actor, reservation_id)  # refuses, in the right words
    return _page(reservation, form, choices, outcome)


def _form(reservation: Reservation, choices: Catalogue) -> ChangeForm:
    status = reservation.status(clock.now())
    made = change_form(
        reservation, choices, start=status is Status.SCHEDULED, rest=status in CHANGEABLE
    )
    return made(data=shown(reservation), zone=current.zone())


def _change(form: ChangeForm, reservation: Reservation, outcome: Outcome) -> bool:
    """Whether it was changed; if not, form and outcome say why."""
    try:
        if "find" in request.form:
            outcome.answer = search(current.actor(), _elsewhere(form, reservation))
            return False
        taken = request.form.get("take")
        wish = form.taking(read_offer(taken)) if taken else form.change()
        booking.change(current.actor(), reservation.id, wish)
    except NoRoom as refused:
        outcome.refused = refused
    except Invalid as refused:
        outcome.trouble = " ".join(form.refuse(refused.errors, form.paths)) or None
    except Stale as refused:
        outcome.trouble = f"{refused.detail} What you wrote is still here."
        form.version.data = str(reservations.get(current.actor(), reservation.id).version)
    except (Busy, Conflict, NoAnswerInTime) as refused:
        outcome.trouble = refused.detail
    except ValueError as broken:
        outcome.trouble = str(broken)
    else:
        return True
    return False


def _elsewhere(form: ChangeForm, reservation: Reservation) -> OfferRequest:
    """The search for another time on the same nodes, with the amounts in the form.

    Raises `NotChangeable` when it has begun or was cancelled since the form was shown.
    """
    if reservation.status(clock.now()) is not Status.SCHEDULED:
        raise NotChangeable("The reservation has begun or is over: it can no longer be moved.")
    bundles: dict[str, dict[str, int]] = {}
    for spec in form.allocations():
        bundles.setdefault(spec.node, {})[spec.resource] = spec.amount
    starts_at, ends_at = form["starts_at"].data, form["ends_at"].data
    if ends_at <= starts_at:
        raise Invalid.field("ends_at", "The end is not after the start.")
    return OfferRequest(
        duration=ends_at - starts_at,
        bundles=bundles,
        earliest=starts_at,
        exclude_reservation=reservation.id,
    )


def _page(
    reservation: Reservation, form: ChangeForm | None, choices: Catalogue, outcome: Outcome
) -> str:
    actor, now = current.actor(), clock.now()
    hidden = reservations.hides_details(actor, reservation)
    refused = outcome.refused
    offers = refused.offers if refused else outcome.answer.offers if outcome.answer else ()
    return render_template(
        "reservations/show.html",
        reservation=reservation,
        title=title_of(reservation, hidden=hidden),
        hidden=hidden,
        watched=use.is_shown(actor, reservation),
        status=reservation.status(now),
        form=form,
        bundles=_bundles(reservation),
        resources=sorted({a.resource.name for a in reservation.allocations}, key=natural_key),
        units=choices.units | {a.resource.name: a.resource.unit for a in reservation.allocations},
        outcome=outcome,
        offers=offers,
        shortages=refused.shortages if refused else (),
        now=now,
        write_offer=write_offer,
        answer_within=answer_within(),
    )


def title_of(reservation: Reservation, *, hidden: bool) -> str:
    """Its name, or for those who may not know it, its number."""
    return f"Reservation {reservation.id}" if hidden else reservation.name


@blueprint.get(f"/{ID}/history")
def history(reservation_id: int) -> str:
    """What was done to it, for its owner and administrators; only these see from where."""
    actor = current.actor()
    reservation = reservations.get(actor, reservation_id)
    found = audit.of_reservation(actor, reservation_id, page_number(), HISTORY_PER_PAGE)
    return render_template(
        "reservations/history.html",
        reservation=reservation,
        status=reservation.status(clock.now()),
        entries=audit_words.readable(found.items, addresses=actor.is_admin),
        pages=Pages(found.page, found.per_page, found.total),
    )


def _bundles(reservation: Reservation) -> dict[str, dict[str, int]]:
    """Node to resource to amount."""
    bundles: dict[str, dict[str, int]] = {}
    for held in reservation.allocations:
        bundles.setdefault(held.node.name, {})[held.resource.name] = held.amount
    return bundles


@blueprint.post(f"/{ID}/check")
def check(reservation_id: int) -> str:
    """Whether the change fits as the form stands; if not, why, and where it would."""
    actor = current.actor()
    reservation = reservations.get(actor, reservation_id)
    if not actor.may_act_for(reservation.owner_id):
        raise Forbidden("Only its owner or an administrator may change a reservation.")
    choices, outcome = catalogue.read(), Outcome()
    form = _form(reservation, choices)
    form.validate()
    errors = form.live_errors()
    if form.moves and "starts_at" in form and not errors:
        _try(form, reservation, outcome)
        errors = form.live_errors()
    found = outcome.answer
    return render_template(
        "reservations/_check.html",
        form=form,
        errors=errors,
        outcome=outcome,
        offers=found.offers if found else (),
        shortages=outcome.shortages,
        strips=strips(found.offers) if found else (),
        units=choices.units,
        write_offer=write_offer,
    )


def _try(form: ChangeForm, reservation: Reservation, outcome: Outcome) -> None:
    """First exactly what is written; where that does not fit, the next time at which it does."""
    actor = current.actor()
    try:
        wish = _elsewhere(form, reservation)
        exactly = search(actor, replace(wish, latest_end=form["ends_at"].data))
        outcome.fits = bool(exactly.offers)
        if not outcome.fits:
            outcome.shortages = exactly.shortages
            outcome.answer = search(actor, wish)
    except Invalid as refused:
        outcome.trouble = " ".join(form.refuse(refused.errors, form.paths)) or None
    except (NoAnswerInTime, Busy, Conflict) as refused:
        outcome.trouble = refused.detail


@blueprint.route(f"/{ID}/cancel", methods=["GET", "POST"])
def cancel(reservation_id: int) -> str | Response:
    """Give up what has not begun; asked first."""
    if request.method == "GET":
        return _confirm(reservation_id, "cancel")
    return _done(reservation_id, booking.cancel, "Cancelled: its resources are free again.")


@blueprint.route(f"/{ID}/release", methods=["GET", "POST"])
def release(reservation_id: int) -> str | Response:
    """End what runs before its time; asked first."""
    if request.method == "GET":
        return _confirm(reservation_id, "release")
    return _done(reservation_id, booking.release, "Released: what is left of it is free again.")


def _confirm(reservation_id: int, action: str) -> str | Response:
    actor = current.actor()
    reservation = reservations.get(actor, reservation_id)
    wanted = Status.SCHEDULED if action == "cancel" else Status.RUNNING
    allowed = actor.may_act_for(reservation.owner_id)
    if not allowed or reservation.status(clock.now()) is not wanted:
        return redirect(url_for("reservations.show", reservation_id=reservation_id))
    return render_template(
        "reservations/confirm.html", reservation=reservation, action=action, now=clock.now()
    )


def _done(reservation_id: int, act: Act, text: str) -> Response:
    try:
        act(current.actor(), reservation_id)
    except (NotChangeable, Busy) as refused:
        flash(refused.detail, "danger")
    else:
        flash(text, "success")
    return redirect(url_for("reservations.show", reservation_id=reservation_id))
