"""`remas grafana sync`: from the database into Grafana."""

import pytest
from click.testing import CliRunner
from flask import Flask

from remas.cli import main
from remas.extensions import db
from remas.jobs.election import GRAFANA, election_for
from remas.models import User
from tests.support import factories
from tests.support.grafana import Double


@pytest.fixture
def run(told: None):  # type: ignore[no-untyped-def]
    """The command, on the test's database and the double."""
    return lambda: CliRunner().invoke(main, ["grafana", "sync"])


def test_people_are_in_grafana_afterwards_and_the_next_run_only_reads(
    run, app: Flask, double: Double
) -> None:  # type: ignore[no-untyped-def]
    with app.app_context():
        factories.make_user("ada")
        factories.make_user("grace", active=False)
        people = db.session.query(User).count()
    first = run()
    assert f"up to date for {people} people" in first.output
    with double.client() as client:
        assert client.find_user("ada") is not None
        assert client.find_user("grace") is None  # nobody makes an account for a closed one
    double.forget()
    assert run().exit_code == 0
    assert not double.writes()


def test_what_grafana_refuses_is_told_in_a_sentence(run, app: Flask, double: Double) -> None:  # type: ignore[no-untyped-def]
    with app.app_context():
        factories.make_user("ada")
    double.faults.broken = [503] * 3
    answer = run()
    assert answer.exit_code == 1
    assert "Grafana is not up to date." in answer.output
    assert "Traceback" not in answer.output


def test_only_one_works_at_a_time(run, app: Flask) -> None:  # type: ignore[no-untyped-def]
    with app.app_context():
        other = election_for(app.config["REMAS"], db.engine, GRAFANA)
        assert other.holds()
        try:
            assert "Another one" in run().output
        finally:
            other.resign()


def test_without_grafana_it_says_which_setting_is_missing(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("GRAFANA_URL")
    answer = run()
    assert answer.exit_code == 1
    assert "GRAFANA_URL" in answer.output
