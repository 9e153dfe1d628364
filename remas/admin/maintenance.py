"""Maintenance: when nodes are closed."""

from collections.abc import Sequence
from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.admin.blueprint import bp
from remas.admin.contradicting import Change, save_asking, sent, several
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.maintenance import (
    MaintenanceFilterForm,
    closing_form,
    moving_form,
    stored,
)
from remas.models import Maintenance
from remas.services import contradictions, maintenance, names
from remas.services.maintenance import MaintenanceFilter, MaintenanceNew
from remas.web import current, export
from remas.web.format import span_text

COLUMNS = (
    Column("Starts", "starts"),
    Column("Ends", "ends"),
    Column("Node", "node"),
    Column("Reason"),
)
EXPORTED = ("node", "starts_at", "ends_at", "reason")
TABS = {"coming": "Coming", "now": "Now", "past": "Past"}
ONE = "/maintenance/<int(max=2147483647):maintenance_id>"


@bp.get("/maintenance")
def maintenance_list() -> str | Response:
    """What is to come, what goes on, or what was."""
    form, tab = MaintenanceFilterForm(), request.args.get("show", "coming")
    tab = tab if tab in TABS else "coming"
    sort = asked_sort(COLUMNS, "-starts" if tab == "past" else "starts")
    wanted = _wanted(tab, form)
    if kind := export.wanted():
        rows = maintenance.search(wanted, 1, ALL, sort).items
        return export.answer(kind, f"maintenance {tab}", EXPORTED, map(_row, rows))
    found = maintenance.search(wanted, page_number(), PER_PAGE, sort)
    return render_template(
        "admin/maintenance/list.html",
        listing=Listing(COLUMNS, found, sort, exportable=True),
        form=form,
        tab=tab,
        tabs=TABS,
        node_names=names.node_names(retired=True),
    )


def _wanted(tab: str, form: MaintenanceFilterForm) -> MaintenanceFilter:
    now, node, text = clock.now(), form.asked("node"), form.asked("q")
    if tab == "past":
        return MaintenanceFilter(node, ends_until=now, text=text)
    if tab == "now":
        # Half-open: what begins at this moment goes on, what ends at it does not.
        until = now + timedelta(microseconds=1)
        return MaintenanceFilter(node, ends_after=now, starts_before=until, text=text)
    return MaintenanceFilter(node, starts_after=now, text=text)


def _row(row: Maintenance) -> tuple[object, ...]:
    return row.node.name, row.starts_at, row.ends_at, row.reason


@bp.route("/maintenance/new", methods=["GET", "POST"])
def maintenance_new() -> Answer:
    """Close nodes, one entry each; what that contradicts is shown first."""
    asked = request.args.getlist("nodes")
    form = closing_form(names.node_names())(data={"nodes": asked}, zone=current.zone())
    if sent(form):
        actor, wishes = current.actor(), form.wishes()
        asking = Change(
            f"Close {several([wish.node for wish in wishes])}?",
            _why(wishes),
            wishes,
            lambda: contradictions.of_maintenance(actor, wishes),
        )
        made, page = save_asking(form, asking, lambda: maintenance.create_all(actor, wishes))
        if page is not None:
            return page
        if made:
            closed = made[0].node.name if len(made) == 1 else f"{len(made)} nodes"
            flash(f"The maintenance of {closed} is planned.", "success")
            return redirect(url_for("admin.maintenance_list"))
    return render_template("admin/maintenance/edit.html", form=form, row=None)


def _why(wishes: Sequence[MaintenanceNew]) -> str:
    first = wishes[0]
    span = " to ".join(f"{at:%Y-%m-%d %H:%M}" for at in (first.starts_at, first.ends_at))
    return f"Closed for maintenance from {span} UTC: {several([wish.node for wish in wishes])}."


@bp.route(ONE, methods=["GET", "POST"])
def maintenance_edit(maintenance_id: int) -> Answer:
    """Move one; what that contradicts is shown first."""
    row = maintenance.get(maintenance_id)
    known = dict.fromkeys([*names.node_names(), row.node.name])
    form = moving_form(list(known))(data=stored(row), zone=current.zone())
    if sent(form):
        actor, wish, seen = current.actor(), form.change(), form.if_seen(maintenance.facts)
        asking = Change(
            f"Change the maintenance of {row.node.name}?",
            _why(form.wishes()),
            wish,
            lambda: contradictions.of_maintenance(actor, form.wishes(), maintenance_id),
        )
        done, page = save_asking(
            form, asking, lambda: maintenance.change(actor, maintenance_id, wish, seen)
        )
        if page is not None:
            return page
        if done is not None:
            flash("The maintenance is saved.", "success")
            return redirect(url_for("admin.maintenance_edit", maintenance_id=maintenance_id))
        row = maintenance.get(maintenance_id)
    if form.stale or not form.is_submitted():
        form.mark(maintenance.facts(row))
    return render_template(
        "admin/maintenance/edit.html",
        form=form,
        row=row,
        running=row.starts_at <= clock.now() < row.ends_at,
        changed=last_change("maintenance", row.id) if form.stale else None,
    )


@bp.route(f"{ONE}/end", methods=["GET", "POST"])
def maintenance_end(maintenance_id: int) -> Answer:
    """End one that goes on; asked first."""
    row = maintenance.get(maintenance_id)
    back = url_for("admin.maintenance_edit", maintenance_id=maintenance_id)
    ending = Deletion(
        title=f"End the maintenance of {row.node.name} now?",
        consequences=("From the next full minute on the node can be used again.",),
        back=back,
        after=back,
        done=f"The maintenance is over: {row.node.name} is open again.",
        verb="End it now",
    )
    return ask_and_delete(
        ending,
        maintenance.facts(row),
        lambda form: maintenance.end(
            current.actor(), maintenance_id, form.if_seen(maintenance.facts)
        ),
    )


@bp.route(f"{ONE}/delete", methods=["GET", "POST"])
def maintenance_delete(maintenance_id: int) -> Answer:
    """Delete one, as if it had never been planned."""
    row = maintenance.get(maintenance_id)
    deletion = Deletion(
        title=f"Delete the maintenance of {row.node.name}?",
        consequences=(
            f"It is planned for {span_text(row.starts_at, row.ends_at)}. The node is open then.",
        ),
        back=url_for("admin.maintenance_edit", maintenance_id=maintenance_id),
        after=url_for("admin.maintenance_list"),
        done=f"The maintenance of {row.node.name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        maintenance.facts(row),
        lambda form: maintenance.delete(
            current.actor(), maintenance_id, form.if_seen(maintenance.facts)
        ),
    )


@bp.get(f"{ONE}/history")
def maintenance_history(maintenance_id: int) -> str:
    """What was done to it, by whom and when."""
    row = maintenance.get(maintenance_id)
    back = url_for("admin.maintenance_edit", maintenance_id=maintenance_id)
    return history_page("maintenance", row.id, f"Maintenance of {row.node.name}", back)
