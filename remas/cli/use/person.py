"""Who asks, in which zone they read and write times, and what the cluster has."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, update_wrapper
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from remas import clock
from remas.cli.use import place
from remas.cli.use.codes import Code, Refused
from remas.clients.api import Api, Json
from remas.moments import parse_moment, written_moment, written_time
from remas.units import Unit, format_amount, parse_amount

Result = TypeVar("Result")


@dataclass(frozen=True)
class Catalogue:
    """The resources of a cluster, in order: name to unit, and what else each is called."""

    units: dict[str, Unit]
    aliases: dict[str, tuple[str, ...]]

    def named(self, label: str) -> str:
        """The resource that is called so. Raises `Refused` with a list of all."""
        if label in self.units:
            return label
        folded = label.casefold()
        for names in (lambda name: (name,), lambda name: self.aliases[name]):
            found = [name for name in self.units if folded in {n.casefold() for n in names(name)}]
            if len(found) == 1:
                return found[0]
            if found:
                text = f"{label} may mean {' or '.join(found)}. Name one of them."
                raise Refused(text, Code.USAGE)
        known = ", ".join(self.described(name) for name in self.units) or "none"
        text = f"There is no option --{label}, and no resource of this name. Resources: {known}."
        raise Refused(text, Code.USAGE)

    def described(self, name: str) -> str:
        """Such as "memory (mem, ram)"."""
        aliases = self.aliases.get(name, ())
        return f"{name} ({', '.join(aliases)})" if aliases else name

    def read(self, name: str, text: str) -> int:
        """Whole base units. Raises `Refused`."""
        try:
            return parse_amount(text, self.units[name])
        except ValueError as error:
            raise Refused(f"{name}: {error}", Code.USAGE) from error

    def written(self, name: str, amount: int) -> str:
        """Such as "64 GiB memory"."""
        return f"{format_amount(amount, self.units.get(name, Unit.NONE))} {name}"


class Person:
    """Whoever calls the command."""

    def __init__(self, where: place.Place) -> None:
        self.where = where
        self.api = Api(where.url, where.token)

    @cached_property
    def me(self) -> Json:
        """The account, as the server shows it."""
        return self.api.get("/me")

    @cached_property
    def zone(self) -> ZoneInfo:
        """In which this person reads and writes times, on pages as well."""
        return ZoneInfo(self.api.get("/me/time-zone")["time_zone"])

    @cached_property
    def catalogue(self) -> Catalogue:
        """All resources."""
        rows = list(self.api.every("/resources"))
        return Catalogue(
            {row["name"]: Unit(row["unit"]) for row in rows},
            {row["name"]: tuple(row["aliases"]) for row in rows},
        )

    def moment(self, option: str, text: str, *, late: bool = False) -> datetime:
        """What somebody wrote as a time. Raises `click.BadParameter`."""
        try:
            return parse_moment(text, clock.now(), self.zone, late=late)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=option) from error

    def written(self, moment: datetime | str) -> str:
        """Such as "Tue 24 Nov 14:00"."""
        return written_moment(parsed(moment), clock.now(), self.zone)

    def span(self, thing: Json) -> str:
        """From start to end of a reservation or an offer; the day once, where it is the same."""
        starts_at, ends_at = parsed(thing["starts_at"]), parsed(thing["ends_at"])
        same = starts_at.astimezone(self.zone).date() == ends_at.astimezone(self.zone).date()
        end = written_time(ends_at, self.zone) if same else self.written(ends_at)
        return f"{self.written(starts_at)} – {end}"


def with_person(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give the command the person as its first argument."""

    def called(*args: Any, **kwargs: Any) -> Result:
        return command(Person(place.current()), *args, **kwargs)

    return update_wrapper(called, command)


def parsed(moment: datetime | str) -> datetime:
    """A moment as the server writes it."""
    return moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)


def iso(value: datetime | timedelta) -> str:
    """A moment or a duration as the server reads it."""
    if isinstance(value, timedelta):
        return f"PT{value // timedelta(minutes=1)}M"
    return clock.written(value) or ""
