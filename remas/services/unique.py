"""Values that only one row may have, and those of one column that none may have in another."""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError

from remas.errors import NameTaken
from remas.models import User, folded
from remas.services.transaction import DbSession

ADDRESS_IS_A_NAME = (
    "This address is somebody else's username, so people would be taken for one another, in "
    "Grafana above all. Give another address."
)
NAME_IS_AN_ADDRESS = (
    "This username is somebody else's e-mail address, so people would be taken for one another, "
    "in Grafana above all. Choose another."
)
_UNIQUE_VIOLATION = "23505"


def save_unique(session: DbSession, *fields: str) -> None:
    """Send what was changed to the database.

    Raises `NameTaken` for that one of `fields` (names of columns) which another row has already,
    also when that row came at the same moment; then the transaction is lost.
    """
    try:
        session.flush()
    except IntegrityError as error:
        violated = _violated(error)
        for field in fields:
            if violated.endswith(field):
                raise NameTaken(field) from error
        raise


def refuse_mixed(
    session: DbSession,
    username: str | None = None,
    email: str | None = None,
    but: int | None = None,
) -> None:
    """Raises `NameTaken` for a username that is somebody else's address, or the reverse.

    Without regard to case. None: that one does not change; `but`: the id of whose they are to be.
    Nobody else comes in between where the tree of groups is locked.
    """
    if username is not None and _has(session, User.email_folded == folded(username), but):
        raise NameTaken("username", NAME_IS_AN_ADDRESS)
    if email is not None and _has(session, User.username_folded == folded(email), but):
        raise NameTaken("email", ADDRESS_IS_A_NAME)


def _has(session: DbSession, condition: ColumnElement[bool], but: int | None) -> bool:
    found = exists().where(condition, User.id != (but or 0))
    return bool(session.scalar(select(found)))


def _violated(error: IntegrityError) -> str:
    """The unique constraint's columns at the end of a text; empty: it was another kind."""
    if diagnosis := getattr(error.orig, "diag", None):
        name = diagnosis.constraint_name if diagnosis.sqlstate == _UNIQUE_VIOLATION else None
        return name or ""
    return str(error.orig).partition("UNIQUE constraint failed: ")[2]
