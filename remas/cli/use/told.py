"""Reservations, offers and reasons, told to people."""

from collections.abc import Iterable, Sequence

import click

from remas.cli.use.person import Person
from remas.cli.use.written import clean, room, table
from remas.clients.api import Json

MOST_REASONS = 8  # lines of reasons; who wants them all takes --json
COLOURS = {"running": "green", "scheduled": "cyan", "finished": None, "cancelled": "red"}
INDENT = "  "


def bundles(person: Person, allocations: Iterable[Json]) -> list[tuple[list[str], str]]:
    """Nodes that give the same, and what each of them gives, in words."""
    by_node: dict[str, dict[str, int]] = {}
    for part in allocations:
        by_node.setdefault(part["node"], {})[part["resource"]] = part["amount"]
    found: dict[str, list[str]] = {}
    for node, bundle in by_node.items():
        written = person.catalogue.written
        text = ", ".join(written(name, amount) for name, amount in sorted(bundle.items()))
        found.setdefault(clean(text), []).append(clean(node))
    return [(nodes, text) for text, nodes in found.items()]


def what(person: Person, allocations: Iterable[Json]) -> str:
    """All of it in one line: "n1, n2: 2 gpu, 16 cpu"."""
    found = bundles(person, allocations)
    return "; ".join(f"{', '.join(nodes)}: {text}" for nodes, text in found)


def offers(person: Person, found: Sequence[Json]) -> None:
    """The offers, numbered, each with what is to be known of it below."""
    rows = [
        [str(number), person.span(offer), what(person, offer["allocations"])]
        for number, offer in enumerate(found, 1)
    ]
    head, *offered = table(("#", "WHEN", "WHERE AND WHAT"), rows)
    click.echo(head)
    for line, offer in zip(offered, found, strict=True):
        click.echo(line)
        if note := _note(offer):
            click.echo(f"   {note}")


def _note(offer: Json) -> str:
    """In what it differs from the first; of the first, whether nothing earlier exists."""
    return clean(offer["note"] or ("proven earliest" if offer["proven_earliest"] else ""))


def reservations(person: Person, found: Sequence[Json], owners: bool) -> None:
    """A list; with whom they belong to, where that may be anybody."""
    rows = [
        [
            str(row["id"]),
            click.style(row["status"], fg=COLOURS[row["status"]]),
            person.span(row),
            *([clean(row["owner"]["name"])] if owners else []),
            clean(row["name"] or "–"),
            what(person, row["allocations"]),
        ]
        for row in found
    ]
    heads = ["ID", "STATUS", "WHEN", *(["WHO"] if owners else []), "NAME", "WHERE AND WHAT"]
    lines(table(heads, rows, room(), cut=heads[3:]))


def reservation(person: Person, row: Json) -> None:
    """One reservation, all of it."""
    facts = [
        ("Reservation", f"{row['id']}, {click.style(row['status'], fg=COLOURS[row['status']])}"),
        ("Name", clean(row["name"] or "–")),
        ("Owner", clean(f"{row['owner']['name']} ({row['owner']['username']})")),
        ("When", f"{person.span(row)} ({person.zone.key})"),
    ]
    for nodes, text in bundles(person, row["allocations"]):
        facts.append(("On", f"{', '.join(nodes)}: {text}"))
    if row["tags"]:
        facts.append(("Tags", clean(", ".join(row["tags"]))))
    if row["description"]:
        facts.append(("About", clean(row["description"]).replace("\n", "\n" + " " * 13)))
    lines(f"{name:<11}  {text}" for name, text in facts)


def booked(person: Person, row: Json, err: bool = False) -> None:
    """What was booked, in two lines."""
    number = click.style(str(row["id"]), bold=True)
    click.echo(f"Reservation {number}: {person.span(row)}", err=err)
    click.echo(INDENT + what(person, row["allocations"]), err=err)


def reasons(person: Person, shortages: Sequence[Json], err: bool = False) -> None:
    """Why it does not fit, and whom to ask."""
    told = list(dict.fromkeys(_reason(person, shortage) for shortage in shortages))
    for text in told[:MOST_REASONS]:
        click.echo(INDENT + text, err=err)
    if len(told) > MOST_REASONS:
        click.echo(f"{INDENT}and {len(told) - MOST_REASONS} more reasons (--json)", err=err)


def _reason(person: Person, shortage: Json) -> str:
    short = person.catalogue.written(shortage["resource"], shortage["short_by"])
    place = shortage["node"] or "all nodes together"
    when = person.span(shortage)
    text = {
        "capacity": f"{place}: {short} short, {when}",
        "limit": f"{place}: {short} more than the limit “{shortage['limit']}” allows, {when}",
        "maintenance": f"{place}: closed for maintenance, {when}",
        "drained": f"{place}: takes no new reservations",
    }[shortage["reason"]]
    holders = [
        f"{holder['name']} <{holder['email']}> (reservation {holder['reservation']})"
        for holder in shortage["held_by"]
    ]
    return clean(f"{text}; held by {', '.join(holders)}" if holders else text)


def lines(texts: Iterable[str]) -> None:
    """Each on a line of its own."""
    for text in texts:
        click.echo(text)
