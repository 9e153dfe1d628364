"""`remas demo` and its relatives as processes: started on nothing, started again, stopped."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import free_port, running, wait_until

REMAS = str(Path(sys.executable).with_name("remas"))


@contextmanager
def demo(folder: Path, stop: int = signal.SIGTERM, **changes: str) -> Iterator[tuple[str, Path]]:
    """`remas demo` in `folder`, answering; gives its URL and the file with what it printed."""
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "PORT": str(port), "REMAS_INSTANCE": str(folder)}
    log = folder.parent / f"{port}.log"
    with running([REMAS, "demo"], log, stop=stop, env={**environ, **changes}) as server:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), server, log)
        yield f"http://127.0.0.1:{port}", log
    assert server.returncode == 0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_demo_makes_everything_once_and_starts_again_quickly(tmp_path: Path, stop: int) -> None:
    instance = tmp_path / "instance"
    with demo(instance, stop) as (url, log):
        assert answers(f"{url}/login")
        first = log.read_text()
    assert re.search(r"Sign in as admin with \S{12,} ", first)
    assert "The demo cluster's people are" in first
    assert f"REMAS is at {url}/" in first
    assert not answers(f"{url}/healthz")

    started = time.monotonic()
    with demo(instance, stop) as (_url, log):
        assert time.monotonic() - started < 5
        second = log.read_text()
    assert "Sign in" not in second
    assert "demo cluster" not in second
    assert "remas password USERNAME" in second


def test_without_demo_data_only_the_administrator_is_made(tmp_path: Path) -> None:
    with demo(tmp_path / "instance", REMAS_DEMO="0") as (_url, log):
        text = log.read_text()
    assert "Sign in as admin with" in text
    assert "demo cluster" not in text


def test_a_given_password_is_not_shown(tmp_path: Path) -> None:
    given = {"REMAS_ADMIN_USERNAME": "eva", "REMAS_ADMIN_PASSWORD": "a long one: 8Fxz"}
    result = remas("init", tmp_path, **given)
    assert result.returncode == 0, result.stderr
    assert "Sign in as eva with the password of REMAS_ADMIN_PASSWORD." in result.stdout
    assert given["REMAS_ADMIN_PASSWORD"] not in result.stdout


def test_a_new_password_for_somebody_and_for_nobody(tmp_path: Path) -> None:
    assert remas("init", tmp_path).returncode == 0
    somebody = remas("password admin", tmp_path)
    assert somebody.returncode == 0, somebody.stderr
    assert re.match(r"admin signs in with \S{12,} and ", somebody.stdout)
    nobody = remas("password nobody-of-this-name", tmp_path)
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("Error: ")
    assert "Traceback" not in nobody.stderr


@pytest.mark.parametrize("command", ["init", "demo", "serve", "password admin"])
def test_a_bad_setting_stops_every_command_in_one_sentence(command: str, tmp_path: Path) -> None:
    result = remas(command, tmp_path, PORT="many")
    assert result.returncode == 1
    assert result.stderr == "Error: PORT must be a number, not 'many'.\n"


def remas(command: str, instance: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "REMAS_INSTANCE": str(instance), **changes}
    return subprocess.run(
        [REMAS, *command.split()], capture_output=True, text=True, env=environ, timeout=60
    )
