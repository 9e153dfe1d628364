"""Of several that could do something only one does: the one that holds a lock of the database.

The lock goes with whoever holds it: when the process ends or its connection breaks, another one
gets it.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from remas.config import Settings

LOCK = 0x72656D6173  # "remas"; numbers from here on are ours in our database
TICKER, GRAFANA = "ticker", "grafana"
POSTS = (TICKER, GRAFANA)
"""What one can be elected to."""


class Election(Protocol):
    def holds(self) -> bool:
        """Whether this one is elected; stands for election where it is not."""

    def resign(self) -> None:
        """Let another one be elected."""


class ByFile:
    """Beside an SQLite database: a lock on a file of the instance folder."""

    def __init__(self, folder: Path, post: str = TICKER) -> None:
        self._path = folder / f"{post}.lock"
        self._file: int | None = None

    def holds(self) -> bool:
        """Whether the lock is ours."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def resign(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class ByDatabase:
    """An advisory lock of PostgreSQL, held by a connection that does nothing else."""

    def __init__(self, engine: Engine, post: str = TICKER) -> None:
        self._engine, self._lock = engine, LOCK + POSTS.index(post)
        self._connection: Connection | None = None

    def holds(self) -> bool:
        """Whether the lock is ours; asked of the database each time, as a connection may break."""
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            return self._stand()
        except SQLAlchemyError:
            self.resign()
            raise

    def _stand(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            elected = connection.scalar(
                text("SELECT pg_try_advisory_lock(:lock)"), {"lock": self._lock}
            )
        except SQLAlchemyError:
            connection.invalidate()
            connection.close()
            raise
        if elected:
            self._connection = connection
        else:
            connection.close()
        return bool(elected)

    def resign(self) -> None:
        """Give the lock back, with the connection."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        if not connection.invalidated:
            with suppress(SQLAlchemyError):
                # The server notices a moment later that a connection is gone, and somebody may be
                # waiting to be elected now.
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": self._lock})
        # Not back into the pool: the lock belongs to the session, not to a transaction.
        connection.invalidate()
        connection.close()


def is_held(settings: Settings, engine: Engine, post: str) -> bool:
    """Whether somebody is elected right now; for this moment nobody else can be."""
    election = election_for(settings, engine, post)
    try:
        return not election.holds()
    finally:
        election.resign()


def election_for(settings: Settings, engine: Engine, post: str = TICKER) -> Election:
    """How those who could do it agree who does, on this database."""
    if settings.production:
        return ByDatabase(engine, post)
    return ByFile(settings.instance, post)
