"""Typed reading of environment variables, one at a time.

A value that cannot be meant raises `SettingError` with one sentence that names the variable.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

INSTANCE_FILES = (".env", "env_vars.sh")  # the first wins over the second

_POSTGRES_SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


class SettingError(Exception):
    """A setting cannot be used; the text is one sentence that names the variable."""


class Reader:
    """Typed reading of one variable at a time. An empty value counts as not set."""

    def __init__(self, *sources: Mapping[str, str]) -> None:
        self._sources = sources  # the first that has the variable counts

    def text(self, name: str, default: str = "") -> str:
        value = next((source[name] for source in self._sources if name in source), "")
        return value.strip() or default

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if value and value not in _TRUE + _FALSE:
            raise SettingError(f"{name} must be true or false, not {value!r}.")
        return value in _TRUE if value else default

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise SettingError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            raise SettingError(f"{name} must be a number, not {value!r}.") from None
        if not low <= number <= high:  # NaN is refused here as well
            raise SettingError(f"{name} must be between {low} and {high}, not {value}.")
        return number

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        number = self.number(name, default, low, high)
        if not number.is_integer():
            raise SettingError(f"{name} must be a whole number, not {number}.")
        return int(number)

    def minutes(self, name: str, default: int) -> timedelta:
        return timedelta(minutes=self.whole(name, default, 1, 60 * 24 * 365))

    def seconds(self, name: str, default: int) -> timedelta:
        return timedelta(seconds=self.whole(name, default, 1, 60 * 60 * 24))

    def url(self, name: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
        value = self.text(name)
        if value and not _is_url(value, schemes):
            raise SettingError(f"{name} must be a URL that starts with {schemes[0]}://.")
        return value.rstrip("/")

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(part.strip() for part in self.text(name).split(",") if part.strip())
        for origin in origins:
            if origin != "*" and not (
                _is_url(origin, ("http", "https")) and not urlsplit(origin).path
            ):
                raise SettingError(
                    f"{name} must list origins such as https://remas.example.org, not {origin!r}."
                )
        return origins

    def zone(self, name: str, default: str) -> ZoneInfo:
        value = self.text(name, default)
        try:
            return ZoneInfo(value)
        except (KeyError, OSError, ValueError):  # unknown; a folder; not a name at all
            raise SettingError(
                f"{name} must be an IANA time zone such as Europe/Prague, not {value!r}."
            ) from None

    def database_url(self, name: str, sqlite_file: Path) -> str:
        value = self.text(name) or f"sqlite:///{sqlite_file}"
        scheme, separator, rest = value.partition("://")
        if separator and scheme in _POSTGRES_SCHEMES:
            return f"{_POSTGRES_SCHEMES[0]}://{rest}"
        # A database in memory would be another one for each thread.
        if scheme == "sqlite" and rest.startswith("/") and rest[1:] not in ("", ":memory:"):
            return value
        raise SettingError(
            f"{name} must start with postgresql:// (or be empty: SQLite in the instance folder)."
        )


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix")
    except ValueError:  # a broken IPv6 address
        return False


def instance_files(folder: Path) -> list[dict[str, str]]:
    """What the settings files say, as written: nothing in them is executed or substituted."""
    files = [folder / name for name in INSTANCE_FILES if (folder / name).is_file()]
    parsed = [dotenv_values(path, interpolate=False) for path in files]
    return [{name: value or "" for name, value in values.items()} for values in parsed]
