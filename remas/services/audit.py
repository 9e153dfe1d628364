"""The record of every change, written in the transaction of the change."""

from collections.abc import Mapping
from typing import Any

from remas import clock
from remas.models import Audit
from remas.services.actor import Actor
from remas.services.transaction import DbSession

Facts = Mapping[str, Any]


def record(
    session: DbSession,
    actor: Actor,
    action: str,
    kind: str,
    subject: tuple[int, str],
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Note who did `action` to `subject` (id, name). Facts are plain JSON, never secrets."""
    session.add(
        Audit(
            at=clock.now(),
            actor_id=actor.id,
            actor=actor.username,
            address=actor.address,
            action=action,
            kind=kind,
            subject_id=subject[0],
            subject=subject[1],
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
        )
    )
