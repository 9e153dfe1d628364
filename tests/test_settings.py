"""Settings: defaults, what is refused and in which words, and that every one is documented."""

import re
import stat
from collections import UserDict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from remas import clock, rehearsal
from remas.config import Settings
from remas.environment import SettingError

POSTGRES = {"DATABASE_URL": "postgresql://u:p@db/remas", "SECRET_KEY": "k" * 32}
DOCUMENT = Path(__file__).parents[1] / "docs/settings.md"


class Recorder(UserDict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def test_every_setting_is_documented_and_nothing_else_is(tmp_path: Path) -> None:
    environ = Recorder()
    environ["REMAS_INSTANCE"] = str(tmp_path)
    Settings.load(environ)
    documented = set(re.findall(r"^\| `([A-Z_]+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert documented == environ.asked


def test_an_empty_environment_gives_the_embedded_default(tmp_path: Path) -> None:
    settings = Settings.load({}, tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path / 'remas.db'}"
    assert not settings.production
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.token_access_expire == timedelta(minutes=30)
    assert settings.token_refresh_expire == timedelta(hours=2)
    assert settings.horizon == timedelta(days=365)
    assert settings.audit_kept == timedelta(days=730)
    assert settings.solver_seconds == 2
    assert settings.start_grace == timedelta(minutes=5)
    assert settings.timezone.key == "UTC"
    assert settings.demo
    assert settings.grafana_url == settings.redis_url == settings.prometheus_url == ""


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    instance = tmp_path / "deep" / "instance"
    first, second = Settings.load({}, instance), Settings.load({}, instance)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((instance / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in instance.iterdir()] == ["secret_key"]


def test_secrets_do_not_show_in_the_settings_text(tmp_path: Path) -> None:
    environ = {
        **POSTGRES,
        "SMTP_PASSWORD": "hidden-1",
        "GRAFANA_PASSWORD": "hidden-2",
        "REMAS_ADMIN_PASSWORD": "hidden-3",
        "REDIS_URL": "redis://:hidden-4@cache/0",
    }
    shown = repr(Settings.load(environ, tmp_path))
    assert "hidden" not in shown
    assert "k" * 32 not in shown
    assert "u:p@" not in shown


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_psycopg_3(scheme: str, tmp_path: Path) -> None:
    environ = {**POSTGRES, "DATABASE_URL": f"{scheme}://u:p@db:5433/remas?sslmode=require"}
    url = make_url(Settings.load(environ, tmp_path).database_url)
    assert url.get_dialect().driver == "psycopg"
    assert (url.host, url.port, url.database) == ("db", 5433, "remas")
    assert url.query == {"sslmode": "require"}


def test_files_of_the_instance_folder_are_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8001\nHOST=from-file\nSMTP_FROM_NAME='A $HOME'\n")
    (tmp_path / "env_vars.sh").write_text('#!/bin/sh\nexport PORT="9"\nexport SMTP_PORT="2525"\n')
    settings = Settings.load({"HOST": "from-environment"}, tmp_path)
    assert (settings.host, settings.port, settings.smtp_port) == ("from-environment", 8001, 2525)
    assert settings.smtp_from_name == "A $HOME"  # nothing is substituted


def test_letters_that_are_not_written_are_listed_by_kind(tmp_path: Path) -> None:
    letters = Settings.load({}, tmp_path).letters
    assert (letters.off, letters.reset_expire) == (frozenset(), timedelta(hours=1))
    off = {"REMAS_LETTERS_OFF": " account_made ,reservation_made,, "}
    letters = Settings.load(off, tmp_path).letters
    assert letters.off == {"account_made", "reservation_made"}


def test_only_tests_can_move_the_clock(tmp_path: Path) -> None:
    ahead = tmp_path / "ahead"
    ahead.write_text("3600")
    environ = {"REMAS_TESTING": "1", "REMAS_TEST_CLOCK": str(ahead)}
    try:
        rehearsal.prepare(Settings.load({**POSTGRES, **environ}, tmp_path).rehearsal)
        moved = clock.now() - datetime.now(UTC)
        assert timedelta(minutes=59) < moved <= timedelta(hours=1)
    finally:
        rehearsal.prepare(Settings.load({}, tmp_path).rehearsal)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


BAD = [
    ({"DEBUG": "perhaps"}, "DEBUG"),
    ({"PORT": "eight"}, "PORT"),
    ({"PORT": "80.5"}, "PORT"),
    ({"PORT": "0"}, "PORT"),
    ({"PORT": "70000"}, "PORT"),
    ({"DATABASE_URL": "mysql://db/remas"}, "DATABASE_URL"),
    ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL"),
    ({"DATABASE_URL": "sqlite:///"}, "DATABASE_URL"),
    ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL"),
    ({"DATABASE_URL": "remas.db"}, "DATABASE_URL"),
    ({"ALGORITHM": "none"}, "ALGORITHM"),
    ({"ALGORITHM": "RS256"}, "ALGORITHM"),
    ({"TOKEN_ACCESS_EXPIRE_MINUTES": "0"}, "TOKEN_ACCESS_EXPIRE_MINUTES"),
    ({"TOKEN_REFRESH_EXPIRE_MINUTES": "-1"}, "TOKEN_REFRESH_EXPIRE_MINUTES"),
    ({"TASK_SCHEDULER_PRECISION_SECONDS": "soon"}, "TASK_SCHEDULER_PRECISION_SECONDS"),
    ({"TASK_SCHEDULER_RETRY_LIMIT_SECONDS": "0"}, "TASK_SCHEDULER_RETRY_LIMIT_SECONDS"),
    ({"REMAS_SOLVER_SECONDS": "nan"}, "REMAS_SOLVER_SECONDS"),
    ({"REMAS_HORIZON_DAYS": "inf"}, "REMAS_HORIZON_DAYS"),
    ({"REMAS_AUDIT_KEEP_DAYS": "-1"}, "REMAS_AUDIT_KEEP_DAYS"),
    ({"REMAS_START_GRACE": "-5"}, "REMAS_START_GRACE"),
    ({"REMAS_REMINDER_CUTOFF_MINUTES": "0"}, "REMAS_REMINDER_CUTOFF_MINUTES"),
    ({"REMAS_OUTBOX_KEEP_DAYS": "never"}, "REMAS_OUTBOX_KEEP_DAYS"),
    ({"REMAS_TEST_CLOCK": "/dev/null"}, "REMAS_TEST_CLOCK"),
    ({**POSTGRES, "REMAS_TEST_CLOCK": "/dev/null"}, "REMAS_TEST_CLOCK"),
    ({**POSTGRES, "REMAS_TEST_PAUSE": "sent:/tmp/x"}, "REMAS_TEST_PAUSE"),
    ({"REMAS_TESTING": "1", "REMAS_TEST_PAUSE": "sent"}, "REMAS_TEST_PAUSE"),
    ({"REMAS_LETTERS_OFF": "reservation_made, password_reset"}, "REMAS_LETTERS_OFF"),
    ({"REMAS_LETTERS_OFF": "all"}, "REMAS_LETTERS_OFF"),
    ({"REMAS_PASSWORD_RESET_MINUTES": "0"}, "REMAS_PASSWORD_RESET_MINUTES"),
    ({"REMAS_TIMEZONE": "Mars/Olympus"}, "REMAS_TIMEZONE"),
    ({"REMAS_TIMEZONE": "../../etc/passwd"}, "REMAS_TIMEZONE"),
    ({"REMAS_PUBLIC_URL": "remas.example.org"}, "REMAS_PUBLIC_URL"),
    ({"REDIS_URL": "http://cache"}, "REDIS_URL"),
    ({"PROMETHEUS_URL": "ftp://metrics"}, "PROMETHEUS_URL"),
    ({"GRAFANA_URL": "http://[::1"}, "GRAFANA_URL"),
    ({"GRAFANA_URL": "http://grafana:3000"}, "GRAFANA_PASSWORD"),
    ({"SMTP_ENABLED": "true"}, "SMTP_FROM_ADDRESS"),
    ({"CORS_ORIGINS": "https://a.example, b.example"}, "CORS_ORIGINS"),
    ({"CORS_ORIGINS": "https://a.example/path"}, "CORS_ORIGINS"),
    ({"DATABASE_URL": POSTGRES["DATABASE_URL"]}, "SECRET_KEY"),
    ({**POSTGRES, "SECRET_KEY": " "}, "SECRET_KEY"),
    ({**POSTGRES, "SECRET_KEY": "k" * 31}, "SECRET_KEY"),
    ({**POSTGRES, "DEBUG": "true"}, "DEBUG"),
    ({**POSTGRES, "CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
]


@pytest.mark.parametrize(("environ", "name"), BAD)
def test_a_bad_value_is_refused_in_one_sentence_that_names_it(
    environ: dict[str, str], name: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=rf"^{name}\b") as caught:
        Settings.load(environ, tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_an_instance_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match="REMAS_INSTANCE"):
        Settings.load({}, tmp_path / "file" / "instance")


def test_starttls_wins_over_tls_and_both_off_is_plain(tmp_path: Path) -> None:
    def mail(**environ: str) -> tuple[bool, bool]:
        config = Settings.load(environ, tmp_path).flask_config()
        return config["MAIL_USE_SSL"], config["MAIL_USE_TLS"]

    assert mail() == (True, False)
    assert mail(SMTP_STARTTLS_ENABLED="true") == (False, True)
    assert mail(SMTP_TLS_ENABLED="false") == (False, False)


def test_cookies_are_for_tls_only_where_the_public_url_is(tmp_path: Path) -> None:
    plain = Settings.load({}, tmp_path).flask_config()
    secure = Settings.load({"REMAS_PUBLIC_URL": "https://remas.example.org/"}, tmp_path)
    assert not plain["SESSION_COOKIE_SECURE"]
    assert secure.flask_config()["SESSION_COOKIE_SECURE"]
    assert secure.public_url == "https://remas.example.org"


def test_each_node_has_the_usual_exporters_where_nothing_else_is_said(tmp_path: Path) -> None:
    usual = Settings.load({}, tmp_path).monitoring
    assert [str(exporter) for exporter in usual.exporters] == [
        "node_exporter:9100",
        "process_exporter:9256",
    ]
    assert usual.metrics_token == ""
    assert not usual.grafana_proxy
    own = {"REMAS_EXPORTERS": "node_exporter:9101, dcgm:9400/gpu"}
    first, second = Settings.load(own, tmp_path).monitoring.exporters
    assert (first.port, first.path) == (9101, "/metrics")
    assert second.as_json() == {"job": "dcgm", "port": 9400, "path": "/gpu"}
    assert Settings.load({"REMAS_EXPORTERS": "none"}, tmp_path).monitoring.exporters == ()


@pytest.mark.parametrize(
    "given", ["node_exporter", "node:0", "node:65536", "9100:node", "a:1 a:1", "a:1?b", "a:1 none"]
)
def test_exporters_that_cannot_be_meant_are_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^REMAS_EXPORTERS"):
        Settings.load({"REMAS_EXPORTERS": given}, tmp_path)


def test_a_metrics_token_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^REMAS_METRICS_TOKEN"):
        Settings.load({"REMAS_METRICS_TOKEN": "t" * 15}, tmp_path)
    settings = Settings.load({"REMAS_METRICS_TOKEN": "t" * 16}, tmp_path)
    assert settings.monitoring.metrics_token == "t" * 16
    assert "tttt" not in repr(settings)
