"""What the services refuse about bookings: in the words of the wire, then with our reasons."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from remas import clock
from remas.compat.blueprint import actor
from remas.compat.errors import Refused, in_words
from remas.compat.times import local
from remas.errors import Invalid, NoRoom, NotChangeable
from remas.models import Reservation, Status, Unit
from remas.services import catalogue, limit_admin
from remas.services.answers import ShortageFound
from remas.services.requests import BookingRequest, ChangeRequest
from remas.units import format_amount

NO_ALLOCATION = "Task must have at least one resource allocation!"
NO_TIME = "Task start time must be before its end time!"
NO_ROOM = "Not enough resources for the task!"
OVER_LIMIT = "Task resource allocation exeeds user limits!"  # the spelling is the wire's
STARTED = "Task start time cannot be changed if task has already started!"
OVER = "Task scheduling time cannot be updated after task has finished!"
MOST_TOLD = 5
"""So many reasons: more would not be read in a message that goes away by itself."""
_TWICE = re.compile(r"allocations\.\d+")
_NOT_THERE = re.compile(r"allocations\.\d+\.resource")


@contextmanager
def of_booking(
    wish: BookingRequest | ChangeRequest, known: Reservation | None = None
) -> Iterator[None]:
    """Around booking the wish, or around the change of a task that was `known` before."""
    try:
        yield
    except Invalid as error:
        status, words = _of_invalid(error, wish)
        raise Refused(status, words) from error
    except NotChangeable as error:
        raise Refused(409, _of_not_changeable(error, wish, known)) from error
    except NoRoom as error:
        raise Refused(409, _of_no_room(error)) from error


def _of_invalid(error: Invalid, wish: BookingRequest | ChangeRequest) -> tuple[int, str]:
    paths = list(error.errors)
    if "allocations" in paths:
        return 400, NO_ALLOCATION
    start, end = wish.starts_at, wish.ends_at
    if "ends_at" in paths and start is not None and end is not None and end <= start:
        return 400, NO_TIME
    if any(_NOT_THERE.fullmatch(path) for path in paths):
        return 404, in_words(error)
    if any(_TWICE.fullmatch(path) for path in paths):
        return 409, in_words(error)
    return 422, in_words(error)


def _of_not_changeable(
    error: NotChangeable, wish: BookingRequest | ChangeRequest, known: Reservation | None
) -> str:
    status = known.status(clock.now()) if known else None
    if status is Status.FINISHED:
        return OVER
    if known and status is Status.RUNNING and wish.starts_at != known.starts_at:
        return STARTED
    return error.detail


def _of_no_room(error: NoRoom) -> str:
    units = catalogue.read().units
    reasons = [_reason(short, units.get(short.resource, Unit.NONE)) for short in error.shortages]
    more = len(reasons) - MOST_TOLD
    told = [*reasons[:MOST_TOLD], f"And {more} more."] if more > 0 else reasons
    return "\n".join([_headline(error), *told])


def _headline(error: NoRoom) -> str:
    if not error.only_limits:
        return NO_ROOM
    first: ShortageFound = error.shortages[0]
    in_force = limit_admin.effective(actor(), actor().username)
    amounts = [
        one.limit.amount
        for one in in_force
        if (one.limit.name, one.limit.resource) == (first.limit, first.resource)
    ]
    amount = f", Limit: {min(amounts)}" if amounts else ""
    return f"{OVER_LIMIT} Exceeded resource: {first.resource}{amount}"


def _reason(short: ShortageFound, unit: Unit) -> str:
    where = f" on {short.node}" if short.node else ""
    begin, end = (f"{local(at):%Y-%m-%d %H:%M}" for at in (short.starts_at, short.ends_at))
    if short.reason == "maintenance":
        return f"{short.node} is in maintenance from {begin} to {end}."
    if short.reason == "drained":
        return f"{short.node} takes no new reservations."
    holders = ", ".join(dict.fromkeys(holder.name for holder in short.held_by))
    held = f", held by {holders}" if holders else ""
    limit = f" for the limit {short.limit}" if short.limit else ""
    few = "too much" if short.limit else "too few"
    amount = format_amount(short.short_by, unit)
    return f"{amount} {short.resource}{where} {few}{limit} from {begin} to {end}{held}."
