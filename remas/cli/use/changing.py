"""`remas change`: another time, other amounts, other nodes, another name."""

from datetime import datetime, timedelta
from typing import Any

import click

from remas.cli.use import booking, complete, told
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
from remas.cli.use.person import Person, iso, parsed, with_person
from remas.clients.api import ApiError, Json

EPILOG = (
    "Amounts: one option for each resource that is to be another, such as --gpu 4, on each of the "
    "nodes; 0 gives it up."
)


@click.command(cls=DemandCommand, epilog=EPILOG)
@click.argument("number", metavar="ID", type=click.IntRange(1), shell_complete=complete.own)
@click.option("--at", "start", metavar="TIME", help="Begin then; it stays as long as it was.")
@click.option("--for", "duration", type=Duration(), metavar="DURATION", help="Last so long.")
@click.option("--until", "end", metavar="TIME", help="End then.")
@on_option("On exactly these nodes.")
@demand_option
@click.option("--name", help="What it is for.")
@click.option("--description", help='More about it; "" takes it away.')
@click.option("--tag", "tags", multiple=True, help="Its labels from now on; may be repeated.")
@json_option
@with_person
def change(
    person: Person,
    number: int,
    start: str | None,
    duration: timedelta | None,
    end: str | None,
    nodes: tuple[str, ...] | None,
    demands: Demands,
    as_json: bool,
    **texts: Any,
) -> None:
    """Change the reservation ID: all of what you say, or nothing."""
    answer = person.api.send("GET", f"/reservations/{number}")
    row: Json = answer.json()
    wish = _texts(**texts) | _times(person, row, start, duration, end)
    asked = amounts(person.catalogue, asked_for(click.get_current_context(), demands))
    if asked or nodes is not None:
        wish["allocations"] = _allocations(row, asked, nodes)
    if not wish:
        raise Refused("Say what is to be another.", Code.USAGE)
    headers = {"If-Match": answer.headers["ETag"]}
    try:
        changed = person.api.send("PATCH", f"/reservations/{number}", wish, headers=headers)
    except ApiError as error:
        if error.slug in booking.NO_ROOM and not as_json:
            booking.tell_no_room(person, error)
        raise
    if as_json:
        tell_json(changed.json())
    else:
        told.reservation(person, changed.json())


def _texts(name: str | None, description: str | None, tags: tuple[str, ...]) -> Json:
    given = {"name": name, "tags": list(tags) or None}
    wish: Json = {key: value for key, value in given.items() if value is not None}
    if description is not None:
        wish["description"] = description or None
    return wish


def _times(
    person: Person, row: Json, start: str | None, duration: timedelta | None, end: str | None
) -> Json:
    """`starts_at` and `ends_at` as far as they are to be others."""
    if duration is not None and end is not None:
        raise Refused("Either --for or --until.", Code.USAGE)
    was = parsed(row["starts_at"]), parsed(row["ends_at"])
    begins: datetime = person.moment("--at", start) if start is not None else was[0]
    if end is not None:
        ends = person.moment("--until", end, late=True)
    else:
        ends = begins + (duration or was[1] - was[0])
    now = {"starts_at": (was[0], begins), "ends_at": (was[1], ends)}
    return {key: iso(new) for key, (old, new) in now.items() if new != old}


def _allocations(row: Json, asked: dict[str, int], nodes: tuple[str, ...] | None) -> list[Json]:
    """What the reservation is to hold. Raises `Refused` where that cannot be told."""
    bundles: dict[str, dict[str, int]] = {}
    for part in row["allocations"]:
        bundles.setdefault(part["node"], {})[part["resource"]] = part["amount"]
    if nodes is not None:
        bundles = _moved(bundles, nodes, asked)
    found = [
        {"node": node, "resource": resource, "amount": amount}
        for node, bundle in bundles.items()
        for resource, amount in {**bundle, **asked}.items()
        if amount
    ]
    if not found:
        raise Refused("Nothing would be left of it. `remas cancel` gives it up.", Code.USAGE)
    return found


def _moved(
    bundles: dict[str, dict[str, int]], nodes: tuple[str, ...], asked: dict[str, int]
) -> dict[str, dict[str, int]]:
    """The same on other nodes; a node that is kept keeps what it gives."""
    others = list(bundles.values())
    left = [{**bundle, **asked} for bundle in others]
    if any(bundle != left[0] for bundle in left) and not set(nodes) <= set(bundles):
        text = "Its nodes give different amounts, so nobody can say what other nodes are to give."
        raise Refused(text, Code.USAGE)
    return {node: bundles.get(node, others[0]) for node in nodes}
