"""compose.yml and Dockerfile: what they promise, and the very commands they run, without Docker."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from remas import create_app
from remas.config import Settings
from remas.extensions import db
from remas.models import OutboxKind, OutboxState, User
from remas.services import heartbeats, outbox
from remas.services.transaction import writing
from tests.support.mail_server import mail_server
from tests.support.postgres import Postgres
from tests.support.processes import free_port, running, wait_until

TOP = Path(__file__).parents[1]
GIVEN = {"POSTGRES_PASSWORD": "p" * 24, "SECRET_KEY": "s" * 64}

# ${NAME:?message} and ${NAME:-default}
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):(?P<kind>[?-])(?P<rest>[^}]*)\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((TOP / "compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    joined = (TOP / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def substituted(text: str) -> str:
    """`text` as compose gives it to the container, with the variables of GIVEN set."""

    def value(match: re.Match[str]) -> str:
        default = match["rest"] if match["kind"] == "-" else None
        found = GIVEN.get(match["name"], default)
        assert found is not None, f"{match['name']} is required, but the heading does not say so"
        return found

    return _VARIABLE.sub(value, text)


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (TOP / "compose.yml").read_text()
    required = {match["name"] for match in _VARIABLE.finditer(text) if match["kind"] == "?"}
    assert required == set(GIVEN)
    secrets = [
        (name, key, value)
        for name, service in compose["services"].items()
        for key, value in service.get("environment", {}).items()
        if "PASSWORD" in key or "SECRET" in key
    ]
    assert secrets
    for _name, _key, value in secrets:
        assert _VARIABLE.fullmatch(value)["kind"] == "?"  # type: ignore[index]


def test_each_part_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    waits = {
        name: {need: how["condition"] for need, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits == {
        "database": {},
        "redis": {},
        "init": {"database": "service_healthy"},
        "web": {
            "database": "service_healthy",
            "init": "service_completed_successfully",
            "redis": "service_healthy",
        },
        "ticker": {"init": "service_completed_successfully", "redis": "service_healthy"},
        "worker": {"init": "service_completed_successfully", "redis": "service_healthy"},
    }
    assert all("healthcheck" in services[name] for name in ("database", "redis", "web"))


def test_every_variable_of_the_containers_is_a_documented_setting(compose: dict[str, Any]) -> None:
    documented = (TOP / "docs/settings.md").read_text()
    for name in ("init", "web", "ticker", "worker"):
        for variable in compose["services"][name]["environment"]:
            assert f"| `{variable}` |" in documented


def test_the_image_is_built_in_stages_and_runs_as_an_ordinary_user(dockerfile: list[str]) -> None:
    stages = [index for index, line in enumerate(dockerfile) if line.startswith("FROM ")]
    assert len(stages) == 3
    last = dockerfile[stages[-1] :]
    assert "USER remas" in last
    assert any(line.startswith("HEALTHCHECK ") for line in last)
    assert last.index("USER remas") < next(
        index for index, line in enumerate(last) if line.startswith("CMD ")
    )


def test_what_the_dockerfile_copies_is_there(dockerfile: list[str]) -> None:
    for line in dockerfile:
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                assert (TOP / source).exists(), line


def test_its_commands_bring_up_a_server_that_is_ready(
    compose: dict[str, Any], postgres_server: Postgres, redis_url: str, tmp_path: Path
) -> None:
    init, web = compose["services"]["init"], compose["services"]["web"]
    port = free_port()
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in web["command"]]
    assert command != web["command"]
    with postgres_server.new_database() as url:
        given = environment(web, url, redis_url, tmp_path)
        arguments: dict[str, Any] = {"env": given, "cwd": tmp_path}
        done = subprocess.run(
            init["command"], capture_output=True, text=True, timeout=120, **arguments
        )
        assert done.returncode == 0, done.stderr
        assert "Sign in as admin with" in done.stdout
        again = subprocess.run(init["command"], capture_output=True, text=True, **arguments)
        assert again.returncode == 0, again.stderr
        assert "Sign in" not in again.stdout  # the password is shown once
        log = tmp_path / "log"
        with running(command, log, **arguments) as server:
            wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), server, log)
        assert server.returncode == 0


def test_its_ticker_and_worker_carry_a_letter(
    compose: dict[str, Any], postgres_server: Postgres, redis_url: str, tmp_path: Path
) -> None:
    init, ticker, worker = (compose["services"][name] for name in ("init", "ticker", "worker"))
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(postgres_server.new_database())
        mail = stack.enter_context(mail_server())
        given = {**environment(ticker, url, redis_url, tmp_path), **mail.environ}
        arguments: dict[str, Any] = {"env": given, "cwd": tmp_path}
        subprocess.run(init["command"], capture_output=True, timeout=120, check=True, **arguments)
        app = create_app(Settings.load(given))
        with app.app_context(), writing() as session:
            person = session.scalars(select(User)).one()
            wish = {"key": "a first letter", "recipient_id": person.id}
            outbox.put(session, OutboxKind.ACCOUNT_MADE, **wish)
        processes = []
        for name, service in (("ticker", ticker), ("worker", worker)):
            log = tmp_path / f"{name}.log"
            process = stack.enter_context(running(service["command"], log, **arguments))
            processes.append(process)
        wait_until(lambda: bool(mail.received), process, log)
        with app.app_context():
            wait_until(lambda: outbox.counts()[OutboxState.SENT] == 1, process, log)
            assert heartbeats.last(heartbeats.TICKER) is not None
            db.session.remove()
            db.engine.dispose()
        for process in processes:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def environment(service: dict[str, Any], url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """The container's environment, with our database and Redis in the place of its own."""
    given = {name: substituted(value) for name, value in service["environment"].items()}
    assert given["DATABASE_URL"] == "postgresql://remas:" + "p" * 24 + "@database:5432/remas"
    assert given["REDIS_URL"] == "redis://redis:6379/0"
    return {
        **given,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "REMAS_INSTANCE": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except OSError:
        return False
