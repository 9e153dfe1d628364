"""Whatever is sent: never a 5xx, only described answers, and nothing that the description forbids.

Examples are made from the service's own description, as an administrator and as a user; also in
chains, in which what one call answers is given to the next. `script/fuzz` does more of the same.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from remas.extensions import limiter
from tests.api.conftest import API, Caller, Made
from tests.support.fuzzing import about_ending, command

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHAINS = 40


@pytest.fixture
def described(app: Flask, make: Made) -> Iterator[BaseSchema]:
    """The service with something in it; nobody is throttled."""
    node, eve = make.node("n1", {"cpu": 8}), make.user("ada")
    make.limit(4, user=eve, nodes=[node])
    make.maintenance(node)
    make.reservation(eve, allocations={node: {"cpu": 1}}, tags=[make.tag(eve, "thesis")])
    make.notification(owner=eve)
    limiter.enabled = False
    yield schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app)
    limiter.enabled = True


@pytest.mark.slow
def test_as_an_administrator(described: BaseSchema, admin: Caller) -> None:
    try_everything(described, admin)


@pytest.mark.slow
def test_as_a_user(described: BaseSchema, eve: Caller) -> None:
    try_everything(described, eve)


@pytest.mark.slow
def test_in_chains_as_an_administrator(
    described: BaseSchema, live_server: str, admin: Caller, tmp_path: Path
) -> None:
    try_chains(live_server, admin, tmp_path)


@pytest.mark.slow
def test_in_chains_as_a_user(
    described: BaseSchema, live_server: str, eve: Caller, tmp_path: Path
) -> None:
    try_chains(live_server, eve, tmp_path)


def try_chains(server: str, caller: Caller, folder: Path) -> None:
    """Give what calls answer to others that take it."""
    asked = command(server, str(caller.token), "stateful", CHAINS, "--seed", "1")
    tried = subprocess.run(
        [*asked, *about_ending("exclude")],
        cwd=folder,  # it leaves files where it is started
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout
    covered = re.search(r"API Links: +(\d+) covered", tried.stdout)
    assert covered is not None, tried.stdout
    assert int(covered[1]) > 0, tried.stdout
    assert caller.get("/me").status_code == 200, "the session has ended on the way"


def try_everything(described: BaseSchema, caller: Caller) -> None:
    """Call every operation with input that its description allows, and with input it does not."""
    headers = {"Authorization": f"Bearer {caller.token}", "Accept-Encoding": "identity"}
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:

            @BOUNDED
            @given(case=operation.as_strategy(generation_mode=mode))
            def attempt(case: Case) -> None:
                case.call_and_validate(headers=headers, checks=CHECKS)

            with suppress(Unsatisfiable):  # nothing can be wrong in it
                attempt()
        tried += 1
    assert tried > 100
