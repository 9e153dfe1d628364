"""compose.yml and Dockerfile: what they promise, and the very commands they run, without Docker."""

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

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
        "init": {"database": "service_healthy"},
        "web": {"database": "service_healthy", "init": "service_completed_successfully"},
    }
    assert all("healthcheck" in services[name] for name in ("database", "web"))


def test_every_variable_of_the_containers_is_a_documented_setting(compose: dict[str, Any]) -> None:
    documented = (TOP / "docs/settings.md").read_text()
    for name in ("init", "web"):
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
    compose: dict[str, Any], postgres_server: Postgres, tmp_path: Path
) -> None:
    init, web = compose["services"]["init"], compose["services"]["web"]
    port = free_port()
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in web["command"]]
    assert command != web["command"]
    with postgres_server.new_database() as url:
        arguments: dict[str, Any] = {"env": environment(web, url, tmp_path), "cwd": tmp_path}
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


def environment(service: dict[str, Any], url: str, folder: Path) -> dict[str, str]:
    """The container's environment, with our database in the place of its own."""
    given = {name: substituted(value) for name, value in service["environment"].items()}
    assert given["DATABASE_URL"] == "postgresql://remas:" + "p" * 24 + "@database:5432/remas"
    return {
        **given,
        "DATABASE_URL": url,
        "REMAS_INSTANCE": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except OSError:
        return False
