"""What a timeline asks beside the timetable: has anything changed, who is where, which groups."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from remas.extensions import db
from remas.models import Allocation, Audit, Group, Node, Reservation, overlaps
from remas.services import groups

LATE = 200  # so many changes may still be under way when a later one is already written


def state() -> str:
    """A text that is another one after every change to anything. One short query.

    Every change writes an audit row. Rows can become visible in another order than that of their
    ids, so not only the last one counts.
    """
    latest = select(Audit.id).order_by(Audit.id.desc()).limit(LATE).subquery()
    last, total = db.session.execute(select(func.max(latest.c.id), func.sum(latest.c.id))).one()
    return f"{last or 0}.{total or 0}"


def group_names() -> dict[int, str]:
    """The groups people can be in, by name. One query."""
    rows = db.session.execute(select(Group.id, Group.name).order_by(Group.name))
    return dict(rows.all())


def members_below(group_id: int) -> set[int]:
    """Ids of the users in a group and all groups below it."""
    return groups.members_below(db.session(), group_id)


def nodes_of(owners: Collection[int], start: datetime, end: datetime) -> set[str]:
    """Names of the nodes on which one of these users holds something in `[start, end)`."""
    rows = db.session.scalars(
        select(Node.name)
        .join(Allocation, Allocation.node_id == Node.id)
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(overlaps(start, end), Reservation.cancelled_at.is_(None))
        .where(Reservation.owner_id.in_(owners))
        .distinct()
    )
    return set(rows)
