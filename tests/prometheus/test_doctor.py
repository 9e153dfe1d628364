"""`remas doctor` beside a real Prometheus that has the configuration as it is shipped."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from remas.cli import main
from tests.support.factories import make_user
from tests.support.live import serving
from tests.support.prometheus_server import Prometheus, configured, prometheus

TOKEN = "a token for tests, long enough"


def told(environ: dict[str, str], server: Prometheus) -> str:
    ours = {"PROMETHEUS_URL": server.url, "REMAS_METRICS_TOKEN": TOKEN}
    blank = {"GRAFANA_URL": "", "REMAS_EXPORTERS": "none"}
    return CliRunner().invoke(main, ["doctor"], env={**environ, **blank, **ours}).output


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (TOKEN, "ok    Prometheus on what is reserved: it knows 1 person"),
        ("another token", "WRONG Prometheus on what is reserved: REMAS refuses it"),
    ],
)
def test_it_sees_whether_the_token_is_right(
    make_app: Callable[..., Flask],
    environ: dict[str, str],
    tmp_path: Path,
    token: str,
    expected: str,
) -> None:
    app = make_app(REMAS_METRICS_TOKEN=TOKEN)
    with app.app_context():
        make_user()
    with serving(app) as url:
        configuration = configured(tmp_path / "configuration", url, token)
        with prometheus(configuration, tmp_path / "data") as server:
            asked = 'count(up{job=~"remas.*"}) == 2'
            server.eventually(lambda: server.value(asked))
            wanted = (
                "ok    Prometheus: answers",
                "ok    Prometheus on REMAS: it reads REMAS's own metrics",
                expected,
            )
            # A scrape that a busy machine cuts short is told as well, until the next one.
            server.eventually(lambda: all(map(told(environ, server).__contains__, wanted)))
