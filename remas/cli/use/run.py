"""`remas run`: book, wait for the start, run a command, give back what is left when it ends."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import click

from remas import clock
from remas.cli.use import booking, signals, told, waiting
from remas.cli.use.ask import EPILOG, asking, wish_of
from remas.cli.use.booking import Label
from remas.cli.use.demands import DemandCommand
from remas.cli.use.person import Person, parsed, with_person
from remas.cli.use.signals import Mailbox, Stopped
from remas.cli.use.written import clean
from remas.clients.api import ApiError, Json

NOT_RUNNABLE, NOT_FOUND, BY_SIGNAL = 126, 127, 128  # exit codes, as shells say it
LONGEST_NAME = 200
NOTICE = timedelta(minutes=5)  # so long before the end one is told that the command still runs
AGAIN_SECONDS = (1, 5, 15)  # between attempts to give the reservation back


@click.command(cls=DemandCommand, epilog=EPILOG)
@asking
@click.option("--name", help="What it is for; by default the command.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
@with_person
def run(person: Person, name: str | None, command: tuple[str, ...], **asked: Any) -> None:
    """Run COMMAND as soon as there is room for it.

    Books the earliest slot, waits for its start, runs the command with REMAS_RESERVATION,
    REMAS_NODES and REMAS_ENDS_AT in its environment, and gives back what is left when it ends.
    Signals are passed on, the exit code is the command's. What stops it before the command runs
    gives up the reservation.
    """
    if shutil.which(command[0]) is None:
        raise click.exceptions.Exit(_not_found(command[0]))
    wish = wish_of(person, **asked)
    label = Label(name or clean(" ".join(" ".join(command).split()))[:LONGEST_NAME])
    mailbox = signals.hold_back()
    try:
        row = booking.book_at_once(person, wish, label)
    except ApiError as error:
        booking.tell_no_room(person, error)
        raise
    try:
        code = _carried_out(person, row, list(command), mailbox)
    except Stopped as stopped:
        code = BY_SIGNAL + stopped.number
    finally:
        _give_back(person, row["id"], mailbox)
    raise click.exceptions.Exit(code)


def _carried_out(person: Person, row: Json, command: list[str], mailbox: Mailbox) -> int:
    """The exit code of the command. Raises `Stopped` before it runs."""
    mailbox.pause(0)
    told.booked(person, row, err=True)
    row = waiting.follow(person, row, mailbox.pause)
    try:
        process = subprocess.Popen(  # noqa: S603 whatever the person says
            command,
            env={**os.environ, **_environment(row)},
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mailbox.before),
        )
    except OSError as error:
        click.echo(f"Error: {command[0]}: {error.strerror}.", err=True)
        return NOT_RUNNABLE
    code = attended(process, mailbox, _Notices(person, row).next)
    return code if code >= 0 else BY_SIGNAL - code


def attended(
    process: subprocess.Popen[bytes], mailbox: Mailbox, notice: Callable[[], float | None]
) -> int:
    """Wait for its end, passing signals on. `notice` is called when its own seconds have passed."""
    seconds = notice()
    while (code := process.poll()) is None:
        found = mailbox.next(seconds)
        if found is None:
            seconds = notice()
        # What a terminal sends (Ctrl-C) its whole foreground gets, our child as well; what
        # somebody sends to us alone (kill) has a sender, and is passed on.
        elif found.si_signo != signal.SIGCHLD and found.si_code <= 0:
            process.send_signal(found.si_signo)
    return code


class _Notices:
    """Tells that a command still runs: shortly before its reservation ends, and when it has."""

    def __init__(self, person: Person, row: Json) -> None:
        self._person, self._row = person, row
        self._told: set[tuple[str, bool]] = set()

    def next(self) -> float | None:
        """Say what is to be said; the seconds until there may be more to say."""
        with suppress(ApiError):  # it may have been made longer meanwhile
            self._row = self._person.api.get(f"/reservations/{self._row['id']}")
        ends_at, now = self._row["ends_at"], clock.now()
        left = parsed(ends_at) - now
        over = left <= timedelta(0)
        if left <= NOTICE and (ends_at, over) not in self._told:
            self._told.add((ends_at, over))
            words = "has ended" if over else f"ends {self._person.written(ends_at)}"
            text = f"Reservation {self._row['id']} {words}; the command still runs."
            click.echo(text, err=True)
        if over:
            return None
        return (left - NOTICE if left > NOTICE else left).total_seconds() + 1


def _environment(row: Json) -> dict[str, str]:
    nodes = dict.fromkeys(part["node"] for part in row["allocations"])
    return {
        "REMAS_RESERVATION": str(row["id"]),
        "REMAS_NODES": ",".join(nodes),
        "REMAS_ENDS_AT": row["ends_at"],
    }


def _give_back(person: Person, number: int, mailbox: Mailbox) -> None:
    """Cancel or release it. Where that fails it is said, and the command's exit code stays."""
    for seconds in (*AGAIN_SECONDS, None):
        try:
            waiting.given_up(person, number)
            return
        except ApiError as error:
            reason = str(error)
            if seconds is None or (error.status and error.status < 500):
                break
        try:
            mailbox.pause(seconds)
        except Stopped:
            break
    text = f"Reservation {number} could not be given back: {reason} Try `remas release {number}`."
    click.echo(text, err=True)


def _not_found(program: str) -> int:
    click.echo(f"Error: there is no command {program}. Nothing was booked.", err=True)
    return NOT_FOUND
