"""For tests of the commands for people: a real server on loopback, and somebody with a token."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from remas import clock
from remas.cli import main
from remas.models import TokenScope, User
from remas.services import access_tokens, passwords
from tests.api.conftest import Made
from tests.support.factories import CHEAP, actor_of

REMAS = str(Path(sys.executable).with_name("remas"))
SECONDS = 60  # for a process to end, on a machine that is busy


@dataclass
class Shell:
    """Somebody's shell: `shell("list --json")`, in this process or, with `process`, in its own."""

    environ: dict[str, str]
    cwd: Path

    def __call__(self, command: str | list[str], typed: str | None = None) -> Result:
        words = command.split() if isinstance(command, str) else command
        everything = {name: None for name in os.environ if name.startswith("REMAS_")}
        return CliRunner(env={**everything, **self.environ}).invoke(main, words, input=typed)

    def ok(self, command: str | list[str], typed: str | None = None) -> str:
        """What it printed on standard output; it has to succeed."""
        result = self(command, typed)
        assert result.exit_code == 0, result.output + str(result.exception)
        return result.stdout

    def refused(self, command: str | list[str], code: int, typed: str | None = None) -> str:
        """What it printed; it has to end with this exit code, in sentences."""
        result = self(command, typed)
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        assert "Traceback" not in result.output
        return result.output

    @property
    def process_environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self.environ}

    def process(self, command: str | list[str], **kwargs: Any) -> subprocess.CompletedProcess[str]:
        words = command.split() if isinstance(command, str) else command
        return subprocess.run(
            [REMAS, *words],
            env=self.process_environ,
            cwd=self.cwd,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            **kwargs,
        )

    def start(self, words: list[str], **kwargs: Any) -> subprocess.Popen[str]:
        """The program, running."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [REMAS, *words],
            env=self.process_environ,
            cwd=self.cwd,
            text=True,
            **{**pipes, **kwargs},
        )


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def make(app: Flask) -> Made:
    """Make rows."""
    return Made(app)


@pytest.fixture
def ada(make: Made) -> User:
    """A user of the cluster, in Prague."""
    user: User = make.user("ada", surname="Byron", time_zone="Europe/Prague")
    return user


@pytest.fixture
def nobody(live_server: str, tmp_path: Path) -> Shell:
    """A shell in which nobody is signed in, nor knows where the server is."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    return Shell(environ, tmp_path)


@pytest.fixture
def token_of(app: Flask) -> Callable[..., str]:
    """An access token: `token_of(ada, "read")`."""

    def make(user: User, scope: str = "write", days: float = 30) -> str:
        wish = access_tokens.TokenNew(
            "a shell", TokenScope(scope), clock.now() + timedelta(days=days)
        )
        with app.app_context():
            return access_tokens.create(actor_of(user), wish).secret

    return make


@pytest.fixture
def shell_of(live_server: str, nobody: Shell, token_of: Callable[..., str]) -> Callable[..., Shell]:
    """The shell of somebody signed in by the environment: `shell_of(ada)`."""

    def make(user: User, scope: str = "write") -> Shell:
        signed_in = {"REMAS_URL": live_server, "REMAS_TOKEN": token_of(user, scope)}
        return Shell({**nobody.environ, **signed_in}, nobody.cwd)

    return make


@pytest.fixture
def shell(shell_of: Callable[..., Shell], ada: User) -> Shell:
    """Ada's shell."""
    return shell_of(ada)
