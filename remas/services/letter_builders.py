"""What makes a letter of a row that REMAS wrote by itself, by its kind; used by delivery.py."""

from collections.abc import Callable, Mapping

from remas import clock
from remas.extensions import db
from remas.letters import account, reservation
from remas.letters.letter import Letter, Letterhead
from remas.models import Outbox, OutboxKind, PasswordReset
from remas.services import resets

LINK_IS_OVER = "The link was used, or would be too old."


def account_made(row: Outbox, head: Letterhead) -> Letter:
    """With a link, while that can be used."""
    if row.recipient is None:
        raise ValueError("a letter about an account needs its person")
    leave = _leave(row)
    url = _url(leave, head) if leave and leave.expires_at > clock.now() else None
    return account.made(row.recipient, url, resets.FOR_NEW_ACCOUNTS, head)


def password_reset(row: Outbox, head: Letterhead) -> Letter:
    """With the link."""
    leave = _leave(row)
    if row.recipient is None or leave is None:
        raise ValueError("a letter about a password needs its person and its leave")
    lasts = leave.expires_at - leave.created_at
    return account.reset(row.recipient, _url(leave, head), lasts, head)


def pointless_reset(row: Outbox) -> str | None:
    """Why nobody can use the link any more; None: it can be used."""
    leave = _leave(row)
    if leave is None or leave.used_at is not None or leave.expires_at <= clock.now():
        return LINK_IS_OVER
    return None


BUILDERS: Mapping[OutboxKind, Callable[[Outbox, Letterhead], Letter]] = {
    OutboxKind.RESERVATION_MADE: reservation.made,
    OutboxKind.RESERVATION_CHANGED: reservation.changed,
    OutboxKind.RESERVATION_CANCELLED: reservation.cancelled,
    OutboxKind.CONTRADICTED: reservation.contradicted,
    OutboxKind.ACCOUNT_MADE: account_made,
    OutboxKind.PASSWORD_RESET: password_reset,
}


def _leave(row: Outbox) -> PasswordReset | None:
    return db.session().get(PasswordReset, (row.payload or {}).get("reset", ""))


def _url(leave: PasswordReset, head: Letterhead) -> str:
    return head.url(f"/password/reset/{resets.token_of(leave.id)}")
