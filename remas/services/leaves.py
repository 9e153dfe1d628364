"""Leave to set a new password by a link in a letter (services/resets.py): how it ends."""

from sqlalchemy import update

from remas import clock
from remas.models import PasswordReset
from remas.services.transaction import DbSession


def end_all(session: DbSession, user_id: int) -> None:
    """No link that a user was sent works any more. Belongs into the caller's transaction."""
    unused = PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None)
    session.execute(update(PasswordReset).where(*unused).values(used_at=clock.now()))
