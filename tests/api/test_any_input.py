"""Whatever is sent: never a 5xx, only described answers, and nothing that the description forbids.

Examples are made from the service's own description, as an administrator and as a user.
"""

from collections.abc import Iterator
from contextlib import suppress

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


@pytest.fixture
def described(app: Flask, make: Made) -> Iterator[BaseSchema]:
    """The service with something in it; nobody is throttled."""
    node, eve = make.node("n1", {"cpu": 8}), make.user("ada")
    make.limit(4, user=eve, nodes=[node])
    make.maintenance(node)
    make.reservation(eve, allocations={node: {"cpu": 1}}, tags=[make.tag(eve, "thesis")])
    limiter.enabled = False
    yield schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app)
    limiter.enabled = True


@pytest.mark.slow
def test_as_an_administrator(described: BaseSchema, admin: Caller) -> None:
    try_everything(described, admin)


@pytest.mark.slow
def test_as_a_user(described: BaseSchema, eve: Caller) -> None:
    try_everything(described, eve)


def try_everything(described: BaseSchema, caller: Caller) -> None:
    """Call every operation with input that its description allows, and with input it does not."""
    headers = {"Authorization": f"Bearer {caller.token}"}
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
    assert tried > 50
