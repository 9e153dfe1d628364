"""What all tests share: databases, servers, the app, a browser.

REMAS_TEST_DATABASE chooses the database of `database_url` and all that stands on it: `sqlite` (the
default) or `postgresql`. The run on PostgreSQL takes only the tests that use that fixture and those
marked `postgresql`: the others have nothing new to say there.

Tests may run side by side (pytest -n 2): each process has servers, a database and a browser of its
own, and tests marked `alone` run while no other does.
"""

import gc
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from playwright.sync_api import Page
from sqlalchemy import Engine, create_engine

from remas import create_app, paths
from remas.config import Settings
from remas.extensions import db, limiter
from remas.services import measuring
from tests.support import browser as browser_support
from tests.support import turns
from tests.support.live import serving
from tests.support.missing import IN_CI, leave_out
from tests.support.postgres import Postgres, postgres
from tests.support.prometheus_double import PrometheusDouble, prometheus_double
from tests.support.redis_server import redis_server as start_redis

DATABASES = ("sqlite", "postgresql")
DATABASE = os.environ.get("REMAS_TEST_DATABASE", DATABASES[0])


def pytest_configure(config: pytest.Config) -> None:
    # A sixth of the time went into looking through what is imported and never goes.
    gc.set_threshold(50_000, 10, 20)
    if DATABASE not in DATABASES:
        raise pytest.UsageError(f"REMAS_TEST_DATABASE must be one of {', '.join(DATABASES)}")
    turns.prepare(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Pictures of an earlier run go, once: not those that a process beside this one has taken."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(session.config.getoption("--output"), ignore_errors=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there before the first test stays to the end: the collector is told so."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if not _belongs_to_this_run(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if _belongs_to_this_run(item)]


def _belongs_to_this_run(item: pytest.Item) -> bool:
    marked = [name for name in DATABASES if item.get_closest_marker(name)]
    if marked:
        return DATABASE in marked
    return "database_url" in getattr(item, "fixturenames", ()) or DATABASE == "sqlite"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around everything, the timeout too: waiting for one's turn is no part of a test."""
    with turns.turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to leave tests out."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, number in reasons.items():
        terminalreporter.write_line(f"left out, {number} tests: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was left out is a failure, whoever skipped it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# Servers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server, whichever database the run is on."""
    with postgres() as server:
        if server is None:
            leave_out("PostgreSQL", "install its server or set REMAS_TEST_DATABASE_URL")
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server of the tests' own."""
    with start_redis() as url:
        if url is None:
            leave_out("Redis", "install redis-server or set REMAS_TEST_REDIS_URL")
        yield url


# The app on its database


@pytest.fixture(scope="session")
def empty_database_url(request: pytest.FixtureRequest, instance: Path) -> Iterator[str]:
    """The run's database before any migration."""
    if DATABASE == "sqlite":
        yield f"sqlite:///{instance / 'remas.db'}"
        return
    with request.getfixturevalue("postgres_server").new_database() as url:
        yield url


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance folder of `app`."""
    return tmp_path_factory.mktemp("instance")


@pytest.fixture(scope="session")
def environ(empty_database_url: str, instance: Path) -> dict[str, str]:
    """The settings of `app` as environment variables, for processes on the same database."""
    return {
        "DATABASE_URL": empty_database_url,
        "REMAS_INSTANCE": str(instance),
        "SECRET_KEY": "only for tests, and therefore no secret at all: 0123456789abcdef",
    }


@pytest.fixture(scope="session")
def settings(environ: dict[str, str]) -> Settings:
    """The settings of `app`."""
    return Settings.load(environ)


@pytest.fixture(scope="session")
def database_url(settings: Settings) -> str:
    """The run's database, with the project's migrations applied once."""
    app = create_app(settings)
    with app.app_context():
        upgrade(directory=str(paths.MIGRATIONS))
    _dispose(app)
    return settings.database_url


@pytest.fixture(scope="session")
def app(settings: Settings, database_url: str) -> Iterator[Flask]:
    """The app, one for all tests; no context is pushed."""
    app = create_app(settings)
    app.testing = True
    yield app
    _dispose(app)


@pytest.fixture
def make_app(environ: dict[str, str], database_url: str) -> Iterator[Callable[..., Flask]]:
    """Make another app on the same database: `make_app(REMAS_SOLVER_SECONDS="0")`."""
    made: list[Flask] = []

    def make(**changes: str) -> Flask:
        app = create_app(Settings.load({**environ, **changes}))
        app.testing = True
        made.append(app)
        return app

    yield make
    for app in made:
        _dispose(app)


@pytest.fixture
def meter() -> Iterator[PrometheusDouble]:
    """A double of Prometheus; nothing of earlier answers is remembered."""
    measuring.memory.forget_all()
    with prometheus_double() as double:
        yield double
    measuring.memory.forget_all()


@pytest.fixture
def measured_app(make_app: Callable[..., Flask], meter: PrometheusDouble) -> Flask:
    """The app, told where `meter` is."""
    return make_app(PROMETHEUS_URL=meter.url)


def _dispose(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app_context(app: Flask) -> Iterator[None]:
    """An app context around the whole test, for tests of services; not for `client`.

    Requests made inside it would share its `g`, and with it who is signed in.
    """
    with app.app_context():
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def cleaning_engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the database empty and nobody throttled, if the test has to do with them."""
    names = request.fixturenames
    engine = request.getfixturevalue("cleaning_engine") if "database_url" in names else None
    app = request.getfixturevalue("app") if "app" in names else None
    yield
    if engine:
        with engine.begin() as connection:
            for table in reversed(db.metadata.sorted_tables):
                connection.execute(table.delete())
    if app:
        with app.app_context():
            limiter.reset()


# The browser


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """Instead of the one of pytest-playwright, which deletes in each process: done at the start."""


@pytest.fixture(scope="session")
def live_server(app: Flask) -> Iterator[str]:
    """The URL under which `app` answers, without end slash."""
    with serving(app) as url:
        yield url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium; Playwright would look for one it has downloaded."""
    program = browser_support.chromium()
    if program is None:
        leave_out("Chromium", "install it or set REMAS_TEST_CHROMIUM to its path")
    arguments = list(browser_support.ARGUMENTS)
    return {**browser_type_launch_args, "executable_path": program, "args": arguments}


@pytest.fixture(scope="session")
def base_url(live_server: str) -> str:
    """pytest-playwright's name for it: `page.goto("/login")` goes to the live server."""
    return live_server


@pytest.fixture
def page_watch() -> browser_support.PageWatch:
    """What `page` complains about; `page_watch.allow("422")` where that is the point."""
    return browser_support.PageWatch()


@pytest.fixture
def page(page: Page, page_watch: browser_support.PageWatch) -> Iterator[Page]:
    """A page on the live server; the test fails if it logs an error or breaks its own CSP."""
    page_watch.attach(page)
    yield page
    if not page.is_closed():
        page.evaluate("0")  # whatever the page reported before this has then arrived
    assert page_watch.problems == []
