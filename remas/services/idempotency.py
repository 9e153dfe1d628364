"""Requests that carry a key are carried out once; repeating one returns its first answer.

The caller holds the person's lock, so a second request with the key waits for the first.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from remas import clock
from remas.errors import IdempotencyMismatch
from remas.models import IdempotencyKey, Reservation
from remas.services.requests import Idempotency
from remas.services.transaction import DbSession

KEPT = timedelta(hours=24)


def recall(session: DbSession, user_id: int, key: Idempotency) -> dict[str, Any] | None:
    """The first answer to this key, None when it is free. Raises `IdempotencyMismatch`.

    Forgets the person's keys that are too old.
    """
    old = IdempotencyKey.created_at < clock.now() - KEPT
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.user_id == user_id, old))
    row = session.get(IdempotencyKey, (user_id, key.key))
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for another request. Use a new key for a new request."
        )
    return row.body


def remember(
    session: DbSession, user_id: int, key: Idempotency, reservation: Reservation
) -> dict[str, Any]:
    """Keep the answer with the key; the answer."""
    body = key.render(reservation)
    session.add(
        IdempotencyKey(
            user_id=user_id,
            key=key.key,
            fingerprint=key.fingerprint,
            body=body,
            created_at=clock.now(),
        )
    )
    return body
