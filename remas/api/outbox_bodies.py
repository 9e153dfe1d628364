"""The outbox as models and as JSON."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from remas.api import queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.bodies import LARGEST_ID
from remas.api.values import Moment
from remas.models import Outbox, OutboxKind, OutboxState


class OutboxRows(queries.Paging):
    state: OutboxState | None = None
    kind: OutboxKind | None = None
    recipient: str | None = None
    reservation: int | None = Field(default=None, ge=0, le=LARGEST_ID)


class OutboxRow(Answer):
    """A letter. `subject` and `text` are there once it was sent, or told while mail is off."""

    id: int
    kind: OutboxKind
    state: OutboxState
    recipient: str | None = Field(description="username; null: the account is deleted")
    address: str | None = Field(description="to which it was sent")
    reservation: int | None
    notification: int | None
    created_at: Moment
    due_at: Moment
    next_attempt_at: Moment | None = Field(description="null: it is not tried again")
    attempts: int
    last_error: str | None
    reason: str | None = Field(description="why it was dropped, or not sent")
    finished_at: Moment | None
    subject: str | None
    text: str | None


class OutboxList(Listing):
    items: list[OutboxRow]


class OutboxCounts(Answer):
    waiting: int
    retrying: int
    sent: int
    not_sent: int
    dead: int
    dropped: int
    oldest_due: Moment | None = Field(description="null: all that was due is out")


def outbox_row(row: Outbox) -> shapes.Shape:
    """A letter as JSON."""
    finished = row.done_at or row.dead_at or row.dropped_at
    return {
        "id": row.id,
        "kind": row.kind.value,
        "state": row.state.value,
        "recipient": row.recipient.username if row.recipient else None,
        "address": row.recipient_address,
        "reservation": row.reservation_id,
        "notification": row.notification_id,
        "created_at": shapes.moment(row.created_at),
        "due_at": shapes.moment(row.due_at),
        "next_attempt_at": None if finished else shapes.moment(row.next_attempt_at),
        "attempts": row.attempts,
        "last_error": row.last_error,
        "reason": row.reason,
        "finished_at": shapes.moment(finished) if finished else None,
        "subject": row.subject,
        "text": row.text,
    }


def counts(found: Mapping[OutboxState, int], oldest: datetime | None) -> shapes.Shape:
    """The counts as JSON."""
    return {
        **{state.value: found[state] for state in OutboxState},
        "oldest_due": shapes.moment(oldest) if oldest else None,
    }
