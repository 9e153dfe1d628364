"""The outbox, for administrators: what is on its way, what keeps it, what became of it."""

from flask import Response

from remas.api import answers, queries
from remas.api import outbox_bodies as bodies
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.shapes import listing
from remas.api.spec import LETTERS, Who, describe
from remas.services import outbox
from remas.services.outbox import OutboxFilter


@bp.get("/outbox")
@describe(LETTERS, bodies.OutboxList, who=Who.ADMINS, cached=True)
def list_outbox(query: bodies.OutboxRows, headers: queries.IfNoneMatch) -> Response:
    """Letters, the latest due first."""
    wanted = OutboxFilter(query.state, query.kind, query.recipient, query.reservation)
    found = outbox.search(actor(), wanted, query.page, query.per_page)
    return shown(listing(found, bodies.outbox_row))


@bp.get("/outbox/counts")
@describe(LETTERS, bodies.OutboxCounts, who=Who.ADMINS, cached=True)
def count_outbox(headers: queries.IfNoneMatch) -> Response:
    """How many letters there are in each state, and since when the oldest is due."""
    return shown(bodies.counts(outbox.counts(), outbox.oldest_due()))


@bp.get("/outbox/<int:outbox_id>")
@describe(LETTERS, bodies.OutboxRow, who=Who.ADMINS, cached=True)
def get_outbox_row(outbox_id: int, headers: queries.IfNoneMatch) -> Response:
    """One letter."""
    return shown(bodies.outbox_row(outbox.get(actor(), outbox_id)))


@bp.post("/outbox/<int:outbox_id>/retry")
@describe(LETTERS, bodies.OutboxRow, who=Who.ADMINS, conflict=answers.TakenProblem)
def retry_outbox_row(outbox_id: int) -> Response:
    """Try a letter again now: one that is given up, waits for its next try, or was not sent."""
    return shown(bodies.outbox_row(outbox.retry(actor(), outbox_id)))


@bp.post("/outbox/<int:outbox_id>/drop")
@describe(LETTERS, bodies.OutboxRow, who=Who.ADMINS, conflict=answers.TakenProblem)
def drop_outbox_row(outbox_id: int) -> Response:
    """Take a letter out for good; one that is out already is no error."""
    return shown(bodies.outbox_row(outbox.drop(actor(), outbox_id)))
