"""What is tidied once a day, by the ticker: whoever keeps something too long adds a line here."""

from collections.abc import Callable
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete
from sqlalchemy.orm import InstrumentedAttribute

from remas import clock
from remas.config import Settings
from remas.models import IdempotencyKey, PasswordReset
from remas.services import audit, idempotency, made_good, outbox, sessions
from remas.services.transaction import writing

Chore = Callable[[Settings], None]

# A row is forgotten so long after the moment in this column.
EXPIRING: tuple[tuple[InstrumentedAttribute[object], timedelta], ...] = (
    (IdempotencyKey.created_at, idempotency.KEPT),
    (PasswordReset.expires_at, timedelta()),
)


def prune_outbox(settings: Settings) -> None:
    """Letters that were finished long ago."""
    outbox.prune(settings.outbox_kept)


def forget_expired(_settings: Settings) -> None:
    """Keys and leaves that nobody can use any more."""
    for column, kept in EXPIRING:
        with writing() as session:
            gone = delete(column.class_).where(column < clock.now() - kept)
            session.execute(gone.execution_options(synchronize_session=False))


def prune_sessions(_settings: Settings) -> None:
    """Sign-ins that have ended."""
    with writing() as session:
        sessions.prune(session)


def prune_audit(settings: Settings) -> None:
    """What was done long ago, where not all of it is kept."""
    if settings.audit_kept is not None:
        audit.prune(settings.audit_kept)


def forget_marks(settings: Settings) -> None:
    """What waits for a Grafana that is used no more. Should one come, everybody is looked at."""
    if not settings.grafana_url:
        made_good.forget()


DAILY: tuple[Chore, ...] = (
    *(prune_outbox, forget_expired, prune_sessions, prune_audit),
    forget_marks,
)


def do(settings: Settings, chores: tuple[Chore, ...] = DAILY) -> None:
    """Do them all; one that fails is logged and keeps no other from being done."""
    for chore in chores:
        try:
            chore(settings)
        except Exception:
            current_app.logger.exception("the daily chore %s failed", chore.__name__)
