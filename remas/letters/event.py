"""Reservations as iCalendar (RFC 5545), for feeds and for what is attached to letters.

All times are written in UTC: that alone is right in the hour that clocks show twice. Calendars
show them in their own zone; the name of the person's zone goes along.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event, vCalAddress, vDuration, vText

PRODUCT = "-//REMAS//Reservations//EN"
MIMETYPE = "text/calendar"


@dataclass(frozen=True, slots=True)
class EventFacts:
    """A reservation of `[starts_at, ends_at)` as somebody may see it; all moments are aware.

    `sequence` is the reservation's version: calendars take the highest. `busy`: whether it is to
    block the reader's own time. `owner` is name and address, for those who have to know whom to
    ask.
    """

    uid: str
    sequence: int
    summary: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    description: str = ""
    location: str = ""
    url: str = ""
    tags: Sequence[str] = ()
    owner: tuple[str, str] | None = None
    busy: bool = True
    cancelled: bool = False


def uid_of(reservation_id: int, public_url: str) -> str:
    """Under which calendars know a reservation for ever: the same in feeds and in letters."""
    return f"reservation-{reservation_id}@{urlsplit(public_url).hostname}"


def event_of(facts: EventFacts) -> Event:
    """One VEVENT. The same facts give the same bytes."""
    event = Event()
    event.add("uid", facts.uid)
    event.add("sequence", facts.sequence)
    event.add("summary", _plain(facts.summary))
    event.add("dtstart", _utc(facts.starts_at))
    event.add("dtend", _utc(facts.ends_at))
    event.add("dtstamp", _utc(facts.updated_at))
    event.add("created", _utc(facts.created_at))
    event.add("last-modified", _utc(facts.updated_at))
    event.add("status", "CANCELLED" if facts.cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE" if facts.busy else "TRANSPARENT")
    for name, text in (("description", facts.description), ("location", facts.location)):
        if text:
            event.add(name, _plain(text))
    if facts.url:
        event.add("url", facts.url)
    if facts.tags:
        event.add("categories", [_plain(tag) for tag in facts.tags])
    if facts.owner:
        event.add("organizer", _address(*facts.owner), encode=False)
    return event


def calendar_of(
    events: Iterable[Event],
    *,
    name: str | None = None,
    zone: str | None = None,
    method: str | None = None,
    refresh: timedelta | None = None,
) -> bytes:
    """A whole calendar. `method` such as PUBLISH or CANCEL belongs into letters, not into feeds.

    `refresh`: how often it is worth looking again.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    if method:
        calendar.add("method", method)
    if name:
        calendar.add("name", vText(_plain(name)))
        calendar.add("x-wr-calname", vText(_plain(name)))
    if zone:
        calendar.add("x-wr-timezone", zone)
    if refresh:
        calendar.add("refresh-interval", refresh, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", vDuration(refresh))
    for event in events:
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _plain(text: str) -> str:
    """Without what the format cannot carry: control characters other than tab and line feed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) != "Cc")


def _address(name: str, email: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    # Quotes cannot be written inside a parameter.
    address.params["CN"] = vText(_plain(name).replace('"', "'").replace("\n", " "))
    return address
