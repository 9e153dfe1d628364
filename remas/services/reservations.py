"""Reading reservations: one, and lists; always in a constant number of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from remas import clock
from remas.errors import NotFound
from remas.extensions import db
from remas.models import Allocation, Node, Reservation, Status, User, overlaps
from remas.services.actor import Actor
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.sorting import ordered

SORTS = {
    "starts": Reservation.starts_at,
    "ends": Reservation.ends_at,
    "name": Reservation.name,
    "owner": select(User.username).where(User.id == Reservation.owner_id).scalar_subquery(),
}


@dataclass(frozen=True, slots=True)
class ReservationFilter:
    """All that is given must hold. Names; `starts_before` and `ends_after` bound an overlap.

    `statuses`: any of them. `text` is looked for in names and descriptions; it is for viewers from
    whom nothing is hidden.
    """

    owner: str | None = None
    node: str | None = None
    status: Status | None = None
    statuses: tuple[Status, ...] | None = None
    ends_after: datetime | None = None
    starts_before: datetime | None = None
    latest_first: bool = False
    text: str | None = None


def get(actor: Actor, reservation_id: int) -> Reservation:
    """One reservation with all that hangs on it. Everybody sees every reservation.

    Raises `NotFound`.
    """
    query = _whole(select(Reservation).where(Reservation.id == reservation_id))
    reservation = db.session.scalar(query)
    if reservation is None:
        raise NotFound(f"There is no reservation {reservation_id}.")
    return reservation


def search(
    actor: Actor, wanted: ReservationFilter, page: int = 1, per_page: int = PER_PAGE
) -> Page[Reservation]:
    """Reservations by start, then id. A constant number of queries, whatever the size."""
    columns = (Reservation.starts_at, Reservation.id)
    order = [column.desc() if wanted.latest_first else column.asc() for column in columns]
    query = select(Reservation).where(*_conditions(wanted)).order_by(*order)
    return page_of(db.session(), _whole(query), page, per_page)


def search_all(
    actor: Actor,
    wanted: ReservationFilter,
    sort: str = "starts",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Page[Reservation]:
    """Everybody's reservations in the order `sort` (see `SORTS`). For administrators.

    Raises `Forbidden`, and `Invalid` for an unknown order.
    """
    actor.require_admin()
    query = select(Reservation).where(*_conditions(wanted))
    return page_of(
        db.session(), _whole(ordered(query, SORTS, sort, Reservation.id)), page, per_page
    )


def hides_details(actor: Actor, reservation: Reservation) -> bool:
    """Whether this viewer sees only who, when and how much, not what for."""
    if actor.may_act_for(reservation.owner_id):
        return False
    return not reservation.owner.group.users_share_statistics


def _whole(query: Select[Reservation]) -> Select[Reservation]:
    return query.options(
        joinedload(Reservation.owner).joinedload(User.group),
        selectinload(Reservation.allocations).joinedload(Allocation.node),
        selectinload(Reservation.allocations).joinedload(Allocation.resource),
        selectinload(Reservation.tags),
    )


def _conditions(wanted: ReservationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        owner = select(User.id).where(User.username == wanted.owner).scalar_subquery()
        conditions.append(Reservation.owner_id == owner)
    if wanted.node is not None:
        conditions.append(
            select(Allocation.reservation_id)
            .join(Node, Node.id == Allocation.node_id)
            .where(Allocation.reservation_id == Reservation.id, Node.name == wanted.node)
            .exists()
        )
    if wanted.status is not None:
        conditions.append(in_status(wanted.status, clock.now()))
    if wanted.statuses is not None:
        now = clock.now()
        conditions.append(or_(*(in_status(status, now) for status in wanted.statuses)))
    if wanted.text:
        columns = Reservation.name, Reservation.description
        conditions.append(or_(*(c.icontains(wanted.text, autoescape=True) for c in columns)))
    if wanted.ends_after is not None:
        conditions.append(Reservation.ends_at > wanted.ends_after)
    if wanted.starts_before is not None:
        conditions.append(Reservation.starts_at < wanted.starts_before)
    return conditions


def held_at(moment: datetime) -> ColumnElement[bool]:
    """Whether a reservation holds its amounts at this moment, in `[starts_at, ends_at)`.

    Not quite the same as running: one that is released holds them until its end, which is rounded
    up to a whole minute.
    """
    instant = overlaps(moment, moment + timedelta.resolution)
    return and_(Reservation.cancelled_at.is_(None), instant)


def in_status(status: Status, now: datetime) -> ColumnElement[bool]:
    """The same rule as `Reservation.status`, for the database."""
    if status is Status.CANCELLED:
        return Reservation.cancelled_at.is_not(None)
    alive = Reservation.cancelled_at.is_(None)
    ended = or_(Reservation.released_at.is_not(None), Reservation.ends_at <= now)
    if status is Status.FINISHED:
        return and_(alive, ended)
    started = Reservation.starts_at <= now
    return and_(alive, ~ended, started if status is Status.RUNNING else ~started)
