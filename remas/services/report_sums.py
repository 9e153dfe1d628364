"""What was reserved, summed by the database: clipped to a range and to months, exact to the minute.

Sums of bytes times minutes leave 64 bits behind (one TiB for a year is 2^59), and SQLite would then
fail or count in floating point. So amounts are summed in three parts of 21 bits, which are put
together again in Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    column,
    func,
    literal_column,
    or_,
    select,
    values,
)

from remas.models import Allocation, Group, Node, NodeState, Reservation, User, epoch, overlaps
from remas.services.actor import Actor
from remas.services.transaction import DbSession

HIDDEN = 0
"""Stands for all people, or groups, that a reader may not tell apart; no row has this id."""

Ids = tuple[int, ...]
AnySelect = Select[*tuple[Any, ...]]
_BITS = 21
_LOW = literal_column(str((1 << _BITS) - 1), BigInteger)
_MINUTE = 60  # seconds


class By(StrEnum):
    """What hours are told apart by. A person counts to the group they are in today."""

    PERSON = "person"
    GROUP = "group"
    NODE = "node"
    RESOURCE = "resource"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, for which spans, told apart by what.

    `edges`: whole minutes, rising; each span ends where the next begins, `[edges[i], edges[i+1])`.
    """

    actor: Actor
    edges: tuple[datetime, ...]
    by: tuple[By, ...]


def units(session: DbSession, asked: Question, most: int) -> list[tuple[Ids, int, int]]:
    """What it is told apart by, id of the resource, unit·minutes. At most `most` rows; one query.

    Ids stand in the order of `by`; a month's is the number of its span.
    """
    part = _parts(asked)
    sums = [func.sum(share * part.c.minutes) for share in _shares(Allocation.amount)]
    query = select(*_keys(asked, part), Allocation.resource_id, *sums)
    query = _joined(query, asked, part).group_by(*_labels(asked), Allocation.resource_id)
    width = len(asked.by)
    return [
        (tuple(row[:width]), row[width], _whole(row[width + 1 :]))
        for row in session.execute(query.limit(most))
    ]


def nodes(session: DbSession, asked: Question, most: int) -> list[tuple[Ids, int]]:
    """What it is told apart by, and node·minutes: a reservation's time on each of its nodes.

    Told apart by resource: on each node where it holds that resource. Told apart by nothing: one
    row. At most `most` rows; one query.
    """
    part = _parts(asked)
    # However many resources a reservation holds on a node, it is there once.
    once = _joined(
        select(*_keys(asked, part), func.max(part.c.minutes).label("minutes")), asked, part
    )
    once = once.group_by(*_labels(asked), part.c.reservation_id, part.c.span, Allocation.node_id)
    stays = once.subquery()
    keys = [stays.c[name] for name in _labels(asked)]
    query = select(*keys, func.sum(stays.c.minutes)).group_by(*keys).limit(most)
    return [(tuple(row[:-1]), int(row[-1] or 0)) for row in session.execute(query)]


def retired_nodes(session: DbSession, asked: Question) -> set[int]:
    """Ids of nodes that are gone by now, but on which something was reserved. One query."""
    query = (
        select(Node.id)
        .join(Allocation, Allocation.node_id == Node.id)
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(Node.state == NodeState.RETIRED, *_counting(asked))
    )
    return set(session.scalars(query.distinct()))


def _parts(asked: Question) -> CTE:
    """One row for each reservation and span that it reaches into, with its minutes in there."""
    held = _kept(
        select(
            Reservation.id.label("reservation_id"),
            Reservation.owner_id.label("owner_id"),
            (epoch(Reservation.starts_at) // _MINUTE).label("begins"),
            (epoch(Reservation.ends_at) // _MINUTE).label("ends"),
        ).where(*_counting(asked)),
        "held",
    )
    span = _spans(asked.edges)
    begins = case((held.c.begins > span.c.first, held.c.begins), else_=span.c.first)
    ends = case((held.c.ends < span.c.last, held.c.ends), else_=span.c.last)
    return _kept(
        select(
            held.c.reservation_id,
            held.c.owner_id,
            span.c.number.label("span"),
            (ends - begins).label("minutes"),
        ).join(span, and_(held.c.ends > span.c.first, held.c.begins < span.c.last)),
        "part",
    )


def _counting(asked: Question) -> tuple[ColumnElement[bool], ...]:
    """Which reservations count."""
    return overlaps(asked.edges[0], asked.edges[-1]), Reservation.cancelled_at.is_(None)


def _kept(query: AnySelect, name: str) -> CTE:
    """Worked out once: engines that put it into the outer query would do so for every row."""
    return query.cte(name).prefix_with("MATERIALIZED")


def _spans(edges: Sequence[datetime]) -> CTE:
    """Number, first and last minute of each span."""
    minutes = [int(edge.timestamp()) // _MINUTE for edge in edges]
    rows = [(i, *pair) for i, pair in enumerate(pairwise(minutes))]
    columns = column("number", Integer), column("first", BigInteger), column("last", BigInteger)
    return values(*columns, name="span", literal_binds=True).data(rows).cte("span")


def _joined(query: AnySelect, asked: Question, part: CTE) -> AnySelect:
    query = query.select_from(part)
    query = query.join(Allocation, Allocation.reservation_id == part.c.reservation_id)
    if By.PERSON in asked.by or By.GROUP in asked.by:
        query = query.join(User, User.id == part.c.owner_id).join(Group, Group.id == User.group_id)
    return query


def _keys(asked: Question, part: CTE) -> list[ColumnElement[int]]:
    """A column for each thing it is told apart by."""
    known: dict[By, ColumnElement[int]] = {
        By.PERSON: _told(asked, User.id),
        By.GROUP: _told(asked, User.group_id),
        By.NODE: Allocation.node_id.expression,
        By.RESOURCE: Allocation.resource_id.expression,
        By.MONTH: part.c.span,
    }
    return [known[by].label(label) for by, label in zip(asked.by, _labels(asked), strict=True)]


def _labels(asked: Question) -> list[str]:
    # Grouped by name: a parameter inside an expression is another one each time it is written.
    return [f"key_{i}" for i in range(len(asked.by))]


def _told(asked: Question, key: Any) -> ColumnElement[int]:
    """The key, or `HIDDEN` where the owner's group does not share its members' statistics."""
    if asked.actor.is_admin:
        told: ColumnElement[int] = key.expression
        return told
    shared = Group.users_share_statistics.expression
    # People know their own hours; a group's are also those of its other members.
    known = or_(shared, User.id == asked.actor.id) if By.PERSON in asked.by else shared
    return case((known, key), else_=HIDDEN)


def _shares(amount: Any) -> list[ColumnElement[int]]:
    """The amount in parts of 21 bits, the lowest first."""
    steps = [literal_column(str(_BITS * i), Integer) for i in range(3)]
    return [amount.bitwise_rshift(step).bitwise_and(_LOW) for step in steps]


def _whole(sums: Sequence[Any]) -> int:
    """The sum, from the sums of its parts."""
    return sum(int(part) << (_BITS * i) for i, part in enumerate(sums))
