"""The outbox: letters on their way, what keeps them, and what became of them."""

from dataclasses import replace

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.admin.blueprint import bp
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, page_number
from remas.errors import Busy, Conflict
from remas.forms.notifications import OutboxFilterForm
from remas.models import Outbox, OutboxKind, OutboxState
from remas.services import names, outbox
from remas.services.outbox import OutboxFilter
from remas.web import current, export
from remas.web.guard import own_path
from remas.web.notification_words import words

COLUMNS = (
    Column("Letter"),
    Column("To"),
    Column("State"),
    Column("Due"),
    Column("Tries", number=True),
    Column("What is known"),
    Column("Actions"),
)
TAKEN = (
    *("id", "kind", "state", "recipient", "address", "due_at", "next_attempt_at", "attempts"),
    *("last_error", "reason", "done_at", "subject", "reservation"),
)
MOST_TAKEN = 50_000
ACTS = {
    "retry": (outbox.retry, "It is tried again at once."),
    "drop": (outbox.drop, "It is taken out and will not be sent."),
}


@bp.get("/outbox")
def outbox_list() -> str | Response:
    """Letters, the latest due first, and how many there are in each state."""
    actor, form = current.actor(), OutboxFilterForm()
    state, kind = form.asked("state"), form.asked("kind")
    wanted = OutboxFilter(
        state=OutboxState(state) if state else None,
        kind=OutboxKind(kind) if kind else None,
        recipient=form.asked("recipient"),
    )
    if file := export.wanted():
        found = outbox.search(actor, wanted, 1, min(ALL, MOST_TAKEN))
        return export.answer(file, "outbox", TAKEN, map(_row, found.items))
    later = 0
    if not form.narrows:
        # What is planned for the coming weeks would hide what happens now.
        later = outbox.search(actor, wanted, per_page=1).total
        wanted = replace(wanted, due_before=clock.now())
    found = outbox.search(actor, wanted, page_number(), PER_PAGE)
    return render_template(
        "admin/outbox/list.html",
        listing=Listing(COLUMNS, found, "", exportable=True),
        form=form,
        counts=outbox.counts(),
        oldest=outbox.oldest_due(),
        later=max(0, later - found.total),
        usernames=names.usernames(actor),
        retriable=outbox.RETRIABLE,
        **words(),
    )


def _row(row: Outbox) -> tuple[object, ...]:
    return (
        row.id,
        row.kind.value,
        row.state.value,
        row.recipient.username if row.recipient else None,
        row.recipient_address,
        row.due_at,
        row.next_attempt_at,
        row.attempts,
        row.last_error,
        row.reason,
        row.done_at,
        row.subject,
        row.reservation_id,
    )


@bp.get("/outbox/<int(max=2147483647):outbox_id>")
def outbox_show(outbox_id: int) -> str:
    """One letter with all that is known of it."""
    row = outbox.get(current.actor(), outbox_id)
    return render_template(
        "admin/outbox/show.html",
        row=row,
        retriable=outbox.RETRIABLE,
        **words(),
    )


@bp.post("/outbox/<int(max=2147483647):outbox_id>/<any(retry, drop):what>")
def outbox_act(outbox_id: int, what: str) -> Response:
    """Try a letter again, or take it out."""
    act, text = ACTS[what]
    try:
        act(current.actor(), outbox_id)
    except (Conflict, Busy) as refused:
        flash(refused.detail, "danger")
    else:
        flash(text, "success")
    back = request.form.get("back")
    return redirect(own_path(back) if back else url_for("admin.outbox_show", outbox_id=outbox_id))
