"""Carrying one letter: claim its row, decide, build, send, mark.

Nothing is locked and no transaction is open while the mail server is spoken to. Whatever goes
wrong with one row stays with that row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from remas import clock, rehearsal
from remas.clients import mail
from remas.config import Settings
from remas.extensions import db
from remas.letters import reminder
from remas.letters.letter import Letter, Letterhead
from remas.models import NotificationType, Outbox, OutboxKind
from remas.services import letter_builders, outbox, reminders
from remas.services.context import settings

Builder = Callable[[Outbox, Letterhead], Letter]
Judge = Callable[[Outbox, Settings], str | None]

NOBODY = "The account is closed."
TOO_LATE = "It was delayed too long."


@dataclass(frozen=True, slots=True)
class _Post:
    """A letter, ready to go."""

    letter: Letter
    address: str
    message_id: str


class _PointlessError(Exception):
    """The letter need not go out any more; the text says why."""


def pointless_reminder(row: Outbox, known: Settings) -> str | None:
    """Why a reminder need not go out any more; None: it is still wanted.

    Plans follow every change (services/reminders.py): this is for what an outage delayed.
    """
    reservation, notification = row.reservation, row.notification
    if notification is None:
        return reminders.DELETED
    if reservation is None or reservation.cancelled_at is not None:
        return reminders.CANCELLED
    moment = reminders.moment_of(notification.type, reservation.starts_at, reservation.ends_at)
    if row.payload is None or row.payload["moment"] != clock.written(moment):
        return reminders.MOVED
    now = clock.now()
    if notification.type is NotificationType.TASK_START and reservation.ends_at <= now:
        return reminders.OVER
    late = now - row.due_at > known.reminder_cutoff
    return TOO_LATE if late and row.retried_at is None else None


BUILDERS: Mapping[OutboxKind, Builder] = {
    OutboxKind.REMINDER: reminder.build,
    **letter_builders.BUILDERS,
}
"""What makes a letter of a row, by its kind."""

JUDGES: Mapping[OutboxKind, Judge] = {
    OutboxKind.REMINDER: pointless_reminder,
    OutboxKind.PASSWORD_RESET: lambda row, _known: letter_builders.pointless_reset(row),
}
"""Kinds that can become pointless."""


def carry(outbox_id: int) -> None:
    """Carry a row, if it is due and nobody else has it. Whatever comes of it, it is marked.

    Only where the database does not answer it raises: then the row is found again.
    """
    if not outbox.claim(outbox_id):
        return
    rehearsal.reached("claimed")
    known = settings()
    try:
        post = _post(outbox_id, known)
    except _PointlessError as why:
        outbox.mark_dropped(outbox_id, str(why))
        return
    except SQLAlchemyError:
        raise
    except Exception as bug:
        # One poisonous row must not hold another, nor come again and again.
        current_app.logger.exception("letter %s cannot be written", outbox_id)
        error = f"The letter cannot be written: {type(bug).__name__}: {bug}"
        outbox.mark_failed(outbox_id, error, known.retry_limit, permanent=True)
        return
    if known.smtp_enabled:
        _send(outbox_id, post, known)
    else:
        _tell(outbox_id, post)


def letterhead(known: Settings) -> Letterhead:
    """What all letters share."""
    return Letterhead(
        known.smtp_from_name, known.smtp_from_address, known.public_url, known.timezone
    )


def _post(outbox_id: int, known: Settings) -> _Post:
    """The letter of a row. Raises `_PointlessError`, and whatever its builder raises."""
    session = db.session()
    query = select(Outbox).where(Outbox.id == outbox_id)
    together = (Outbox.recipient, Outbox.reservation, Outbox.notification)
    try:
        row = session.scalars(query.options(*(joinedload(part) for part in together))).one()
        person = row.recipient
        if person is None or not person.active:
            raise _PointlessError(NOBODY)
        if (judge := JUDGES.get(row.kind)) and (why := judge(row, known)):
            raise _PointlessError(why)
        letter = BUILDERS[row.kind](row, letterhead(known))
        return _Post(letter, person.email, _message_id(row, known))
    finally:
        session.rollback()


def _message_id(row: Outbox, known: Settings) -> str:
    """Always the same for a row: mail programs show a letter that came twice only once."""
    domain = known.smtp_from_address.partition("@")[2] or "localhost"
    return f"remas-{row.id}-{int(row.created_at.timestamp())}@{domain}"


def _send(outbox_id: int, post: _Post, known: Settings) -> None:
    try:
        mail.send(post.letter, post.address, post.message_id)
    except mail.MailError as error:
        current_app.logger.warning("letter %s is not out: %s", outbox_id, error)
        outbox.mark_failed(outbox_id, str(error), known.retry_limit, error.permanent)
        return
    rehearsal.reached("sent")
    outbox.mark_done(outbox_id, post.letter, post.address)


def _tell(outbox_id: int, post: _Post) -> None:
    """While mail is off a letter goes to the log, and stays readable in the outbox."""
    told = "mail is off; letter %s to %s: %s\n%s"
    letter = post.letter
    current_app.logger.info(told, outbox_id, post.address, letter.subject, letter.readable)
    outbox.mark_done(outbox_id, letter, post.address, outbox.MAIL_IS_OFF)
