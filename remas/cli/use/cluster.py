"""`remas nodes` and `remas free`: what there is, and what of it is free when."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import click

from remas import clock
from remas.cli.use import chart
from remas.cli.use.codes import Code, Command, Refused, json_option, tell_json
from remas.cli.use.demands import on_option
from remas.cli.use.person import Catalogue, Person, iso, parsed, with_person
from remas.cli.use.written import GAP, WIDTH, clean, length, room, table
from remas.clients.api import Json
from remas.units import format_amount

DAYS = 3
STATES = {"available": "green", "drained": "yellow", "retired": None}


@click.command(cls=Command)
@json_option
@with_person
def nodes(person: Person, as_json: bool) -> None:
    """The nodes: what each has, and how much of it is free right now."""
    found = [row for row in person.api.every("/nodes") if row["state"] != "retired"]
    if as_json:
        tell_json(found)
        return
    begins = clock.now().replace(second=0, microsecond=0)
    now = person.api.get("/timetable", **{"from": iso(begins), "to": iso(begins + clock.MINUTE)})
    free = {(part["node"], part["resource"]): part["steps"][0][1] for part in now["free"]}
    closed = {part["node"] for part in now["maintenance"]}
    names = [name for name in person.catalogue.units if any(_capacity(row, name) for row in found)]
    rows = [
        [
            clean(row["name"]),
            _state(row, closed),
            *(_cell(person.catalogue, row, name, free) for name in names),
        ]
        for row in found
    ]
    heads = ["NODE", "STATE", *(f"{name.upper()} free/all" for name in names)]
    for line in table(heads, rows, room()):
        click.echo(line)


def _capacity(node: Json, resource: str) -> int:
    found = (part["amount"] for part in node["capacities"] if part["resource"] == resource)
    return next(found, 0)


def _state(node: Json, closed: set[str]) -> str:
    if node["name"] in closed:
        return click.style("maintenance", fg="red")
    return click.style(node["state"], fg=STATES[node["state"]])


def _cell(catalogue: Catalogue, node: Json, resource: str, free: dict[tuple[str, str], int]) -> str:
    capacity = _capacity(node, resource)
    if not capacity:
        return "–"
    unit = catalogue.units[resource]
    left = free.get((node["name"], resource), 0)
    return f"{format_amount(left, unit)}/{format_amount(capacity, unit)}"


@click.command(cls=Command)
@click.option(
    "--days",
    "number",
    type=click.IntRange(1, 366),
    default=DAYS,
    show_default=True,
    help="How many days.",
)
@click.option("--from", "begin", metavar="TIME", default="now", help="From then on, not from now.")
@on_option("These nodes.")
@click.option("--resource", "resources", multiple=True, help="This one; may be repeated.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with plain letters.")
@json_option
@with_person
def free(
    person: Person,
    number: int,
    begin: str,
    nodes: tuple[str, ...] | None,
    resources: tuple[str, ...],
    ascii_only: bool,
    as_json: bool,
) -> None:
    """Draw what is free in the next days, a line for each node and resource.

    The higher the block, the more of the node is free; an empty place: nothing. Each column shows
    the least that is free at any moment of it.
    """
    start = person.moment("--from", begin).astimezone(person.zone).replace(minute=0)
    found = person.api.get(
        "/timetable",
        **{"from": iso(start), "to": iso(start + timedelta(days=number)), "node": nodes or ()},
    )
    if as_json:
        tell_json(found)
        return
    wanted = {person.catalogue.named(label) for label in resources}
    rows = list(_rows(person.catalogue, found, wanted))
    if not rows:
        raise Refused("There is nothing of this to be drawn.", Code.REFUSED)
    plain = ascii_only or not _can_draw()
    for line in _drawn(person, start, start + timedelta(days=number), rows, plain):
        click.echo(line)


Row = tuple[str, str, int, chart.Steps, Sequence[chart.Span]]
"""Heading, free now in words, capacity, free steps, when the node is closed."""


def _rows(catalogue: Catalogue, found: Json, wanted: set[str]) -> Iterator[Row]:
    closed: dict[str, list[chart.Span]] = {}
    for part in found["maintenance"]:
        span = parsed(part["starts_at"]), parsed(part["ends_at"])
        closed.setdefault(part["node"], []).append(span)
    capacities = {
        (node["name"], part["resource"]): part["amount"]
        for node in found["nodes"]
        for part in node["capacities"]
    }
    for part in found["free"]:
        node, resource = part["node"], part["resource"]
        capacity = capacities.get((node, resource), 0)
        if not capacity or (wanted and resource not in wanted):
            continue
        steps = [(parsed(moment), amount) for moment, amount in part["steps"]]
        unit = catalogue.units[resource]
        text = f"{format_amount(steps[0][1], unit)}/{format_amount(capacity, unit)}"
        yield clean(f"{node} {resource}"), text, capacity, steps, closed.get(node, ())


def _drawn(
    person: Person, start: datetime, end: datetime, rows: Iterable[Row], plain: bool
) -> Iterator[str]:
    rows = list(rows)
    heading = max(length(row[0]) for row in rows)
    amount = max(len(row[1]) for row in rows)
    margin = heading + amount + 2 * len(GAP)
    width = room() or WIDTH
    where = chart.axis(start, end, max(width - margin - 1, 12), person.zone)
    yield f"{' ' * margin}{chart.days(where)}"
    if marks := chart.hours(where):
        yield f"{' ' * margin}{marks.rstrip()}"
    for name, text, capacity, steps, closed in rows:
        line = chart.strip(where, steps, capacity, closed, plain)
        left = name + " " * (heading - length(name)) + GAP + text.rjust(amount) + GAP
        yield f"{left}{chart.coloured(line)}"
    yield from _legend(person, where, plain)


def _legend(person: Person, where: chart.Axis, plain: bool) -> Iterator[str]:
    signs = chart.LETTERS if plain else chart.BLOCKS
    closed = chart.CLOSED_LETTER if plain else chart.CLOSED
    minutes = where.step // clock.MINUTE
    step = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
    yield f"{signs[1]} little free  {signs[-1]} all free  {closed} maintenance"
    yield f"A column is {step}; | midnight, ' noon in {person.zone.key}."


def _can_draw() -> bool:
    """Whether the output takes the blocks."""
    try:
        chart.BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
