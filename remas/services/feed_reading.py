"""What stands in a calendar feed: as its owner may see it today, in iCalendar."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import joinedload, selectinload

from remas import clock
from remas.config import Settings
from remas.errors import Busy, NotFound
from remas.extensions import db
from remas.letters.event import EventFacts, calendar_of, event_of, uid_of
from remas.models import Allocation, Feed, FeedKind, Reservation, Resource, Unit, User, overlaps
from remas.services import agenda, feeds
from remas.services.actor import Actor
from remas.services.requests import AllocationSpec
from remas.services.reservations import hides_details
from remas.services.sessions import TOUCH_EVERY, actor_of_user
from remas.services.transaction import DbSession, writing
from remas.units import format_amount

PAST, COMING = timedelta(days=30), timedelta(days=400)
REFRESH = timedelta(minutes=15)
"""How often it is worth looking again; calendar programs keep to their own ideas."""


@dataclass(frozen=True, slots=True)
class FeedText:
    """The calendar in UTF-8, and when something in it last changed."""

    calendar: bytes
    changed_at: datetime


def read(settings: Settings, secret: str) -> FeedText:
    """What the feed with this secret shows: 30 days back and 400 ahead. Eight queries.

    Raises `NotFound` for an unknown secret, a revoked feed, an owner who is not active or may no
    longer see what it shows.
    """
    session = db.session()
    feed, owner = _known(session, secret)
    actor = actor_of_user(session, settings, owner, None)
    if feed.kind is FeedKind.GROUP and feed.group_id != owner.group_id and not actor.is_admin:
        raise NotFound("There is no such feed.")
    now = clock.now()
    conditions = [
        overlaps(now - PAST, now + COMING),
        Reservation.cancelled_at.is_(None),
        _scope(feed),
    ]
    rows = session.scalars(
        select(Reservation)
        .where(*conditions)
        .order_by(Reservation.starts_at, Reservation.id)
        .options(
            joinedload(Reservation.owner).joinedload(User.group), selectinload(Reservation.tags)
        )
    ).all()
    held = agenda.holdings(conditions)
    units: dict[str, Unit] = dict(session.execute(select(Resource.name, Resource.unit)).all())
    events = [event_of(_facts(settings, actor, row, held.get(row.id, ()), units)) for row in rows]
    calendar = calendar_of(
        events, name=f"{feeds.title(feed)} (REMAS)", zone=actor.time_zone, refresh=REFRESH
    )
    changed_at = max([feed.created_at, *(row.updated_at for row in rows)])
    if feed.last_used_at is None or now - feed.last_used_at > TOUCH_EVERY:
        _touch(feed.id, now)
    return FeedText(calendar, changed_at)


def _known(session: DbSession, secret: str) -> tuple[Feed, User]:
    found = session.execute(
        select(Feed, User)
        .join(Feed.user)
        .where(Feed.token_hash == feeds.hash_of(secret), Feed.revoked_at.is_(None), User.active)
        .options(joinedload(Feed.group), joinedload(Feed.node))
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such feed.")
    return found[0], found[1]


def _scope(feed: Feed) -> ColumnElement[bool]:
    """Whose reservations it shows."""
    if feed.kind is FeedKind.GROUP:
        members = select(User.id).where(User.group_id == feed.group_id)
        return Reservation.owner_id.in_(members)
    if feed.kind is FeedKind.NODE:
        here = select(Allocation.reservation_id).where(Allocation.node_id == feed.node_id)
        return Reservation.id.in_(here)
    return Reservation.owner_id == feed.user_id


def _facts(
    settings: Settings,
    actor: Actor,
    row: Reservation,
    held: Sequence[AllocationSpec],
    units: Mapping[str, Unit],
) -> EventFacts:
    hidden, mine = hides_details(actor, row), row.owner_id == actor.id
    name = f"Reservation {row.id}" if hidden else row.name
    told = [_what(held, units)]
    if not mine:
        told.insert(0, f"{row.owner.full_name}, {row.owner.email}")
    if row.description and not hidden:
        told.append(f"\n{row.description}")
    return EventFacts(
        uid=uid_of(row.id, settings.public_url),
        sequence=row.version,
        summary=name if mine else f"{name} ({row.owner.full_name})",
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        description="\n".join(told),
        location=", ".join(dict.fromkeys(spec.node for spec in held)),
        url=f"{settings.public_url}/reservations/{row.id}",
        tags=() if hidden else [tag.name for tag in row.tags],
        busy=mine,
    )


def _what(held: Sequence[AllocationSpec], units: Mapping[str, Unit]) -> str:
    """A line for each node: "n1: 8 cpu, 64 GiB memory"."""
    nodes: dict[str, list[str]] = {}
    for spec in held:
        text = f"{format_amount(spec.amount, units[spec.resource])} {spec.resource}"
        nodes.setdefault(spec.node, []).append(text)
    return "\n".join(f"{node}: {', '.join(texts)}" for node, texts in nodes.items())


def _touch(feed_id: int, now: datetime) -> None:
    """Note the use, in a transaction of its own; where it would have to wait it is left out."""
    stale = or_(Feed.last_used_at.is_(None), Feed.last_used_at < now - TOUCH_EVERY)
    with suppress(Busy), writing() as session:
        session.execute(update(Feed).where(Feed.id == feed_id, stale).values(last_used_at=now))
