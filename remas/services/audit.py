"""The record of every change, written in the transaction of the change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from remas import clock
from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import Audit, Reservation
from remas.services import marks
from remas.services.actor import Actor
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.transaction import DbSession, writing

Facts = Mapping[str, Any]
LONGEST_SUBJECT = 200
PRUNED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """All that is given must hold; `[since, until)` bounds the time.

    `text` is looked for in the name of what was changed.
    """

    text: str | None = None
    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    subject: str | None = None
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(
    session: DbSession,
    actor: Actor,
    action: str,
    kind: str,
    subject: tuple[int, str],
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Note who did `action` to `subject` (id, name). Facts are plain JSON, never secrets.

    Whom the change concerns is marked for Grafana.
    """
    session.add(
        Audit(
            at=clock.now(),
            actor_id=actor.id,
            actor=actor.username,
            address=actor.address,
            action=action,
            kind=kind,
            subject_id=subject[0],
            subject=subject[1][:LONGEST_SUBJECT],
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
        )
    )
    marks.changed(session, action, kind, subject[0])


def record_change(
    session: DbSession,
    actor: Actor,
    kind: str,
    subject: tuple[int, str],
    before: Facts,
    after: Facts,
) -> None:
    """Note what a change made different; nothing, when nothing is."""
    different = [key for key in after if after[key] != before.get(key)]
    if different:
        old = {key: before.get(key) for key in different}
        record(session, actor, "change", kind, subject, old, {key: after[key] for key in different})


def search(
    actor: Actor, wanted: AuditFilter, page: int = 1, per_page: int = PER_PAGE
) -> Page[Audit]:
    """What was done, latest first. Raises `Forbidden` for others than administrators."""
    actor.require_admin()
    query = select(Audit).where(*_conditions(wanted)).order_by(Audit.at.desc(), Audit.id.desc())
    return page_of(db.session(), query, page, per_page)


def of_reservation(
    actor: Actor, reservation_id: int, page: int = 1, per_page: int = PER_PAGE
) -> Page[Audit]:
    """What was done to one reservation, latest first; for its owner and administrators.

    Raises `NotFound`, `Forbidden`.
    """
    session = db.session()
    owner_id = session.scalar(select(Reservation.owner_id).where(Reservation.id == reservation_id))
    if owner_id is None:
        raise NotFound(f"There is no reservation {reservation_id}.")
    if not actor.may_act_for(owner_id):
        raise Forbidden("Only its owner and administrators see the history of a reservation.")
    wanted = AuditFilter(kind="reservation", subject_id=reservation_id)
    query = select(Audit).where(*_conditions(wanted)).order_by(Audit.id.desc())
    return page_of(session, query, page, per_page)


def prune(kept: timedelta) -> int:
    """Forget what was done longer ago than `kept`; how many rows. Each transaction is short."""
    before, forgotten = clock.now() - kept, 0
    while True:
        with writing() as session:
            old = select(Audit.id).where(Audit.at < before).order_by(Audit.at)
            ids = list(session.scalars(old.limit(PRUNED_AT_ONCE)))
            gone = delete(Audit).where(Audit.id.in_(ids))
            session.execute(gone.execution_options(synchronize_session=False))
        forgotten += len(ids)
        if len(ids) < PRUNED_AT_ONCE:
            return forgotten


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        getattr(Audit, name) == value
        for name in ("actor", "action", "kind", "subject", "subject_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.text:
        conditions.append(Audit.subject.icontains(wanted.text, autoescape=True))
    if wanted.since is not None:
        conditions.append(Audit.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Audit.at < wanted.until)
    return conditions
