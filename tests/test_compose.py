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
from sqlalchemy import select

from remas import create_app
from remas.config import Settings
from remas.extensions import db
from remas.models import OutboxKind, OutboxState, User
from remas.services import heartbeats, outbox
from remas.services.transaction import writing
from tests.support.compose import FILE, GIVEN, TOP, VARIABLE, environment, loaded
from tests.support.mail_server import mail_server
from tests.support.postgres import Postgres
from tests.support.processes import free_port, running, wait_until

WITHHELD = {"GRAFANA_SECRET_KEY": "", "POSTGRES_PASSWORD": ""}
"""In `.env`, and only for the other containers: blank in those of REMAS."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return loaded()


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    joined = (TOP / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = FILE.read_text()
    required = {match["name"] for match in VARIABLE.finditer(text) if match["kind"] == "?"}
    assert required == set(GIVEN)
    heading = text[: text.index("\n\n")]
    assert all(name in heading for name in required)
    secrets = [
        value
        for service in compose["services"].values()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|TOKEN", key) and (key, value) not in WITHHELD.items()
    ]
    assert secrets
    for value in secrets:
        found = VARIABLE.fullmatch(value)
        # Mail servers without a password are common; everything else has one.
        assert found is not None
        assert found["kind"] == "?" or value == "${SMTP_PASSWORD:-}"


def test_no_part_of_remas_is_given_the_secrets_of_others(compose: dict[str, Any]) -> None:
    """What is said under `environment` goes before what is in `.env`, also where it is empty."""
    ours = [one for one in compose["services"].values() if one["image"] == "remas"]
    assert len(ours) == 5
    for service in ours:
        assert ".env" in [file["path"] for file in service["env_file"]]
        given = {**GIVEN, **environment(service)}
        needless = {name for name in GIVEN if not given[name]}
        assert needless == WITHHELD.keys() == GIVEN.keys() - settings_of_remas()


def settings_of_remas() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", (TOP / "docs/settings.md").read_text(), re.MULTILINE))


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
        "grafana-worker": {"init": "service_completed_successfully", "redis": "service_healthy"},
        # Nobody waits for these two, nor they for anybody: REMAS starts, whatever they do.
        "prometheus": {},
        "grafana": {},
    }
    asked = ("database", "redis", "web", "prometheus", "grafana")
    assert all("healthcheck" in services[name] for name in asked)


def test_every_variable_of_the_containers_is_a_documented_setting(compose: dict[str, Any]) -> None:
    documented = settings_of_remas()
    for name in ("init", "web", "ticker", "worker", "grafana-worker"):
        assert set(compose["services"][name]["environment"]) - WITHHELD.keys() <= documented


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
        given = our_environment(web, url, redis_url, tmp_path)
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
        given = {**our_environment(ticker, url, redis_url, tmp_path), **mail.environ}
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


def our_environment(
    service: dict[str, Any], url: str, redis_url: str, folder: Path
) -> dict[str, str]:
    """The container's environment, with our database and Redis in the place of its own.

    Grafana and Prometheus are not there: nothing may wait for them.
    """
    given = environment(service)
    nobody = f"http://127.0.0.1:{free_port()}"
    assert given["DATABASE_URL"] == "postgresql://remas:" + "p" * 24 + "@database:5432/remas"
    assert given["REDIS_URL"] == "redis://redis:6379/0"
    return {
        **given,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "GRAFANA_URL": nobody,
        "PROMETHEUS_URL": nobody,
        "REMAS_INSTANCE": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except OSError:
        return False
