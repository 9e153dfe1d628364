"""The one way to write: a fresh session, one transaction, one commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection as SqliteConnection
from typing import Any

from flask import current_app
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from remas.errors import Busy, Conflict
from remas.extensions import db

WRITE = "remas_write"
LOCK_TIMEOUT_SECONDS = 3
SQLITE_BUSY_SECONDS = 10  # one writer at a time: a queue of bookings has to pass
LOCK_ERRORS = {"55P03", "40P01", "40001"}  # lock not available, deadlock, serialisation
DbSession = Session


def prepare(engine: Engine) -> None:
    """Make an SQLite engine keep foreign keys, WAL and real transactions; call once an engine."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: SqliteConnection, _record: object) -> None:
        # The driver's own transaction control would begin late and never IMMEDIATE.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", begin_sqlite)


def begin_sqlite(connection: Any) -> None:
    """A write holds SQLite's one write lock from its first moment: this is what locks there."""
    write = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def let_go() -> DbSession:
    """The session, in which nothing is open any more: before something outside is asked.

    Objects read earlier in the request are detached: they keep what was loaded.
    """
    session = db.session()
    session.expunge_all()
    session.rollback()
    return session


@contextmanager
def writing() -> Iterator[DbSession]:
    """A session that holds nothing from before, in a transaction committed at the end.

    Objects read earlier in the request are detached: they keep what was loaded. Any exception
    rolls back whole. Raises `Busy` when a lock did not come in time and `Conflict` when a
    constraint of the schema refuses what another transaction made impossible meanwhile.
    """
    session = let_go()
    try:
        session.connection(execution_options={WRITE: True})
        if db.engine.dialect.name == "postgresql":
            session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        yield session
        session.commit()
    except OperationalError as error:
        session.rollback()
        if _is_lock(error):
            raise Busy("Many people are booking right now. Try again in a moment.") from error
        raise
    except IntegrityError as error:
        session.rollback()
        current_app.logger.info("refused by the schema: %s", type(error.orig).__name__)
        raise Conflict(
            "Something with this name, or something this refers to, was changed by somebody else "
            "at the same moment. Look at it again and repeat."
        ) from error
    except BaseException:
        session.rollback()
        raise


def _is_lock(error: OperationalError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state in LOCK_ERRORS or "database is locked" in str(error.orig)
