"""A reservation as a calendar file in a letter: the same event each time, newer each time."""

from icalendar import vCalAddress

from remas.letters.event import MIMETYPE, EventFacts, calendar_of, event_of, uid_of
from remas.letters.letter import Attachment, Letterhead
from remas.models import Reservation, User


def attachment(reservation: Reservation, owner: User, head: Letterhead) -> Attachment:
    """What calendars take as it stands now: made, moved, or gone (RFC 5546, METHOD).

    Without an address of our own nobody can be said to invite: then it is only told (PUBLISH).
    """
    cancelled = reservation.cancelled_at is not None
    event = event_of(_facts(reservation, head))
    method = "PUBLISH"
    if head.address:
        method = "CANCEL" if cancelled else "REQUEST"
        attendee = vCalAddress(f"mailto:{owner.email}")
        # The reservation is made: nothing is asked, so nothing is to be answered.
        attendee.params.update({"PARTSTAT": "ACCEPTED", "RSVP": "FALSE", "ROLE": "REQ-PARTICIPANT"})
        event.add("attendee", attendee, encode=False)
    return Attachment(
        filename=f"reservation-{reservation.id}.ics",
        content_type=f"{MIMETYPE}; charset=utf-8; method={method}",
        data=calendar_of([event], method=method),
    )


def _facts(reservation: Reservation, head: Letterhead) -> EventFacts:
    nodes = sorted({held.node.name for held in reservation.allocations})
    return EventFacts(
        uid=uid_of(reservation.id, head.public_url),
        sequence=reservation.version,
        summary=reservation.name,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
        created_at=reservation.created_at,
        updated_at=reservation.updated_at,
        description=reservation.description or "",
        location=", ".join(nodes),
        url=head.url(f"/reservations/{reservation.id}"),
        owner=(head.name, head.address) if head.address else None,
        cancelled=reservation.cancelled_at is not None,
    )
