"""Maintenance: times at which a node is closed. What is reserved then, stays reserved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.errors import Busy, Conflict, Invalid, NotFound
from remas.extensions import db
from remas.models import Maintenance, Node
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing

SORTS = {
    "starts": Maintenance.starts_at,
    "ends": Maintenance.ends_at,
    "node": select(Node.name).where(Node.id == Maintenance.node_id).scalar_subquery(),
}


@dataclass(frozen=True, slots=True)
class MaintenanceNew:
    """A node, by name, closed for `[starts_at, ends_at)`."""

    node: str
    starts_at: datetime
    ends_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceChange:
    """None leaves a field alone; "" takes the reason away."""

    node: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceFilter:
    """All that is given must hold; `ends_after` and `starts_before` bound an overlap.

    `text` is looked for in reasons and names of nodes.
    """

    node: str | None = None
    ends_after: datetime | None = None
    starts_before: datetime | None = None
    ends_until: datetime | None = None
    starts_after: datetime | None = None
    text: str | None = None


def get(maintenance_id: int) -> Maintenance:
    """One maintenance. Raises `NotFound`."""
    return _load(db.session(), maintenance_id)


def search(
    wanted: MaintenanceFilter, page: int = 1, per_page: int = PER_PAGE, sort: str = "starts"
) -> Page[Maintenance]:
    """Maintenance in the order `sort` (see `SORTS`), then by id.

    Raises `Invalid` for an unknown order.
    """
    query = select(Maintenance).options(joinedload(Maintenance.node))
    if wanted.node is not None:
        named = select(Node.id).where(Node.name == wanted.node).scalar_subquery()
        query = query.where(Maintenance.node_id == named)
    if wanted.ends_after is not None:
        query = query.where(Maintenance.ends_at > wanted.ends_after)
    if wanted.starts_before is not None:
        query = query.where(Maintenance.starts_at < wanted.starts_before)
    if wanted.ends_until is not None:
        query = query.where(Maintenance.ends_at <= wanted.ends_until)
    if wanted.starts_after is not None:
        query = query.where(Maintenance.starts_at > wanted.starts_after)
    if wanted.text:
        query = query.where(
            Maintenance.reason.icontains(wanted.text, autoescape=True)
            | Maintenance.node.has(Node.name.icontains(wanted.text, autoescape=True))
        )
    return page_of(db.session(), ordered(query, SORTS, sort, Maintenance.id), page, per_page)


def create(actor: Actor, wish: MaintenanceNew) -> Maintenance:
    """Close a node, which is locked. Raises `Invalid`."""
    return create_all(actor, [wish])[0]


def checked(session: DbSession, wishes: Sequence[MaintenanceNew]) -> list[Node]:
    """The nodes that are to be closed, in the order of the wishes. Raises `Invalid`."""
    check = Check()
    for wish in wishes:
        check.span(wish.starts_at, wish.ends_at)
        check.text("reason", wish.reason)
    if not wishes:
        check.refuse("node", "Name at least one node.")
    check.done()
    return [_node(session, wish.node) for wish in wishes]


def create_all(actor: Actor, wishes: Sequence[MaintenanceNew]) -> list[Maintenance]:
    """Close several nodes, all of them or none; they are locked. Raises `Invalid`."""
    actor.require_admin()
    with writing() as session:
        nodes = checked(session, wishes)
        locks.lock(session, nodes=[node.id for node in nodes])
        return [_create(session, actor, *pair) for pair in zip(nodes, wishes, strict=True)]


def _create(session: DbSession, actor: Actor, node: Node, wish: MaintenanceNew) -> Maintenance:
    reason = Check().text("reason", wish.reason)
    row = Maintenance(node=node, starts_at=wish.starts_at, ends_at=wish.ends_at, reason=reason)
    session.add(row)
    session.flush()
    audit.record(session, actor, "create", "maintenance", _subject(row), None, facts(row))
    return row


def change(
    actor: Actor, maintenance_id: int, wish: MaintenanceChange, seen: Seen = anything
) -> Maintenance:
    """Change a maintenance; the nodes before and after are locked.

    Raises `NotFound`, `Invalid`, `Stale`.
    """
    actor.require_admin()
    check = Check()
    reason = check.text("reason", wish.reason)
    with writing() as session:
        row = _load(session, maintenance_id)
        node = row.node if wish.node is None else _node(session, wish.node)
        row = _hold(session, row, node.id)
        seen(row)
        before = facts(row)
        row.node = node
        row.starts_at, row.ends_at = wish.starts_at or row.starts_at, wish.ends_at or row.ends_at
        if wish.reason is not None:
            row.reason = reason
        check.span(row.starts_at, row.ends_at)
        check.done()
        session.flush()
        audit.record_change(session, actor, "maintenance", _subject(row), before, facts(row))
        return row


def end(actor: Actor, maintenance_id: int, seen: Seen = anything) -> Maintenance:
    """End a maintenance that goes on now, rounded up to the minute; the node is locked.

    Raises `NotFound`, `Stale`, and `Conflict` for one that has not begun or is over.
    """
    actor.require_admin()
    with writing() as session:
        row = _hold(session, _load(session, maintenance_id))
        seen(row)
        now = clock.now()
        if not row.starts_at <= now < row.ends_at:
            raise Conflict("This maintenance does not go on now: delete or change it instead.")
        before = facts(row)
        soonest = max(clock.ceil_minute(now), row.starts_at + clock.MINUTE)
        row.ends_at = min(row.ends_at, soonest)
        session.flush()
        audit.record_change(session, actor, "maintenance", _subject(row), before, facts(row))
        return row


def delete(actor: Actor, maintenance_id: int, seen: Seen = anything) -> None:
    """Open a node again; it is locked. Raises `NotFound`, `Stale`."""
    actor.require_admin()
    with writing() as session:
        row = _hold(session, _load(session, maintenance_id))
        seen(row)
        audit.record(session, actor, "delete", "maintenance", _subject(row), facts(row))
        session.delete(row)


def facts(row: Maintenance) -> dict[str, Any]:
    """What the audit keeps of a maintenance."""
    return {
        "node": row.node.name,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "reason": row.reason,
    }


def _subject(row: Maintenance) -> tuple[int, str]:
    return row.id, row.node.name


def _load(session: DbSession, maintenance_id: int, *, lock: bool = False) -> Maintenance:
    """The row as it is stored now; with `lock` it is held. Raises `NotFound`."""
    query = select(Maintenance).where(Maintenance.id == maintenance_id)
    query = query.options(joinedload(Maintenance.node))
    if lock:
        query = query.with_for_update(key_share=True, of=Maintenance)
    row = session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(f"There is no maintenance {maintenance_id}.")
    return row


def _hold(session: DbSession, row: Maintenance, *after: int) -> Maintenance:
    """The maintenance, locked with its node and those (ids) where it will be.

    Raises `NotFound` and `Busy` when somebody moved or deleted it at the same moment.
    """
    node_id = row.node_id
    locks.lock(session, nodes=[node_id, *after])
    row = _load(session, row.id, lock=True)
    if row.node_id != node_id:
        raise Busy("Somebody changed this at the same moment. Look at it again and repeat.")
    return row


def _node(session: DbSession, name: str) -> Node:
    node = session.scalar(select(Node).where(Node.name == name))
    if node is None:
        raise Invalid.field("node", f"There is no node {name}.")
    return node
