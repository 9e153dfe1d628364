"""An app under test that has a double of Grafana."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask

from tests.support.grafana import OLD, Double, grafana_double
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD


@contextmanager
def with_grafana(app: Flask, version: str = OLD) -> Iterator[Double]:
    """The app, told where a fresh double is; afterwards it has none again."""
    before = app.config["REMAS"]
    with grafana_double(version) as double:
        app.config["REMAS"] = replace(
            before,
            grafana_url=double.url,
            grafana_username=OWN_LOGIN,
            grafana_password=OWN_PASSWORD,
        )
        try:
            yield double
        finally:
            app.config["REMAS"] = before


def add_sources(double: Double, *uids: str) -> None:
    """Let the double have these data sources."""
    for uid in uids:
        double.state.sources[uid] = {"uid": uid, "name": uid, "type": "prometheus"}
