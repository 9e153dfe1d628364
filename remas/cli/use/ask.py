"""`remas suggest` and `remas book`: ask for a slot, and take one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from remas.cli.use import booking, told, waiting
from remas.cli.use.booking import Label
from remas.cli.use.codes import Code, Refused, json_option, tell_json
from remas.cli.use.demands import (
    DemandCommand,
    Demands,
    Duration,
    amounts,
    asked_for,
    demand_option,
    on_option,
)
from remas.cli.use.person import Person, iso, with_person
from remas.clients.api import ApiError, Json
from remas.moments import EXAMPLES

OFFERS = 3
EPILOG = (
    "What each node gives: one option for each resource, such as --gpu 2 --cpu 16 --memory 64GiB; "
    "`remas nodes` shows what there is."
)


def asking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is wanted."""
    for option in (
        demand_option,
        click.option("--before", "deadline", metavar="TIME", help="End by then at the latest."),
        click.option("--from", "release", metavar="TIME", help=f"Not before: {EXAMPLES}."),
        on_option("On these nodes, or any of them."),
        click.option(
            "--nodes",
            "count",
            type=click.IntRange(1),
            default=1,
            metavar="N",
            help="On so many nodes at once; each gives all of it.",
        ),
        click.option(
            "--for",
            "duration",
            type=Duration(),
            required=True,
            metavar="DURATION",
            help='How long: "4h", "90min", "1d12h".',
        ),
    ):
        command = option(command)
    return command


def wish_of(
    person: Person,
    *,
    duration: timedelta,
    count: int,
    nodes: tuple[str, ...] | None,
    release: str | None,
    deadline: str | None,
    demands: Demands,
) -> Json:
    """The request as the server takes it. Raises `Refused`, `click.BadParameter`."""
    asked = asked_for(click.get_current_context(), demands)
    if not asked:
        text = "Say what each node is to give, such as --gpu 2 --cpu 16."
        raise Refused(text, Code.USAGE)
    wish: Json = {
        "duration": iso(duration),
        "demands": amounts(person.catalogue, asked),
        "node_count": count,
        "nodes": list(nodes or ()),
    }
    if release is not None:
        wish["earliest"] = iso(person.moment("--from", release))
    if deadline is not None:
        wish["latest_end"] = iso(person.moment("--before", deadline, late=True))
    return wish


@click.command(cls=DemandCommand, epilog=EPILOG)
@asking
@click.option(
    "--offers",
    "max_offers",
    type=click.IntRange(1, 10),
    default=OFFERS,
    show_default=True,
    help="How many to show at most.",
)
@json_option
@with_person
def suggest(person: Person, max_offers: int, as_json: bool, **asked: Any) -> None:
    """Where and when would it fit? The earliest slot first; nothing is booked."""
    wish = wish_of(person, **asked)
    found = booking.search(person, wish, max_offers)
    if not found["offers"]:
        booking.refuse(person, wish, found, as_json)
    if as_json:
        tell_json(found)
        return
    told.offers(person, found["offers"])
    if found["detail"]:
        click.echo(found["detail"])


@click.command(cls=DemandCommand, epilog=EPILOG)
@asking
@click.option("--at", "start", metavar="TIME", help="Begin exactly then.")
@click.option(
    "--offer",
    "choice",
    type=click.IntRange(1, 10),
    default=1,
    metavar="N",
    help="Take this one of what `remas suggest` shows, instead of the first.",
)
@click.option("--name", help="What it is for; by default what it is.")
@click.option("--description", help="More about it.")
@click.option("--tag", "tags", multiple=True, help="A label of yours; may be repeated.")
@click.option("--wait", is_flag=True, help="Return when it starts.")
@json_option
@with_person
def book(
    person: Person,
    start: str | None,
    choice: int,
    name: str | None,
    description: str | None,
    tags: tuple[str, ...],
    wait: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Book the earliest slot in which it fits.

    With --wait the command returns when the reservation starts. Ctrl-C asks whether to keep it;
    any other end of the command keeps it.
    """
    wish = wish_of(person, **_exactly(start, asked))
    if start is not None:
        wish = _window(person, wish, start, asked["duration"])
    label = Label(name, description, tags)
    try:
        if wait and choice == 1:
            row = booking.book_at_once(person, wish, label, as_json=as_json)
        else:
            row = booking.book_earliest(person, wish, label, choice=choice, as_json=as_json)
    except ApiError as error:
        if error.slug in booking.NO_ROOM and not as_json:
            booking.tell_no_room(person, error)
        raise
    if not as_json:
        told.booked(person, row)
    if wait:
        row = waiting.until_it_starts(person, row)
    if as_json:
        tell_json(row)


def _exactly(start: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    if start is not None and (asked["release"] or asked["deadline"]):
        raise Refused("--at says when: leave out --from and --before.", Code.USAGE)
    return asked


def _window(person: Person, wish: Json, start: str, duration: timedelta) -> Json:
    """Exactly at `start`: the window is as long as the reservation."""
    begins = person.moment("--at", start)
    return {**wish, "earliest": iso(begins), "latest_end": iso(begins + duration)}
