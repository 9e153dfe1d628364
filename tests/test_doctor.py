"""`remas doctor`: each part well, ill and unused, told with what to do, and an exit code."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from click.testing import CliRunner, Result
from flask import Flask

from remas.cli import main
from tests.support.live import serving
from tests.support.processes import free_port


def run(**environ: str) -> Result:
    # With CI's own variables out of the way: only what the test sets is set.
    blank = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "GRAFANA_URL", "PROMETHEUS_URL"), "")
    return CliRunner().invoke(main, ["doctor"], env={**blank, **environ})


@pytest.fixture
def mail_port() -> Iterator[int]:
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


def test_a_migrated_installation_is_well(environ: dict[str, str], database_url: str) -> None:
    result = run(**environ)
    assert "answers and is up to date" in result.output
    assert "WRONG database" not in result.output


def test_a_database_without_tables_is_sent_to_init(tmp_path: Path) -> None:
    result = run(REMAS_INSTANCE=str(tmp_path))
    assert result.exit_code == 1
    assert "WRONG database: SQLite answers, without tables" in result.output
    assert "mend: run `remas init`" in result.output


def test_a_wrong_setting_is_told_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    result = run(REMAS_INSTANCE=str(tmp_path), PORT="many")
    assert result.exit_code == 1
    assert "WRONG settings: PORT must be a number, not 'many'." in result.output
    assert "database" not in result.output


def test_what_does_not_answer_is_named_with_its_variable(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    result = run(
        REMAS_INSTANCE=str(tmp_path),
        DATABASE_URL=f"postgresql://remas:hidden-1@{nobody}/remas",
        SECRET_KEY="k" * 40,
        REDIS_URL=f"redis://:hidden-2@{nobody}/0",
        SMTP_ENABLED="true",
        SMTP_FROM_ADDRESS="remas@example.org",
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=nobody.partition(":")[2],
        GRAFANA_URL=f"http://{nobody}",
        GRAFANA_PASSWORD="hidden-3",
        PROMETHEUS_URL=f"http://{nobody}",
    )
    assert result.exit_code == 1
    for part in ("database", "Redis", "mail", "Grafana", "Prometheus"):
        assert f"WRONG {part}: " in result.output
    for variable in ("DATABASE_URL", "REDIS_URL", "SMTP_HOST", "GRAFANA_URL", "PROMETHEUS_URL"):
        assert variable in result.output
    assert "hidden" not in result.output


def test_the_mail_server_is_greeted(tmp_path: Path, mail_port: int) -> None:
    settings = {
        "REMAS_INSTANCE": str(tmp_path),
        "SMTP_ENABLED": "true",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_port),
        "SMTP_FROM_ADDRESS": "remas@example.org",
        "SMTP_TLS_ENABLED": "false",
    }
    assert f"ok    mail: 127.0.0.1:{mail_port} answers" in run(**settings).output
    # This server has no accounts and no TLS: asking for either must be told, not fail with a trace.
    for wish in (
        {"SMTP_USER": "remas", "SMTP_PASSWORD": "x"},
        {"SMTP_STARTTLS_ENABLED": "true"},
        {"SMTP_TLS_ENABLED": "true"},
    ):
        result = run(**{**settings, **wish})
        assert "WRONG mail" in result.output
        assert isinstance(result.exception, SystemExit)


def test_redis_answers(tmp_path: Path, redis_url: str) -> None:
    result = run(REMAS_INSTANCE=str(tmp_path), REDIS_URL=redis_url)
    assert "ok    Redis: answers" in result.output


def test_a_server_that_accepts_and_says_nothing_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remas.cli.doctor.PATIENCE", 0.2)
    monkeypatch.setattr("remas.cli.doctor_monitoring.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"127.0.0.1:{silent.getsockname()[1]}"
        result = run(
            REMAS_INSTANCE=str(tmp_path),
            REDIS_URL=f"redis://{url}",
            GRAFANA_URL=f"http://{url}",
            GRAFANA_PASSWORD="x",
            PROMETHEUS_URL=f"http://{url}",
        )
    assert "WRONG Redis: does not answer" in result.output
    assert "WRONG Grafana: does not answer" in result.output
    assert "WRONG Prometheus: cannot be asked. No answer" in result.output


def test_a_provider_is_asked_what_it_is(tmp_path: Path) -> None:
    app = Flask("provider")
    with serving(app) as url:

        @app.get("/.well-known/openid-configuration")
        def describe() -> dict[str, str]:
            rest = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            return {"issuer": url, **dict.fromkeys(rest, url)}

        here = {"REMAS_INSTANCE": str(tmp_path), "OIDC_ISSUER": url, "OIDC_CLIENT_ID": "remas"}
        result = run(**here, REMAS_PUBLIC_URL="https://remas.example.org")
        allowed = "https://remas.example.org/login/sso/callback"
        assert f"single sign-on: the provider answers; it has to allow {allowed}" in result.output
    assert "WRONG single sign-on: The provider does not answer" in run(**here).output


def test_a_directory_that_does_not_answer_is_told(tmp_path: Path) -> None:
    here = {"REMAS_INSTANCE": str(tmp_path), "LDAP_BASE": "dc=example"}
    result = run(**here, LDAP_URL=f"ldap://127.0.0.1:{free_port()}")
    assert "WRONG directory: does not answer" in result.output
    assert "mend: correct LDAP_URL" in result.output
    assert "directory: not used" in run(REMAS_INSTANCE=str(tmp_path)).output
