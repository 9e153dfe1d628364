"""`remas doctor` on Grafana and Prometheus: what is missing in each, and how to mend it."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask, Response, request
from sqlalchemy import update

from remas import clock, paths
from remas.cli import main
from remas.models import GrafanaMark, GrafanaState
from remas.services import monitoring_standing
from remas.services.transaction import writing
from tests.support.factories import make_group, make_node
from tests.support.grafana import Double, grafana_double
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD, State
from tests.support.live import serving
from tests.support.missing import leave_out
from tests.support.processes import free_port

UIDS = ("remas-cluster", "remas-node", "remas-person")


@pytest.fixture
def double() -> Iterator[Double]:
    """A Grafana that is set up as it should be."""
    with grafana_double() as double:
        state = double.state
        state.sources["remas-prometheus"] = {"uid": "remas-prometheus", "name": "REMAS Prometheus"}
        state.dashboards = {uid: _board(uid) for uid in UIDS}
        state.server_settings["smtp"] |= {"enabled": "true", "host": "mail.example.org:465"}
        yield double


def _board(uid: str) -> dict[str, Any]:
    more = {"folderUid": "remas-dashboards", "version": 1, "provisioned": True, "model": {}}
    return {"id": 7, "uid": uid, "title": uid, **more}


@pytest.fixture
def told(environ: dict[str, str], double: Double) -> Callable[..., str]:
    """What the doctor says of Grafana, or of Prometheus, with settings of the test's own."""

    def run(**settings: str) -> str:
        grafana = {**double.settings(), "REMAS_ADMIN_EMAIL": "operators@example.org"}
        blank = {"PROMETHEUS_URL": "", "REMAS_METRICS_TOKEN": "", "GRAFANA_TOKEN": ""}
        given = {**environ, **blank, **grafana, **settings}
        return CliRunner().invoke(main, ["doctor"], env=given).output

    return run


@pytest.fixture
def up_to_date(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.add(GrafanaState(id=1, failures=0, passed_at=_now()))


def _now() -> datetime:
    return clock.now()


def wrong(output: str, part: str) -> list[str]:
    """What is told as wrong of the parts whose names begin so."""
    return [
        line
        for line in output.splitlines()
        if line.startswith(f"WRONG {part}") or line.startswith("      mend: ")
    ]


def test_alerts_that_reach_nobody_want_a_mailbox(told: Callable[..., str]) -> None:
    output = told(REMAS_ADMIN_EMAIL="")
    told_wrong = "\n".join(wrong(output, "Grafana mailbox"))
    assert "reach nobody go to admin@example.org, which is nobody's" in told_wrong
    assert "      mend: set REMAS_ADMIN_EMAIL to a mailbox" in told_wrong
    assert "Grafana mailbox: alerts that reach nobody go to operators@example.org" in told()


@pytest.mark.usefixtures("up_to_date")
def test_a_grafana_that_is_set_up_is_well(told: Callable[..., str], double: Double) -> None:
    output = told()
    assert wrong(output, "Grafana") == []
    for line in (
        "Grafana: answers, with version 11.5.2",
        "Grafana account: remas may do what has to be done",
        "Grafana data source: remas-prometheus reaches Prometheus",
        "Grafana dashboards: all 3 are there",
        "Grafana mail: sends through mail.example.org:465",
        "Grafana sign-in: with passwords in Grafana",
        "Grafana quota: takes any number of alert rules",
        "Grafana policies: REMAS may add its own",
        "Grafana changes: all are made",
    ):
        assert f"ok    {line}" in output
    assert double.writes() == []


@pytest.mark.usefixtures("up_to_date")
def test_what_grafana_shows_and_remas_hides_is_told(told: Callable[..., str], app: Flask) -> None:
    assert "Grafana privacy" not in told()
    with app.app_context():
        make_group("Closed", users_share_statistics=False)
    output = told()
    assert "ok    Grafana privacy: shows everybody in it what members of Closed use" in output
    assert wrong(output, "Grafana privacy") == []
    assert "Grafana privacy" not in told(GRAFANA_URL="")


def no_server_admin(state: State) -> None:
    state.users[1]["isGrafanaAdmin"] = False


def no_organisation_admin(state: State) -> None:
    state.members[1] = "Editor"


def no_data_source(state: State) -> None:
    state.sources.clear()


def ill_data_source(state: State) -> None:
    state.ill_sources["remas-prometheus"] = "connection refused"


def a_dashboard_is_missing(state: State) -> None:
    del state.dashboards["remas-node"]


def no_mail(state: State) -> None:
    state.server_settings["smtp"]["enabled"] = "false"


def small_quota(state: State) -> None:
    state.server_settings["quota"] = {"enabled": "true", "org_alert_rule": "0"}


def policies_of_a_file(state: State) -> None:
    state.tree_provenance = "file"


def old_version(state: State) -> None:
    state.version = "10.4.1"


def database_down(state: State) -> None:
    state.database_down = True


@pytest.mark.parametrize(
    ("harm", "expected", "remedy"),
    [
        (no_server_admin, "Grafana account: remas does not administer", "a Grafana Admin"),
        (no_organisation_admin, "Grafana account: remas is not Admin", "the role Admin"),
        (no_data_source, "data source: remas-prometheus is missing", "grafana_templates/provis"),
        (ill_data_source, "remas-prometheus does not reach Prometheus. ", "PROMETHEUS_URL"),
        (a_dashboard_is_missing, "Grafana dashboards: remas-node: not", "grafana_templates/dash"),
        (no_mail, "Grafana mail: sends none", "GF_SMTP_ENABLED"),
        (small_quota, "Grafana quota: 0 of at most 0 alert rules", "GF_QUOTA_ORG_ALERT_RULE"),
        (policies_of_a_file, 'Grafana policies: owned by "file"', "GRAFANA_ROUTING=direct"),
        (old_version, "Grafana: answers, with version 10.4.1", "install Grafana 11"),
        (database_down, "Grafana: answers with status 503", "look at its log"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_missing_is_named(
    told: Callable[..., str],
    double: Double,
    harm: Callable[[State], None],
    expected: str,
    remedy: str,
) -> None:
    harm(double.state)
    lines = told().splitlines()
    (found,) = [number for number, line in enumerate(lines) if expected in line]
    assert lines[found].startswith("WRONG Grafana")
    assert lines[found + 1].startswith("      mend: ")
    assert remedy in lines[found + 1]


def test_a_version_that_is_hidden_is_no_trouble(told: Callable[..., str], double: Double) -> None:
    double.state.version_hidden = True
    assert "ok    Grafana: answers; it does not tell its version" in told()


def test_a_wrong_password_is_tried_once(told: Callable[..., str], double: Double) -> None:
    output = told(GRAFANA_PASSWORD="hidden")
    assert "WRONG Grafana account: refuses the account remas" in output
    assert "hidden" not in output
    assert len(double.state.wrong_passwords[OWN_LOGIN]) == 1


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("glsa_right", "ok    Grafana token: taken, with the role Admin"),
        ("glsa_viewer", "WRONG Grafana token: taken, but may not do what has to be done"),
        ("glsa_other", "WRONG Grafana token: refused"),
    ],
)
def test_a_token_must_be_an_admins(
    told: Callable[..., str], double: Double, token: str, expected: str
) -> None:
    double.add_token("glsa_right", "Admin")
    double.add_token("glsa_viewer", "Viewer")
    double.state.members[1] = "Viewer"  # with a token the account itself needs no role
    output = told(GRAFANA_TOKEN=token)
    assert expected in output
    assert "ok    Grafana account: remas may do what has to be done" in output
    assert token not in output


def test_both_have_to_mean_the_same_sign_in(told: Callable[..., str], double: Double) -> None:
    missing = told(GRAFANA_SIGN_IN="proxy")
    assert "WRONG Grafana sign-in: GRAFANA_SIGN_IN is proxy, but Grafana believes none" in missing
    double.state.server_settings["auth.proxy"] = {"enabled": "true", "whitelist": ""}
    assert "WRONG Grafana sign-in: believes everybody" in told(GRAFANA_SIGN_IN="proxy")
    double.state.server_settings["auth.proxy"]["whitelist"] = "10.0.0.1"
    assert "WRONG Grafana sign-in: Grafana believes a proxy, but" in told()
    elsewhere = told(GRAFANA_SIGN_IN="proxy")
    assert "WRONG Grafana sign-in: Grafana is not under REMAS_PUBLIC_URL" in elsewhere
    under = {
        "REMAS_PUBLIC_URL": "https://remas.example.org",
        "GRAFANA_REDIRECT_URL": "https://remas.example.org/grafana",
    }
    assert "ok    Grafana sign-in: by the proxy" in told(GRAFANA_SIGN_IN="proxy", **under)


def test_policies_do_not_matter_where_they_are_not_used(
    told: Callable[..., str], double: Double
) -> None:
    double.state.tree_provenance = "file"
    assert "ok    Grafana policies: not used" in told(GRAFANA_ROUTING="direct")


def test_grafana_that_is_behind_is_told(told: Callable[..., str], app: Flask) -> None:
    assert "WRONG Grafana changes: not yet made for anybody" in told()
    with app.app_context(), writing() as session:
        session.add(GrafanaState(id=1, failures=0, passed_at=_now()))
        long_ago = _now() - 2 * monitoring_standing.LATE
        session.add(GrafanaMark(user_id=7, created_at=long_ago, next_attempt_at=long_ago))
    assert "WRONG Grafana changes: not yet made for 1 person since " in told()
    with app.app_context(), writing() as session:
        session.execute(update(GrafanaMark).values(attempts=3))
    assert "WRONG Grafana changes: refused by Grafana for 1 person" in told()


# Prometheus.

TOKEN = "a token of Prometheus"
Row = tuple[dict[str, str], float]


class Measured:
    """What a small double of Prometheus answers to the queries that it knows."""

    def __init__(self) -> None:
        self.up: list[Row] = [
            ({"job": "remas", "instance": "remas:8000"}, 1),
            ({"job": "remas_reserved", "instance": "remas:8000"}, 1),
        ]
        self.people: list[Row] = [({}, 12)]
        self.status = 200

    def add(self, node: str, job: str, *, answers: bool = True) -> None:
        self.up.append(({"node": node, "job": job, "instance": f"{node}:1"}, float(answers)))

    def serve(self) -> Flask:
        app = Flask("prometheus")

        @app.post("/api/v1/query")
        def query() -> Any:
            if self.status != 200:
                return Response("Service Unavailable", status=self.status)
            known = {"up": self.up, "count(remas_user_info)": self.people}
            rows = known[request.form["query"]]
            at = float(request.form["time"])
            result = [{"metric": labels, "value": [at, str(value)]} for labels, value in rows]
            return {"status": "success", "data": {"resultType": "vector", "result": result}}

        return app


@pytest.fixture
def measured() -> Measured:
    return Measured()


@pytest.fixture
def prometheus(told: Callable[..., str], measured: Measured) -> Iterator[Callable[..., str]]:
    """What the doctor says with this Prometheus, and without Grafana."""
    with serving(measured.serve()) as url:
        usual = {"GRAFANA_URL": "", "PROMETHEUS_URL": url, "REMAS_METRICS_TOKEN": TOKEN}
        yield lambda **settings: told(**{**usual, **settings})


@pytest.fixture
def two_nodes(app: Flask) -> None:
    with app.app_context():
        make_node("n1")
        make_node("n2")


@pytest.mark.usefixtures("two_nodes")
def test_a_prometheus_that_is_set_up_is_well(
    prometheus: Callable[..., str], measured: Measured
) -> None:
    for node in ("n1", "n2"):
        measured.add(node, "node_exporter")
        measured.add(node, "process_exporter")
    output = prometheus()
    assert wrong(output, "Prometheus") == []
    assert "ok    Prometheus: answers" in output
    assert "ok    Prometheus on REMAS: it reads REMAS's own metrics" in output
    assert "ok    Prometheus on what is reserved: it knows 12 people" in output
    assert "ok    Prometheus on the nodes: all 4 exporters answer" in output
    assert TOKEN not in output


@pytest.mark.usefixtures("two_nodes")
def test_exporters_are_named_with_their_nodes(
    prometheus: Callable[..., str], measured: Measured
) -> None:
    measured.add("n1", "node_exporter")
    measured.add("n1", "process_exporter", answers=False)
    measured.add("n2", "node_exporter")
    output = prometheus()
    assert "WRONG Prometheus on the nodes: does not know n2 (process_exporter)\n" in output
    assert "WRONG Prometheus on the nodes: gets no answer from n1 (process_exporter)\n" in output
    assert "mend: run prometheus/install-exporters there" in output


def test_one_of_two_with_the_same_job_is_enough_to_be_told(
    prometheus: Callable[..., str], app: Flask, measured: Measured
) -> None:
    with app.app_context():
        make_node("n1")
    measured.add("n1", "gpu", answers=False)
    measured.add("n1", "gpu")
    output = prometheus(REMAS_EXPORTERS="gpu:9400 gpu:9401")
    assert "WRONG Prometheus on the nodes: gets no answer from n1 (gpu)" in output


def test_not_all_of_many_are_named(
    prometheus: Callable[..., str], app: Flask, measured: Measured
) -> None:
    with app.app_context():
        for number in range(1, 11):
            make_node(f"n{number}")
    output = prometheus(REMAS_EXPORTERS="node_exporter:9100")
    assert "does not know n1 (node_exporter), n2 (node_exporter), " in output
    assert "n8 (node_exporter) and 2 more\n" in output
    assert "ok    Prometheus on the nodes: no node has an" in prometheus(REMAS_EXPORTERS="none")


def test_what_prometheus_does_not_ask_of_remas_is_told(
    prometheus: Callable[..., str], measured: Measured
) -> None:
    measured.people = []
    assert "WRONG Prometheus on what is reserved: REMAS tells it of nobody" in prometheus()
    measured.up = [({"job": "remas"}, 0), ({"job": "remas_reserved"}, 0)]
    output = prometheus()
    assert "WRONG Prometheus on REMAS: REMAS does not answer it" in output
    assert "WRONG Prometheus on what is reserved: REMAS refuses it" in output
    measured.up = []
    output = prometheus()
    assert "WRONG Prometheus on REMAS: it does not ask REMAS" in output
    assert "WRONG Prometheus on what is reserved: it does not ask" in output
    output = prometheus(REMAS_METRICS_TOKEN="")
    assert "WRONG Prometheus on what is reserved: it may not know" in output
    assert "mend: set REMAS_METRICS_TOKEN" in output


def test_a_prometheus_that_cannot_be_asked_is_told(
    prometheus: Callable[..., str], measured: Measured
) -> None:
    measured.status = 503
    assert re.search("WRONG Prometheus: cannot be asked. .* 503", prometheus())
    away = prometheus(PROMETHEUS_URL=f"http://127.0.0.1:{free_port()}")
    assert "WRONG Prometheus: cannot be asked. It cannot be reached." in away


def test_the_account_that_the_documentation_makes_is_the_right_one(
    told: Callable[..., str], double: Double
) -> None:
    if shutil.which("curl") is None:
        leave_out("curl", "apt-get install curl")
    page = (paths.GRAFANA_TEMPLATES.parent / "docs/monitoring-setup.md").read_text()
    (script,) = re.findall(r"```sh\n(# GRAFANA=.*?)```", page, re.DOTALL)
    double.state.users[1] |= {"login": "admin", "email": "admin@localhost"}
    known = {"GRAFANA": double.url, "ADMIN": OWN_PASSWORD, "GRAFANA_PASSWORD": "of remas"}
    given = {**os.environ, **known, "no_proxy": "127.0.0.1"}
    done = subprocess.run(["sh", "-euc", script], env=given, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert double.state.user_of("remas") is not None
    output = told(GRAFANA_PASSWORD="of remas")
    assert "ok    Grafana account: remas may do what has to be done" in output
