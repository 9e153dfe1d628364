"""`remas doctor`: what is wrong with this installation, and how to mend it."""

import os
import smtplib
import ssl
import sys
from collections.abc import Callable, Iterator

import click
import redis
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from remas import paths
from remas.cli import doctor_monitoring
from remas.cli.findings import PATIENCE, Finding, cause_of
from remas.clients import directory, oidc
from remas.config import Settings
from remas.environment import SettingError
from remas.services.single_sign_on import CALLBACK


@click.command("doctor")
def doctor_command() -> None:
    """Check the settings and the parts they name. Exit code 1 if something is wrong."""
    try:
        settings = Settings.load(os.environ)
    except SettingError as error:
        _tell(Finding("settings", str(error), "correct it where it is set; see docs/settings.md"))
        sys.exit(1)
    findings = [Finding("settings", f"read; instance folder {settings.instance}")]
    _tell(findings[0])
    for check in CHECKS:
        for finding in check(settings):
            _tell(finding)
            findings.append(finding)
    sys.exit(1 if any(finding.remedy for finding in findings) else 0)


def _tell(finding: Finding) -> None:
    click.echo(f"{'WRONG' if finding.remedy else 'ok':5} {finding.part}: {finding.state}")
    if finding.remedy:
        click.echo(f"      mend: {finding.remedy}")


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database answers and is migrated."""
    kind = "PostgreSQL" if settings.production else "SQLite"
    patience = {"connect_timeout": PATIENCE} if settings.production else {"timeout": PATIENCE}
    engine = create_engine(settings.database_url, connect_args=patience)
    wanted = set(ScriptDirectory(str(paths.MIGRATIONS)).get_heads())
    try:
        with engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError as error:
        remedy = "start it, or correct DATABASE_URL"
        yield Finding("database", f"{kind} does not answer: {cause_of(error)}", remedy)
        return
    finally:
        engine.dispose()
    if not found:
        yield Finding("database", f"{kind} answers, without tables", "run `remas init`")
    elif found != wanted:
        yield Finding(
            "database", f"{kind} answers, with tables of another version", "run `remas init`"
        )
    else:
        yield Finding("database", f"{kind} answers and is up to date")


def pages(_settings: Settings) -> Iterator[Finding]:
    """Whether the style sheets and scripts of the pages are there."""
    if (paths.STATIC / "dist/app.css").is_file():
        yield Finding("pages", "style sheets and scripts are there")
    else:
        yield Finding("pages", "style sheets and scripts are missing", "run `script/assets`")


def jobs(settings: Settings) -> Iterator[Finding]:
    """Whether Redis answers, where it is used."""
    if not settings.redis_url:
        yield Finding("Redis", "not used (REDIS_URL is not set)")
        return
    client = redis.Redis.from_url(
        settings.redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
    )
    try:
        client.ping()
    except redis.RedisError as error:
        yield Finding(
            "Redis", f"does not answer: {cause_of(error)}", "start it, or correct REDIS_URL"
        )
    else:
        yield Finding("Redis", "answers")
    finally:
        client.close()


def mail(settings: Settings) -> Iterator[Finding]:
    """Whether the mail server lets us in, where letters are sent."""
    if not settings.smtp_enabled:
        yield Finding("mail", "not sent (SMTP_ENABLED is not set)")
        return
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with _connected(settings) as connection:
            if settings.smtp_starttls:
                connection.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                connection.login(settings.smtp_user, settings.smtp_password)
    except smtplib.SMTPAuthenticationError:
        yield Finding(
            "mail", f"{server} refuses the account", "correct SMTP_USER and SMTP_PASSWORD"
        )
    except (OSError, smtplib.SMTPException) as error:
        remedy = "correct SMTP_HOST, SMTP_PORT, SMTP_TLS_ENABLED, SMTP_STARTTLS_ENABLED"
        yield Finding("mail", f"{server} does not answer: {cause_of(error)}", remedy)
    else:
        yield Finding("mail", f"{server} answers")


def _connected(settings: Settings) -> smtplib.SMTP:
    """Connected and nothing more: what comes later can fail, and must then close it."""
    address = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(*address, timeout=PATIENCE, context=context)
    return smtplib.SMTP(*address, timeout=PATIENCE)


def single_sign_on(settings: Settings) -> Iterator[Finding]:
    """Whether the OpenID Connect provider tells of itself, where it is used."""
    if not settings.oidc.enabled:
        yield Finding("single sign-on", "not used (OIDC_ISSUER is not set)")
        return
    try:
        oidc.discover(settings.oidc)
    except oidc.ProviderError as error:
        yield Finding("single sign-on", str(error), "start it, or correct OIDC_ISSUER")
    else:
        back = settings.public_url + CALLBACK
        yield Finding("single sign-on", f"the provider answers; it has to allow {back}")


def people(settings: Settings) -> Iterator[Finding]:
    """Whether the directory lets us in, where it is used."""
    if not settings.ldap.enabled:
        yield Finding("directory", "not used (LDAP_URL is not set)")
        return
    try:
        directory.check(settings.ldap)
    except directory.DirectoryError as error:
        remedy = "correct LDAP_URL, LDAP_STARTTLS, LDAP_CA_FILE, LDAP_BIND_DN, LDAP_BIND_PASSWORD"
        yield Finding("directory", f"does not answer: {error}", remedy)
    else:
        yield Finding("directory", "answers")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    database,
    pages,
    jobs,
    mail,
    doctor_monitoring.grafana,
    doctor_monitoring.prometheus,
    single_sign_on,
    people,
)
COMMANDS = (doctor_command,)
