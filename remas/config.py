"""Settings from the environment, typed and checked; docs/settings.md tells what each is for.

A value that cannot be meant, or that opens a door in production, raises `SettingError` with one
sentence that names the variable. Production is: the database is PostgreSQL.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formataddr
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from remas.environment import Reader, SettingError, instance_files
from remas.letter_settings import LetterSettings
from remas.monitoring_settings import MonitoringSettings
from remas.rehearsal import RehearsalSettings
from remas.signon_settings import LdapSettings, OidcSettings, SessionSettings

ALGORITHMS = ("HS256", "HS384", "HS512")
ROUTINGS = ("policies", "direct")
NOBODYS_EMAIL = "admin@example.org"  # until it is set; nobody reads mail there
SHORTEST_SECRET = 32  # characters; HS256 wants as many bytes of key as its digest is long
CONNECTIONS = 20  # to PostgreSQL, kept open; more than a server has threads (compose.yml: 16)
CONNECT_SECONDS = 5  # to reach PostgreSQL
LARGEST_REQUEST = 4 * 1024 * 1024  # bytes; the longest lawful body, an import, is far below
STATIC_AGE = timedelta(hours=1)  # pages name their assets with a fingerprint (remas/assets.py)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set from outside. URLs end without a slash; empty means not set."""

    instance: Path  # absolute; need not exist
    debug: bool
    database_url: str = field(repr=False)  # for SQLAlchemy: postgresql+psycopg://… or sqlite:///…
    host: str
    port: int
    public_url: str
    secret_key: str = field(repr=False)
    algorithm: str
    token_access_expire: timedelta
    token_refresh_expire: timedelta
    ticker_period: timedelta
    retry_limit: timedelta
    reminder_cutoff: timedelta
    outbox_kept: timedelta
    audit_kept: timedelta | None  # None: for ever
    smtp_enabled: bool
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: str = field(repr=False)
    smtp_from_address: str
    smtp_from_name: str
    smtp_starttls: bool
    smtp_tls: bool  # TLS from the first byte; never together with smtp_starttls
    grafana_url: str
    grafana_redirect_url: str
    grafana_username: str
    grafana_password: str = field(repr=False)
    grafana_token: str = field(repr=False)
    grafana_direct: bool  # rules name their contact point; else policies lead to it
    prometheus_url: str = field(repr=False)  # may hold a password
    redis_url: str = field(repr=False)
    cors_origins: tuple[str, ...]
    demo: bool
    admin_username: str
    admin_email: str
    admin_password: str = field(repr=False)
    timezone: ZoneInfo
    horizon: timedelta
    solver_seconds: float
    start_grace: timedelta
    letters: LetterSettings
    monitoring: MonitoringSettings
    rehearsal: RehearsalSettings
    sessions: SessionSettings
    oidc: OidcSettings
    ldap: LdapSettings

    @property
    def production(self) -> bool:
        """Whether this is more than the embedded default: the database is PostgreSQL."""
        return self.database_url.startswith("postgresql")

    @classmethod
    def load(cls, environ: Mapping[str, str], instance: Path | None = None) -> Self:
        """Read the settings: `environ` first, then the files in the instance folder.

        `instance` stands in for REMAS_INSTANCE. Makes the instance folder and the secret in it
        where the embedded default needs them. Raises SettingError.
        """
        folder = (instance or Path(environ.get("REMAS_INSTANCE") or "instance")).absolute()
        read = Reader(environ, *instance_files(folder))
        database_url = read.database_url("DATABASE_URL", folder / "remas.db")
        if database_url.startswith("sqlite"):
            _make_folder(folder)
        host, port = read.text("HOST", "127.0.0.1"), read.whole("PORT", 8000, 1, 65535)
        grafana_url = read.url("GRAFANA_URL")
        settings = cls(
            instance=folder,
            debug=read.flag("DEBUG", False),
            database_url=database_url,
            host=host,
            port=port,
            public_url=read.url("REMAS_PUBLIC_URL") or _own_url(host, port),
            secret_key=read.text("SECRET_KEY") or _kept_secret(folder, database_url),
            algorithm=read.choice("ALGORITHM", "HS256", ALGORITHMS),
            token_access_expire=read.minutes("TOKEN_ACCESS_EXPIRE_MINUTES", 30),
            token_refresh_expire=read.minutes("TOKEN_REFRESH_EXPIRE_MINUTES", 120),
            ticker_period=read.seconds("TASK_SCHEDULER_PRECISION_SECONDS", 60),
            retry_limit=read.seconds("TASK_SCHEDULER_RETRY_LIMIT_SECONDS", 120),
            reminder_cutoff=read.minutes("REMAS_REMINDER_CUTOFF_MINUTES", 60),
            outbox_kept=timedelta(days=read.whole("REMAS_OUTBOX_KEEP_DAYS", 90, 1, 3650)),
            audit_kept=_kept_days(read.whole("REMAS_AUDIT_KEEP_DAYS", 730, 0, 36_500)),
            **_mail(read),
            grafana_url=grafana_url,
            grafana_redirect_url=read.url("GRAFANA_REDIRECT_URL") or grafana_url,
            grafana_username=read.text("GRAFANA_USERNAME", "admin"),
            grafana_password=read.text("GRAFANA_PASSWORD"),
            grafana_token=read.text("GRAFANA_TOKEN"),
            grafana_direct=read.choice("GRAFANA_ROUTING", "policies", ROUTINGS) == "direct",
            prometheus_url=read.url("PROMETHEUS_URL"),
            redis_url=read.url("REDIS_URL", ("redis", "rediss", "unix")),
            cors_origins=read.origins("CORS_ORIGINS"),
            demo=read.flag("REMAS_DEMO", True),
            admin_username=read.text("REMAS_ADMIN_USERNAME", "admin"),
            admin_email=read.text("REMAS_ADMIN_EMAIL", NOBODYS_EMAIL),
            admin_password=read.text("REMAS_ADMIN_PASSWORD"),
            timezone=read.zone("REMAS_TIMEZONE", "UTC"),
            horizon=timedelta(days=read.whole("REMAS_HORIZON_DAYS", 365, 1, 3650)),
            solver_seconds=read.number("REMAS_SOLVER_SECONDS", 2, 0, 600),
            start_grace=timedelta(minutes=read.whole("REMAS_START_GRACE", 5, 0, 1440)),
            letters=LetterSettings.load(read),
            monitoring=MonitoringSettings.load(read),
            rehearsal=RehearsalSettings.load(read),
            sessions=SessionSettings.load(read),
            oidc=OidcSettings.load(read),
            ldap=LdapSettings.load(read),
        )
        _refuse_halves(settings)
        if settings.production:
            _refuse_open_doors(settings)
        return settings

    def flask_config(self) -> dict[str, Any]:
        """The settings as Flask and its extensions name them, and this object as `REMAS`."""
        secure = self.public_url.startswith("https://")
        return {
            "REMAS": self,
            "DEBUG": self.debug,
            "SECRET_KEY": self.secret_key,
            "MAX_CONTENT_LENGTH": LARGEST_REQUEST,
            "SEND_FILE_MAX_AGE_DEFAULT": STATIC_AGE,
            "MAX_FORM_MEMORY_SIZE": LARGEST_REQUEST,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": self._engine_options(),
            "SESSION_COOKIE_NAME": "remas_session",
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_COOKIE_SECURE": secure,
            "REMEMBER_COOKIE_NAME": "remas_remember",
            "REMEMBER_COOKIE_HTTPONLY": True,
            "REMEMBER_COOKIE_SAMESITE": "Lax",
            "REMEMBER_COOKIE_SECURE": secure,
            "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a form may lie open over lunch
            "BOOTSTRAP_SERVE_LOCAL": True,
            "RATELIMIT_STORAGE_URI": self.redis_url or "memory://",
            "RATELIMIT_HEADERS_ENABLED": True,
            # While Redis is away each process counts for itself: people can still sign in.
            "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": bool(self.redis_url),
            "MAIL_SUPPRESS_SEND": not self.smtp_enabled,
            "MAIL_SERVER": self.smtp_host,
            "MAIL_PORT": self.smtp_port,
            "MAIL_USERNAME": self.smtp_user or None,
            "MAIL_PASSWORD": self.smtp_password or None,
            "MAIL_USE_TLS": self.smtp_starttls,
            "MAIL_USE_SSL": self.smtp_tls,
            "MAIL_DEFAULT_SENDER": self.sender,
        }

    def _engine_options(self) -> dict[str, Any]:
        hidden = {"hide_parameters": True}  # errors are logged: without hashes and ids of sessions
        if not self.production:
            return hidden
        # A server that is gone is to be noticed at once: by a request, and by /readyz.
        return {
            **hidden,
            "pool_pre_ping": True,
            "pool_size": CONNECTIONS,
            "connect_args": {"connect_timeout": CONNECT_SECONDS},
        }

    @property
    def sender(self) -> str | None:
        """The From of letters, `Name <address>`; None without an address."""
        if not self.smtp_from_address:
            return None
        return formataddr((self.smtp_from_name, self.smtp_from_address))


def _kept_days(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


def _mail(read: Reader) -> dict[str, Any]:
    user, starttls = read.text("SMTP_USER"), read.flag("SMTP_STARTTLS_ENABLED", False)
    return {
        "smtp_enabled": read.flag("SMTP_ENABLED", False),
        "smtp_host": read.text("SMTP_HOST", "localhost"),
        "smtp_port": read.whole("SMTP_PORT", 465, 1, 65535),
        "smtp_user": user,
        "smtp_password": read.text("SMTP_PASSWORD"),
        "smtp_from_address": read.text("SMTP_FROM_ADDRESS", user),
        "smtp_from_name": read.text("SMTP_FROM_NAME", "REMAS"),
        "smtp_starttls": starttls,
        "smtp_tls": read.flag("SMTP_TLS_ENABLED", True) and not starttls,
    }


def _own_url(host: str, port: int) -> str:
    shown = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"REMAS_INSTANCE: {folder} cannot be made ({error.strerror}).") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"REMAS_INSTANCE: {folder} must be writable for this user.")


def _kept_secret(folder: Path, database_url: str) -> str:
    """The embedded default's secret, made at the first start; only its owner may read the file."""
    if not database_url.startswith("sqlite"):
        raise SettingError(
            "SECRET_KEY is required with PostgreSQL; make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(48))'`."
        )
    path = folder / "secret_key"
    if not path.is_file():
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as draft:  # mode 0600
            draft.write(secrets.token_urlsafe(48))
        try:
            os.link(draft.name, path)  # fails where another process was first: its secret counts
        except FileExistsError:
            pass
        finally:
            Path(draft.name).unlink()
    secret = path.read_text().strip()
    if len(secret) < SHORTEST_SECRET:
        raise SettingError(f"SECRET_KEY is not set and {path} holds no usable one; delete it.")
    return secret


def _refuse_halves(settings: Settings) -> None:
    """Two settings that need each other."""
    if settings.smtp_enabled and not settings.smtp_from_address:
        raise SettingError("SMTP_FROM_ADDRESS (or SMTP_USER) is required when SMTP_ENABLED is set.")
    if settings.grafana_url and not settings.grafana_password:
        raise SettingError("GRAFANA_PASSWORD is required when GRAFANA_URL is set.")


def _refuse_open_doors(settings: Settings) -> None:
    """What is handy on one's own machine and dangerous where others come in."""
    if settings.debug:
        raise SettingError("DEBUG must be off with PostgreSQL: its output shows secrets.")
    if len(settings.secret_key) < SHORTEST_SECRET:
        raise SettingError(f"SECRET_KEY must have at least {SHORTEST_SECRET} characters.")
    if "*" in settings.cors_origins:
        raise SettingError("CORS_ORIGINS must name its origins with PostgreSQL, not '*'.")
    settings.oidc.refuse_open_doors()
    settings.ldap.refuse_open_doors()
