"""Wait until a reservation starts: by the clock, then by the server's word."""

import sys
from collections.abc import Callable
from datetime import timedelta

import click

from remas import clock
from remas.cli.use import pause
from remas.cli.use.codes import INTERRUPTED, Refused
from remas.cli.use.person import Person, parsed
from remas.clients.api import ApiError, Json
from remas.durations import format_duration

LOOK_EVERY = timedelta(minutes=1)  # it may be moved or cancelled meanwhile
NEARLY = timedelta(seconds=1)  # between looks once it is due: clocks differ a little


def until_it_starts(person: Person, row: Json) -> Json:
    """The reservation, running. Raises `Refused` when it is cancelled meanwhile.

    Ctrl-C asks whether to keep it (without a terminal it is kept) and ends with 130.
    """
    try:
        return follow(person, row)
    except KeyboardInterrupt:
        _asked_to_stop(person, row)
        raise click.exceptions.Exit(INTERRUPTED) from None


def follow(person: Person, row: Json, sleep: Callable[[float], None] | None = None) -> Json:
    """Look at it from time to time until it runs. Raises `Refused` when it never will."""
    said = None
    while row["status"] == "scheduled":
        if said != row["starts_at"]:
            said = row["starts_at"]
            click.echo(f"Waiting until {person.written(said)}{_ahead(said)}.", err=True)
        left = parsed(row["starts_at"]) - clock.now()
        (sleep or pause.seconds)(max(min(left, LOOK_EVERY), NEARLY).total_seconds())
        row = _looked_at(person, row)
    if row["status"] != "running":
        raise Refused(f"Reservation {row['id']} is {row['status']}: it will not start.")
    return row


def _ahead(starts_at: str) -> str:
    left = parsed(starts_at) - clock.now()
    minutes = timedelta(minutes=-(-left // clock.MINUTE) if left > timedelta(0) else 0)
    return f", in {format_duration(minutes)}" if minutes else ""


def _looked_at(person: Person, row: Json) -> Json:
    """As it is now; while the server is away, as it was."""
    try:
        return person.api.get(f"/reservations/{row['id']}")
    except ApiError as error:
        if error.status and error.status < 500:
            raise
        return row


def _asked_to_stop(person: Person, row: Json) -> None:
    keep = True
    if sys.stdin.isatty():
        keep = click.confirm("\nKeep the reservation?", default=True, err=True)
    if keep:
        click.echo(f"It stays booked; `remas cancel {row['id']}` gives it up.", err=True)
    else:
        given_up(person, row["id"])
        click.echo("It is given up.", err=True)


def given_up(person: Person, number: int) -> None:
    """Cancel it, or release it where it has started; what is over stays as it is."""
    row = person.api.get(f"/reservations/{number}")
    for status, action in (("scheduled", "cancel"), ("running", "release")):
        if row["status"] == status:
            try:
                person.api.post(f"/reservations/{number}/{action}")
                return
            except ApiError as error:
                if error.slug != "not-changeable":
                    raise
                row = person.api.get(f"/reservations/{number}")  # it started, or ended, just now
