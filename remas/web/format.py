"""How pages write moments, spans, durations and amounts: in the person's zone, always the same."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import humanize
from flask import Flask
from markupsafe import Markup

from remas import clock
from remas.durations import format_duration
from remas.models import Unit
from remas.units import format_amount
from remas.web import current


def init_app(app: Flask) -> None:
    """Make the filters known to templates."""
    app.jinja_env.filters.update(
        moment=moment,
        span=span,
        day=day,
        time=hour,
        ago=ago,
        duration=duration,
        amount=amount,
        fact=fact,
    )


def local(value: datetime) -> datetime:
    """The moment on the person's clock."""
    return value.astimezone(current.zone())


def day_text(value: datetime) -> str:
    """Such as "Tue 24 Nov", with the year where it is another one than now."""
    here = local(value)
    text = f"{here:%a} {here.day} {here:%b}"
    return text if here.year == local(clock.now()).year else f"{text} {here.year}"


def time_text(value: datetime) -> str:
    """Such as "14:00"; with the zone's abbreviation where clocks show it twice that day."""
    here = local(value)
    return f"{here:%H:%M} {here:%Z}" if _twice(here) else f"{here:%H:%M}"


def _twice(here: datetime) -> bool:
    return here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()


def moment_text(value: datetime) -> str:
    """Such as "Tue 24 Nov, 14:00"."""
    return f"{day_text(value)}, {time_text(value)}"


def span_text(starts_at: datetime, ends_at: datetime) -> str:
    """`[starts_at, ends_at)`; the day once, where it is the same."""
    same = local(starts_at).date() == local(ends_at).date()
    end = time_text(ends_at) if same else moment_text(ends_at)
    return f"{moment_text(starts_at)} – {end}"


def _stamped(value: datetime, text: str, title: str | None = None) -> Markup:
    stamp = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    if title is None:
        return Markup('<time datetime="{}">{}</time>').format(stamp, text)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, title, text)


def moment(value: datetime) -> Markup:
    """A moment as a `<time>`."""
    return _stamped(value, moment_text(value))


def span(value: Any) -> Markup:
    """Whatever has `starts_at` and `ends_at`, as two `<time>`."""
    same = local(value.starts_at).date() == local(value.ends_at).date()
    end = time_text(value.ends_at) if same else moment_text(value.ends_at)
    return Markup("{} – {}").format(moment(value.starts_at), _stamped(value.ends_at, end))


def day(value: datetime) -> Markup:
    """The day alone."""
    return _stamped(value, day_text(value))


def hour(value: datetime) -> Markup:
    """The time of day alone."""
    return _stamped(value, time_text(value))


def ago(value: datetime) -> Markup:
    """Such as "in 3 hours" or "now"; the title tells the moment itself."""
    now = clock.now()
    if abs(value - now) <= clock.MINUTE:
        return _stamped(value, "now", moment_text(value))
    words = humanize.naturaltime(value, when=now)
    words = words.replace(" from now", "")
    return _stamped(value, f"in {words}" if value > now else words, moment_text(value))


def duration(value: timedelta) -> str:
    """Such as "1 d 4 h"."""
    return format_duration(value)


def amount(value: int, unit: Unit = Unit.NONE) -> str:
    """Such as "64 GiB"; a number alone without unit."""
    return format_amount(value, unit).replace(" ", "\u00a0")


def fact(value: Any) -> str:
    """A fact of the audit in a line: lists and mappings with commas, nothing as a dash."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {fact(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(fact(part) for part in value)
    return str(value)


def zone_text(zone: ZoneInfo) -> str:
    """Such as "Europe/Prague (CET, UTC+01:00)" as of now."""
    here = clock.now().astimezone(zone)
    abbreviation = here.tzname() or ""
    offset = f"UTC{here:%z}"[:6] + ":" + f"{here:%z}"[3:]
    known = abbreviation if abbreviation.isalpha() and abbreviation != zone.key else ""
    inside = ", ".join(part for part in (known, offset) if part)
    return f"{zone.key} ({inside})" if zone.key != "UTC" else "UTC"
