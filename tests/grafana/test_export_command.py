"""`remas grafana export`: a rule of Grafana's into a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from remas.cli import main
from remas.letters import alert, alert_shape
from tests.grafana.test_export import a_rule
from tests.support import factories
from tests.support.grafana import Double

Run = Callable[..., Result]
EXPR = 'used{node="n1",groupname=~"ada|1007"}'


@pytest.fixture
def run(app: Flask, double: Double, told: None) -> Run:
    """The command, on the test's database and the double, which has a rule `cdx1`."""
    with app.app_context():
        factories.make_node("n1", {"cpu": 8})
        factories.make_user("ada", uid=1007)
    double.state.rules["cdx1"] = a_rule(EXPR)
    return lambda *words: CliRunner().invoke(main, ["grafana", "export", *words])


def test_a_rule_becomes_a_template_that_can_be_saved(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cpu.json"
    answer = run("cdx1", str(file))
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert answer.stderr.splitlines() == [
        "8 → ${allocation_amount}, once",
        "n1 → ${node_name}, 3 times",
        "1007 → ${user_uid}, once",
        "ada → ${user_username}, 2 times",
    ]
    rule = alert.parse(file.read_text(encoding="utf-8"))
    assert alert_shape.faults(rule) == []
    expr = 'used{node="${node_name}",groupname=~"${user_username}|${user_uid}"}'
    assert rule["data"][0]["model"]["expr"] == expr


def test_on_standard_output_is_the_template_alone(run: Run) -> None:
    answer = run("cdx1", "-")
    assert alert.parse(answer.stdout)["title"] == "CPU of ${user_username} on ${node_name}"
    assert "→" in answer.stderr


def test_what_cannot_be_found_is_said_by_options(run: Run, double: Double) -> None:
    double.state.rules["cdx1"] = a_rule('used{box="b7",who="eve",user="7"} / 2 > 4', condition="A")
    answer = run("cdx1", "-")
    assert "Say which with --node." in answer.stderr
    words = ["--node", "b7", "--user", "eve", "--uid", "7", "--amount", "4"]
    answer = run("cdx1", "-", *words)
    expr = alert.parse(answer.stdout)["data"][0]["model"]["expr"]
    assert expr == (
        'used{box="${node_name}",who="${user_username}",user="${user_uid}"} / 2'
        " > ${allocation_amount}"
    )
    assert "Say which" not in answer.stderr


def test_a_file_is_written_over_only_when_told_so(run: Run, tmp_path: Path, double: Double) -> None:
    file = tmp_path / "cpu.json"
    file.write_text("mine")
    answer = run("cdx1", str(file))
    assert answer.exit_code == 1
    assert "is there already. Say --force to write over it." in answer.stderr
    assert (file.read_text(), double.log) == ("mine", [])
    assert run("cdx1", str(file), "--force").exit_code == 0
    assert alert.parse(file.read_text())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["gone", "-"], "Grafana has no alert rule with the uid gone."),
        (["cdx1", "/nowhere/x.json"], "/nowhere/x.json cannot be written: No such file"),
        (["cdx1", "-", "--amount", "-1"], "An amount is at least 0"),
        (["cdx1", "-", "--uid", "7"], "A uid belongs to a user: say which."),
        (["recording", "-"], "This is a recording rule"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    run: Run, double: Double, words: list[str], text: str
) -> None:
    double.state.rules["recording"] = a_rule(record={"metric": "m", "from": "A"})
    answer = run(*words)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert text in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_grafana_that_is_away_is_told_and_the_file_stays(
    run: Run, double: Double, tmp_path: Path
) -> None:
    file = tmp_path / "cpu.json"
    file.write_text("mine")
    double.faults.calls_left = 0
    answer = run("cdx1", str(file), "--force")
    assert answer.exit_code == 1
    assert "Grafana does not give the rule." in answer.stderr
    assert file.read_text() == "mine"


def test_without_grafana_it_says_which_setting_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFANA_URL")
    answer = run("cdx1", "-")
    assert (answer.exit_code, "GRAFANA_URL is required" in answer.stderr) == (1, True)
