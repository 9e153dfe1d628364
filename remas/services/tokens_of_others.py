"""Access tokens of somebody else, for administrators: to be looked at, and to be ended."""

from collections.abc import Sequence

from sqlalchemy import Select, select

from remas import clock
from remas.errors import NotFound
from remas.extensions import db
from remas.models import AccessToken, User
from remas.services import audit, locks
from remas.services.access_tokens import facts
from remas.services.actor import Actor
from remas.services.transaction import writing


def of(actor: Actor, username: str) -> Sequence[AccessToken]:
    """Those that still count, latest first. Raises `Forbidden`."""
    actor.require_admin()
    return db.session().scalars(_good(username).order_by(AccessToken.id.desc())).all()


def revoke(actor: Actor, username: str, token_id: int) -> None:
    """End one. Raises `NotFound`, and `Forbidden` where an access token asks, too."""
    actor.require_admin()
    actor.refuse_token()
    with writing() as session:
        user_id = session.scalar(select(User.id).where(User.username == username))
        locks.lock(session, users=() if user_id is None else [user_id])
        row = session.scalar(_good(username).where(AccessToken.id == token_id))
        if row is None:
            raise NotFound("There is no such token, or it has ended.")
        row.revoked_at = clock.now()
        subject = row.id, row.name
        before = {**facts(row), "owner": username}
        audit.record(session, actor, "revoke", "access_token", subject, before)


def _good(username: str) -> Select[AccessToken]:
    return (
        select(AccessToken)
        .join(AccessToken.user)
        .where(
            User.username == username,
            AccessToken.revoked_at.is_(None),
            AccessToken.expires_at > clock.now(),
        )
    )
