"""Notifications: all of them; administrators' to be assigned, people's own to be looked after."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import Tab, history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.edit import Sure
from remas.forms.notifications import AlertForm, AssignForm, NotificationFilterForm
from remas.models import Notification, NotificationType
from remas.services import assignments, names, notifications
from remas.services.notification_rows import Known
from remas.services.notifications import NotificationFilter
from remas.services.previews import Preview
from remas.web import current, export
from remas.web.notification_words import when, words
from remas.web.notifications import AnyForm, facts, form_for, preview, tell_unchecked
from remas.web.saving import save

ONE = "/notifications/<int(max=2147483647):notification_id>"
COLUMNS = (
    Column("Name", "name"),
    Column("When", "type"),
    Column("For"),
    Column("Whose"),
)
TAKEN = (
    *("name", "type", "time_offset", "subject", "template", "resource", "default_amount"),
    *("owner", "approved", "users", "groups", "description"),
)
TABS = (
    ("admin.notification_edit", "Details"),
    ("admin.notification_people", "For whom"),
    ("admin.notification_history", "History"),
)


def tabs_of(row: Notification) -> tuple[Tab, ...]:
    """The parts of a notification's pages, this one marked."""
    return tuple(
        (url_for(endpoint, notification_id=row.id), text, endpoint == request.endpoint)
        for endpoint, text in TABS
    )


@bp.get("/notifications")
def notification_list() -> str | Response:
    """All notifications, people's own as well."""
    form, sort = NotificationFilterForm(), asked_sort(COLUMNS, "name")
    kind = form.asked("kind")
    wanted = NotificationFilter(
        text=form.asked("q"),
        type=NotificationType(kind) if kind else None,
        user=form.asked("user"),
        waiting=True if form.asked("waiting") else None,
    )
    actor = current.actor()
    if file := export.wanted():
        found = notifications.search(actor, wanted, 1, ALL, sort)
        return export.answer(file, "notifications", TAKEN, map(_row, found.items))
    found = notifications.search(actor, wanted, page_number(), PER_PAGE, sort)
    listing = Listing(COLUMNS, found, sort, exportable=True)
    return render_template(
        "admin/notifications/list.html",
        listing=listing,
        form=form,
        usernames=names.usernames(actor),
        **words(),
    )


def _row(known: Known) -> tuple[object, ...]:
    kept, row = facts(known), known.notification
    values = {**kept, "approved": not row.waits_for_approval}
    return tuple(values[name] for name in TAKEN)


@bp.route("/notifications/new", methods=["GET", "POST"])
def notification_new() -> str | Response:
    """Make one for everybody to whom it will be assigned."""
    form = form_for(None, alert=request.args.get("kind") == "alert")
    found = None
    if form.validate_on_submit():
        if "preview" in request.form:
            found = preview(form)
        elif made := save(form, lambda: notifications.create(current.actor(), form.draft())):
            flash(f"{made.notification.name} is made. Say now for whom it is.", "success")
            tell_unchecked(made)
            number = made.notification.id
            return redirect(url_for("admin.notification_people", notification_id=number))
    return _page(form, None, found)


@bp.route(ONE, methods=["GET", "POST"])
def notification_edit(notification_id: int) -> str | Response:
    """Change one."""
    actor = current.actor()
    known = notifications.get(actor, notification_id)
    form = form_for(known.notification)
    found = None
    if form.validate_on_submit():
        seen = form.if_seen(facts)
        if "preview" in request.form:
            found = preview(form)
        elif changed := save(
            form, lambda: notifications.change(actor, notification_id, form.change(), seen)
        ):
            flash("The notification is saved. What is to come is planned afresh.", "success")
            tell_unchecked(changed)
            return redirect(request.path)
        known = notifications.get(actor, notification_id)
    if form.stale or not form.is_submitted():
        form.mark(facts(known))
    return _page(form, known, found)


@bp.post(f"{ONE}/approve")
def notification_approve(notification_id: int) -> Response:
    """Let a person's own alert take effect, as it was seen."""
    form = Sure()
    if form.validate_on_submit():
        seen = form.if_seen(facts)
        save(form, lambda: notifications.approve(current.actor(), notification_id, seen))
    if form.troubles:
        flash(" ".join(form.troubles), "danger")
    else:
        flash("It is approved and counts from now on.", "success")
    return redirect(url_for("admin.notification_edit", notification_id=notification_id))


@bp.route(f"{ONE}/people", methods=["GET", "POST"])
def notification_people(notification_id: int) -> str | Response:
    """For whom it is."""
    actor, form = current.actor(), AssignForm()
    if form.validate_on_submit():
        add = "remove" not in request.form
        chosen = form.chosen() if add else _removed()
        act = assignments.assign if add else assignments.unassign
        if save(
            form, lambda: act(actor, notification_id, user=chosen["user"], group=chosen["group"])
        ):
            name = chosen["user"] or chosen["group"]
            text = "It reaches {} from now on." if add else "It is no longer assigned to {}."
            flash(text.format(name), "success")
            return redirect(request.path)
    known = notifications.get(actor, notification_id)
    return render_template(
        "admin/notifications/people.html",
        known=known,
        form=form,
        hanging=notifications.hanging(actor, notification_id),
        tabs=tabs_of(known.notification),
        usernames=names.usernames(actor),
        group_names=names.group_names(actor),
        **words(),
    )


def _removed() -> dict[str, str | None]:
    """The subject whose button was pressed: `user:ada` or `group:Users`."""
    kind, _, name = request.form["remove"].partition(":")
    return {"user": name if kind == "user" else None, "group": name if kind == "group" else None}


@bp.route(f"{ONE}/delete", methods=["GET", "POST"])
def notification_delete(notification_id: int) -> Answer:
    """Delete one, once it is clear what goes with it."""
    actor = current.actor()
    known = notifications.get(actor, notification_id)
    row, hanging = known.notification, notifications.hanging(actor, notification_id)
    people = "1 person" if hanging.people == 1 else f"{hanging.people} people"
    letters = "1 letter" if hanging.letters == 1 else f"{hanging.letters} letters"
    deletion = Deletion(
        title=f"Delete the notification {row.name}?",
        consequences=(
            f"It reaches {people}: {when(row)[:1].lower()}{when(row)[1:]}.",
            f"{letters} of it that wait in the outbox will not be sent. What was sent, stays.",
        ),
        lost=tuple(f"assigned to {name}" for name in (*known.groups, *known.users)[:20]),
        back=url_for("admin.notification_edit", notification_id=notification_id),
        after=url_for("admin.notification_list"),
        done=f"The notification {row.name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        facts(known),
        lambda form: notifications.delete(actor, notification_id, form.if_seen(facts)),
    )


@bp.get(f"{ONE}/history")
def notification_history(notification_id: int) -> str:
    """What was done to it, by whom and when."""
    row = notifications.get(current.actor(), notification_id).notification
    back = url_for("admin.notification_edit", notification_id=notification_id)
    return history_page("notification", notification_id, row.name, back, tabs_of(row))


def _page(form: AnyForm, known: Known | None, found: Preview | None) -> str:
    approval = Sure(formdata=None)
    if known is not None:
        approval.mark(facts(known))
    return render_template(
        "admin/notifications/edit.html",
        form=form,
        known=known,
        found=found,
        approval=approval,
        alert=isinstance(form, AlertForm),
        tabs=tabs_of(known.notification) if known else (),
        changed=last_change("notification", known.notification.id)
        if known and form.stale
        else None,
        **words(),
    )
