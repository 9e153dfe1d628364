"""Values that only one row may have."""

from sqlalchemy.exc import IntegrityError

from remas.errors import NameTaken
from remas.services.transaction import DbSession

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


def _violated(error: IntegrityError) -> str:
    """The unique constraint's columns at the end of a text; empty: it was another kind."""
    if diagnosis := getattr(error.orig, "diag", None):
        name = diagnosis.constraint_name if diagnosis.sqlstate == _UNIQUE_VIOLATION else None
        return name or ""
    return str(error.orig).partition("UNIQUE constraint failed: ")[2]
