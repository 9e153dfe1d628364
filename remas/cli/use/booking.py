"""Take the earliest slot: search, book what was found, search again when somebody was faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn
from uuid import uuid4

import click

from remas import clock
from remas.cli.use import told
from remas.cli.use.codes import Code, Refused, tell_json
from remas.cli.use.person import Person, iso, parsed
from remas.clients.api import ApiError, Json
from remas.durations import format_duration

ATTEMPTS = 3  # others may take what was just offered
OFFERS = 3  # shown beside a refusal
NO_ROOM = ("no-capacity", "limit-exceeded")
PLACEMENT = ("starts_at", "ends_at", "allocations")


@dataclass(frozen=True, slots=True)
class Label:
    """What a reservation is called."""

    name: str | None = None
    description: str | None = None
    tags: Sequence[str] = ()


def search(person: Person, wish: Json, max_offers: int) -> Json:
    """The server's answer. Raises `Refused` where there was none in time."""
    found = person.api.post("/offers", {**wish, "max_offers": max_offers})
    if found["status"] == "unknown":
        detail = found["detail"] or "The server found no answer in time."
        raise Refused(f"{detail} Try again, or ask for less.", Code.LATER)
    return found


def book_earliest(
    person: Person, wish: Json, label: Label, *, choice: int = 1, as_json: bool = False
) -> Json:
    """Book the offer number `choice`; the reservation. Does not return without one."""
    for attempt in range(1, ATTEMPTS + 1):
        found = search(person, wish, choice)
        if len(found["offers"]) < choice:
            refuse(person, wish, found, as_json)
        try:
            return _book(person, found["offers"][choice - 1], label, wish)
        except ApiError as error:
            if error.slug not in NO_ROOM or attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def book_at_once(person: Person, wish: Json, label: Label, *, as_json: bool = False) -> Json:
    """As `book_earliest`, for somebody who waits: from this very minute, where that is free.

    Offers begin with a whole minute that is still to come. What is free then mostly is free now,
    and a start may lie a little in the past.
    """
    found = search(person, wish, 1)
    this_minute = clock.now().replace(second=0, microsecond=0)
    soon = this_minute + 2 * clock.MINUTE
    if found["offers"] and "earliest" not in wish:
        offer = found["offers"][0]
        if this_minute < parsed(offer["starts_at"]) <= soon:
            try:
                return _book(person, {**offer, "starts_at": iso(this_minute)}, label, wish)
            except ApiError as error:
                if error.slug not in (*NO_ROOM, "invalid"):
                    raise
    return book_earliest(person, wish, label, as_json=as_json)


def _book(person: Person, offer: Json, label: Label, wish: Json) -> Json:
    body = {
        **{key: offer[key] for key in PLACEMENT},
        "name": label.name or default_name(person, wish),
        "description": label.description,
        "tags": list(label.tags),
    }
    return person.api.post_once("/reservations", body, str(uuid4()))


def default_name(person: Person, wish: Json) -> str:
    """What it is, where nobody said what for: "2 gpu, 16 cpu"."""
    demands = wish["demands"].items()
    text = ", ".join(person.catalogue.written(name, amount) for name, amount in demands)
    return text[:200]


def refuse(person: Person, wish: Json, found: Json, as_json: bool) -> NoReturn:
    """There is no room: why, whom to ask, and what would fit instead."""
    others = _instead(person, wish)
    if as_json:
        tell_json({**found, "offers": others})
    length = timedelta(minutes=int(wish["duration"].removeprefix("PT").removesuffix("M")))
    click.echo(f"There is no room for this for {format_duration(length)}.", err=True)
    told.reasons(person, found["shortages"], err=True)
    if others and not as_json:
        click.echo("It would fit:")
        told.offers(person, others)
    raise Refused(found["detail"] or "Ask for less, or for another time.")


def _instead(person: Person, wish: Json) -> list[Json]:
    """What fits when the end is left open; nothing where it was open already."""
    if "latest_end" not in wish:
        return []
    wider = {key: value for key, value in wish.items() if key != "latest_end"}
    found: list[Any] = search(person, wider, OFFERS)["offers"]
    return found


def tell_no_room(person: Person, error: ApiError) -> None:
    """Reasons and offers of a placement that was refused."""
    told.reasons(person, error.problem.get("shortages") or [], err=True)
    if found := error.problem.get("offers"):
        click.echo("It would fit:")
        told.offers(person, found)
