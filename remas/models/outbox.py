"""What is to be told to people, and what goes with it: password resets, heartbeats."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    and_,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.models.notification import Notification
from remas.models.people import User
from remas.models.reservation import Reservation


class OutboxKind(StrEnum):
    REMINDER = "reminder"
    RESERVATION_MADE = "reservation_made"
    RESERVATION_CHANGED = "reservation_changed"
    RESERVATION_CANCELLED = "reservation_cancelled"
    CONTRADICTED = "contradicted"
    ACCOUNT_MADE = "account_made"
    PASSWORD_RESET = "password_reset"  # noqa: S105 a kind of letter, no password


class OutboxState(StrEnum):
    """Where a row stands: derived from its facts. The first two are still to be carried."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENT = "sent"
    NOT_SENT = "not_sent"
    DEAD = "dead"
    DROPPED = "dropped"


class Outbox(Base):
    """One letter to one person. `key` says what it is about: there is never a second one of it.

    A row is *open* until `done_at`, `dead_at` or `dropped_at` is set; only one of them ever is.
    `payload` holds the facts as of the cause, never secrets. `next_attempt_at` is `due_at`, later
    the end of the wait after a failure; while somebody carries the row it lies ahead, so that
    nobody else does. `enqueued_until`: so long a queue, or whoever carries it, is trusted to still
    have it. `retried_at`: when an administrator asked for another try. `recipient_address`,
    `subject` and `text` are what was sent, or what would have been while mail is off (`reason`
    says so).
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[OutboxKind] = mapped_column(choice(OutboxKind, "kind"))
    recipient_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    reservation_id: Mapped[int | None] = mapped_column(ForeignKey("reservation.id"), index=True)
    notification_id: Mapped[int | None] = mapped_column(
        ForeignKey("notification.id", ondelete="SET NULL"), index=True
    )
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    enqueued_until: Mapped[datetime | None]
    retried_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    recipient_address: Mapped[str | None] = mapped_column(String(320))
    subject: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)

    recipient: Mapped[User | None] = relationship()
    reservation: Mapped[Reservation | None] = relationship()
    notification: Mapped[Notification | None] = relationship()

    __table_args__ = (CheckConstraint("attempts >= 0", name="attempts_not_negative"),)

    @property
    def state(self) -> OutboxState:
        """Where the row stands."""
        if self.dropped_at is not None:
            return OutboxState.DROPPED
        if self.dead_at is not None:
            return OutboxState.DEAD
        if self.done_at is not None:
            return OutboxState.SENT if self.reason is None else OutboxState.NOT_SENT
        return OutboxState.WAITING if self.last_error is None else OutboxState.RETRYING


OPEN = (Outbox.done_at.is_(None), Outbox.dead_at.is_(None), Outbox.dropped_at.is_(None))
"""The conditions under which a row is still to be carried."""


def _partial(name: str, column: InstrumentedAttribute[Any], only: ColumnElement[bool]) -> None:
    Index(name, column, postgresql_where=only, sqlite_where=only)


# What is open is little, what was sent is much: each question reads only its own part.
_partial("ix_outbox_open", Outbox.next_attempt_at, and_(*OPEN))
_partial("ix_outbox_dead", Outbox.dead_at, Outbox.dead_at.is_not(None))
_partial("ix_outbox_dropped", Outbox.dropped_at, Outbox.dropped_at.is_not(None))
_partial("ix_outbox_not_sent", Outbox.done_at, Outbox.reason.is_not(None))
Index("ix_outbox_done_at", Outbox.done_at)
Index("ix_outbox_recipient_id_due_at", Outbox.recipient_id, Outbox.due_at)


class Heartbeat(Base):
    """When a part that runs by itself was last seen at work."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]


class PasswordReset(Base):
    """Leave to set a new password once, until `expires_at`. `id` is random text."""

    __tablename__ = "password_reset"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
