"""Maintenance: times at which a node is closed. What is reserved then, stays reserved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from remas.errors import Busy, Invalid, NotFound
from remas.extensions import db
from remas.models import Maintenance, Node
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.transaction import DbSession, writing


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
    """All that is given must hold; `ends_after` and `starts_before` bound an overlap."""

    node: str | None = None
    ends_after: datetime | None = None
    starts_before: datetime | None = None


def get(maintenance_id: int) -> Maintenance:
    """One maintenance. Raises `NotFound`."""
    return _load(db.session(), maintenance_id)


def search(wanted: MaintenanceFilter, page: int = 1, per_page: int = PER_PAGE) -> Page[Maintenance]:
    """Maintenance by start, then id."""
    query = select(Maintenance).options(joinedload(Maintenance.node))
    if wanted.node is not None:
        named = select(Node.id).where(Node.name == wanted.node).scalar_subquery()
        query = query.where(Maintenance.node_id == named)
    if wanted.ends_after is not None:
        query = query.where(Maintenance.ends_at > wanted.ends_after)
    if wanted.starts_before is not None:
        query = query.where(Maintenance.starts_at < wanted.starts_before)
    query = query.order_by(Maintenance.starts_at, Maintenance.id)
    return page_of(db.session(), query, page, per_page)


def create(actor: Actor, wish: MaintenanceNew) -> Maintenance:
    """Close a node, which is locked. Raises `Invalid`."""
    actor.require_admin()
    check = Check()
    check.span(wish.starts_at, wish.ends_at)
    reason = check.text("reason", wish.reason)
    check.done()
    with writing() as session:
        node = _node(session, wish.node)
        locks.lock(session, nodes=[node.id])
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
