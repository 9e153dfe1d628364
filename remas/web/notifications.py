"""One's own notifications, those that reach one, and the letters that came."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas.errors import Busy, Conflict, Stale
from remas.forms.edit import Sure
from remas.forms.notifications import AlertForm, CalendarForm, LetterForm
from remas.models import Notification
from remas.services import (
    alert_sources,
    catalogue,
    my_letters,
    notification_rows,
    notifications,
    previews,
)
from remas.services.notification_rows import Known
from remas.services.previews import Preview
from remas.web import current
from remas.web.format import moment_text
from remas.web.notification_words import words
from remas.web.paging import Pages, page_number
from remas.web.saving import save

blueprint = Blueprint("notifications", __name__, url_prefix="/profile")

AnyForm = LetterForm | AlertForm
ID = "<int(max=2147483647):notification_id>"
PER_PAGE = 20


@blueprint.get("/notifications")
def index() -> str:
    """One's own, and what reaches one from administrators."""
    actor = current.actor()
    known = notifications.visible(actor)
    mine = [one for one in known if one.notification.owner_id == actor.id]
    return render_template(
        "notifications/index.html",
        mine=mine,
        others=[one for one in known if one not in mine],
        calendar=my_letters.wants_calendar(actor),
        calendar_form=CalendarForm(formdata=None),
        **words(),
    )


@blueprint.post("/notifications/calendar")
def calendar() -> Response:
    """Whether one gets calendar files of what one does oneself."""
    form = CalendarForm()
    if form.validate_on_submit():
        wanted = form.wanted.data == "yes"
        my_letters.want_calendar(current.actor(), wanted)
        text = "You get a calendar file with each reservation that you make or change."
        flash(text if wanted else "You get no letters of what you do yourself.", "success")
    return redirect(url_for("notifications.index"))


@blueprint.route("/notifications/new", methods=["GET", "POST"])
def new() -> str | Response:
    """Make one for oneself."""
    form = form_for(None, alert=request.args.get("kind") == "alert")
    found = None
    if form.validate_on_submit():
        if "preview" in request.form:
            found = preview(form)
        elif made := save(
            form, lambda: notifications.create(current.actor(), form.draft(), own=True)
        ):
            flash(f"{form.name.data} is made, and yours.", "success")
            tell_unchecked(made)
            return redirect(url_for("notifications.index"))
    return _edit_page(form, None, found)


@blueprint.route(f"/notifications/{ID}", methods=["GET", "POST"])
def edit(notification_id: int) -> str | Response:
    """Change one's own."""
    known = _own(notification_id)
    form = form_for(known.notification)
    found = None
    if form.validate_on_submit():
        if "preview" in request.form:
            found = preview(form)
        elif changed := save(form, lambda: _change(form, notification_id)):
            flash(f"{form.name.data} is saved.", "success")
            tell_unchecked(changed)
            return redirect(url_for("notifications.index"))
        known = _own(notification_id)
    if form.stale or not form.is_submitted():
        form.mark(facts(known))
    return _edit_page(form, known, found)


@blueprint.route(f"/notifications/{ID}/delete", methods=["GET", "POST"])
def delete(notification_id: int) -> str | Response:
    """Delete one's own; asked first."""
    known, form = _own(notification_id), Sure()
    if form.validate_on_submit():
        try:
            notifications.delete(current.actor(), notification_id, form.if_seen(facts))
        except (Stale, Busy, Conflict) as refused:
            form.troubles.append(refused.detail)
            known = _own(notification_id)
        else:
            flash(f"{known.notification.name} is deleted.", "success")
            return redirect(url_for("notifications.index"))
    form.mark(facts(known))
    hanging = notifications.hanging(current.actor(), notification_id)
    return render_template(
        "notifications/delete.html", known=known, form=form, hanging=hanging, **words()
    )


@blueprint.get("/letters")
def letters() -> str:
    """What was sent to one; from now on it is not new any more."""
    actor, page = current.actor(), page_number()
    found = my_letters.search(actor, page, PER_PAGE)
    seen_until = my_letters.look(actor)
    pages = Pages(page, PER_PAGE, found.total)
    return render_template(
        "notifications/letters.html", found=found, pages=pages, seen_until=seen_until, **words()
    )


def unseen_letters() -> int:
    """How many letters came since one last looked: for the bell of every page."""
    return my_letters.unseen(current.actor())


def facts(known: Known) -> dict[str, object]:
    """What a form is about: it overwrites no change that was not seen."""
    return notification_rows.facts(known.notification)


def tell_unchecked(saved: Known) -> None:
    """Tell what could not be looked at when this was saved."""
    if saved.unchecked:
        flash(alert_sources.UNCHECKED, "warning")


def form_for(stored: Notification | None, *, alert: bool = False) -> AnyForm:
    """The form of its kind, with the reservations to show it with."""
    form: AnyForm
    if alert or (stored is not None and stored.type.is_alert):
        form = AlertForm.of(stored, catalogue.read().units)
    else:
        form = LetterForm.of(stored)
        own = previews.choices(current.actor())
        form.offer([(one.id, f"{one.name}, {moment_text(one.starts_at)}") for one in own])
    return form


def preview(form: AnyForm) -> Preview | None:
    """How it reads as it stands in the form; None where the form has to say why not."""
    made: list[Preview] = []

    def show() -> bool:
        number = form.reservation_id
        made.append(previews.of_draft(current.actor(), form.draft(), number, made_up=form.made_up))
        return True

    save(form, show)
    return made[0] if made else None


def _own(notification_id: int) -> Known:
    """One's own notification; 404 for all others."""
    known = notifications.get(current.actor(), notification_id)
    if known.notification.owner_id != current.actor().id:
        abort(404)
    return known


def _change(form: AnyForm, notification_id: int) -> Known:
    seen = form.if_seen(facts)
    return notifications.change(current.actor(), notification_id, form.change(), seen)


def _edit_page(form: AnyForm, known: Known | None, found: Preview | None) -> str:
    return render_template(
        "notifications/edit.html",
        form=form,
        known=known,
        found=found,
        alert=isinstance(form, AlertForm),
        **words(),
    )
