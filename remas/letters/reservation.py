"""Letters about one's reservation: made, changed, cancelled, or standing in something's way.

The payload of a row says who did it and what was before and after, as `snapshot` tells it; `own`:
it was the owner. Times are written in the owner's zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from remas import clock
from remas.letters import invitation
from remas.letters.letter import Attachment, Letter, Letterhead, Link, compose, moment, zone_of
from remas.models import Outbox, Reservation, Unit, User
from remas.units import format_amount

Snapshot = Mapping[str, Any]
ASKED = "You get a calendar file with each reservation that you make, change or cancel."
ALWAYS = "You get this because the reservation is yours and somebody else changed it."
CONCERNED = "You get this because the reservation is yours."


def snapshot(reservation: Reservation) -> dict[str, Any]:
    """What a letter may have to tell of a reservation, as plain JSON."""
    return {
        "name": reservation.name,
        "description": reservation.description,
        "starts_at": clock.written(reservation.starts_at),
        "ends_at": clock.written(reservation.ends_at),
        "allocations": [
            [held.node.name, held.resource.name, held.amount, held.resource.unit.value]
            for held in sorted(
                reservation.allocations, key=lambda held: (held.node.name, held.resource.name)
            )
        ],
        "tags": sorted(tag.name for tag in reservation.tags),
    }


def made(row: Outbox, head: Letterhead) -> Letter:
    """One's own new reservation, for the calendar."""
    reservation, owner = _subject(row)
    lines = _told(snapshot(reservation), zone_of(owner, head))
    body = f"You have reserved “{reservation.name}”.\n\n{lines}"
    return _letter(f"Reserved: {reservation.name}", body, reservation, owner, head, ASKED)


def changed(row: Outbox, head: Letterhead) -> Letter:
    """What is different, line by line."""
    reservation, owner = _subject(row)
    payload = row.payload or {}
    before, after = payload.get("before") or {}, payload.get("after") or {}
    name = before.get("name") or reservation.name
    lines = _differences(before, after, zone_of(owner, head))
    body = f"{_who(payload, 'changed', name)}\n\n{lines}"
    footer = ASKED if payload.get("own") else ALWAYS
    return _letter(f"Changed: {name}", body, reservation, owner, head, footer)


def cancelled(row: Outbox, head: Letterhead) -> Letter:
    """What there is no more."""
    reservation, owner = _subject(row)
    payload = row.payload or {}
    before = payload.get("before") or snapshot(reservation)
    lines = _told(before, zone_of(owner, head))
    body = f"{_who(payload, 'cancelled', reservation.name)}\n\n{lines}"
    footer = ASKED if payload.get("own") else ALWAYS
    return _letter(f"Cancelled: {reservation.name}", body, reservation, owner, head, footer)


def contradicted(row: Outbox, head: Letterhead) -> Letter:
    """It stands as it is, and something else no longer goes with it."""
    reservation, owner = _subject(row)
    payload = row.payload or {}
    lines = _told(snapshot(reservation), zone_of(owner, head))
    body = (
        f"Your reservation “{reservation.name}” no longer fits: {payload.get('why', '')}\n\n"
        f"{lines}\n\n"
        f"It was not changed. Please move or cancel it, or talk to {payload.get('by', 'them')}, "
        "who made the change."
    )
    subject = f"No longer fits: {reservation.name}"
    return _letter(subject, body, reservation, owner, head, CONCERNED, file=False)


def _subject(row: Outbox) -> tuple[Reservation, User]:
    if row.reservation is None or row.recipient is None:
        raise ValueError("a letter about a reservation needs it, and its recipient")
    return row.reservation, row.recipient


def _letter(
    subject: str,
    body: str,
    reservation: Reservation,
    owner: User,
    head: Letterhead,
    footer: str,
    *,
    file: bool = True,
) -> Letter:
    files: list[Attachment] = [invitation.attachment(reservation, owner, head)] if file else []
    settings = f"\nChoose what you get: {head.url('/profile/notifications')}"
    return compose(
        subject,
        body,
        link=Link("Open the reservation", head.url(f"/reservations/{reservation.id}")),
        footer=f"{footer}{settings if footer == ASKED else ''}",
        attachments=files,
    )


def _who(payload: Mapping[str, Any], verb: str, name: str) -> str:
    if payload.get("own"):
        return f"You have {verb} your reservation “{name}”."
    return f"{payload.get('by', 'An administrator')} has {verb} your reservation “{name}”."


def _told(known: Snapshot, zone: ZoneInfo) -> str:
    """Time and resources, a line each."""
    lines = [
        f"Start: {_moment(known['starts_at'], zone)}",
        f"End: {_moment(known['ends_at'], zone)}",
    ]
    return "\n".join([*lines, *_bundles(known["allocations"])])


def _differences(before: Snapshot, after: Snapshot, zone: ZoneInfo) -> str:
    lines = []
    for key, label in (("name", "Name"), ("description", "Description")):
        if before.get(key) != after.get(key):
            lines.append(f"{label}: {before.get(key) or 'none'} → {after.get(key) or 'none'}")
    for key, label in (("starts_at", "Start"), ("ends_at", "End")):
        if before.get(key) != after.get(key):
            old, new = (_moment(known[key], zone) for known in (before, after))
            lines.append(f"{label}: {old} → {new}")
    if before.get("allocations") != after.get("allocations"):
        old, new = ("; ".join(_bundles(known["allocations"])) for known in (before, after))
        lines.append(f"Resources: {old} → {new}")
    if before.get("tags") != after.get("tags"):
        old, new = (", ".join(known["tags"]) or "none" for known in (before, after))
        lines.append(f"Tags: {old} → {new}")
    return "\n".join(lines)


def _moment(written: str, zone: ZoneInfo) -> str:
    return moment(datetime.fromisoformat(written), zone)


def _bundles(allocations: list[list[Any]]) -> list[str]:
    """Such as "n1: 8 cpu, 2 gpu", a line a node."""
    nodes: dict[str, list[str]] = {}
    for node, resource, amount, unit in allocations:
        nodes.setdefault(node, []).append(f"{format_amount(amount, Unit(unit))} {resource}")
    return [f"{node}: {', '.join(amounts)}" for node, amounts in nodes.items()]
