"""A search among 1,000,000 stored reservations reads by an index, and only its window."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from bench.fill import LANES, NODES, fill
from remas import clock, create_app
from remas.config import Settings
from remas.extensions import db
from remas.services.availability.cluster import read_cluster
from remas.services.availability.problem import Asker, overlap_query
from tests.support.postgres import Postgres

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
STORED = 1_000_000


@pytest.fixture(scope="module")
def stored(postgres_server: Postgres, environ: dict[str, str]) -> Iterator[Flask]:
    """An app on a database of its own with the million."""
    with postgres_server.new_database() as url:
        app = create_app(Settings.load({**environ, "DATABASE_URL": url}))
        with app.app_context():
            upgrade()
            fill(STORED)
            yield app
            db.session.remove()
            db.engine.dispose()


def plan_of(days: int) -> dict[str, Any]:
    """How PostgreSQL carries out the reading of a window of so many days from now on."""
    cluster = read_cluster(db.session())
    window = clock.now(), clock.now() + timedelta(days=days)
    query = overlap_query(cluster, list(cluster.node_ids), window, Asker(user_id=1001))
    literal = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    explained = db.session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {literal}")).scalar_one()
    plan = explained if isinstance(explained, list) else json.loads(explained)
    return plan[0]["Plan"]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


def test_an_index_carries_it(stored: Flask) -> None:
    steps = list(nodes_of(plan_of(days=2)))
    assert not [s for s in steps if s["Node Type"] == "Seq Scan" and s["Plan Rows"] > 1000]
    indexes = {step.get("Index Name") for step in steps}
    assert "ix_reservation_span" in indexes


def test_what_is_read_is_the_window_and_not_the_history(stored: Flask) -> None:
    # Two days meet at most three slots of two days in each of NODES · LANES lanes.
    read = [s["Actual Rows"] * s["Actual Loops"] for s in nodes_of(plan_of(days=2))]
    assert max(read) <= 3 * 3 * NODES * LANES  # three allocations each
