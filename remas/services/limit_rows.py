"""Rows of limits: what the audit keeps of them, and how they go with what they are about."""

from typing import Any

from sqlalchemy import ColumnElement, select

from remas.models import Limit
from remas.services import audit
from remas.services.actor import Actor
from remas.services.transaction import DbSession


def facts(limit: Limit) -> dict[str, Any]:
    """What the audit keeps of a limit."""
    return {
        "name": limit.name,
        "description": limit.description,
        "resource": limit.resource.name,
        "amount": limit.amount,
        "user": limit.user.username if limit.user else None,
        "group": limit.group.name if limit.group else None,
        "nodes": [node.name for node in limit.nodes],
        "scope": limit.scope.value,
    }


def delete_limits(session: DbSession, actor: Actor, condition: ColumnElement[bool]) -> None:
    """Delete the limits that meet the condition, each with its own line in the audit.

    The caller holds the users whom they bind, or what they bind is going as well.
    """
    for limit in session.scalars(select(Limit).where(condition).order_by(Limit.id)).all():
        audit.record(session, actor, "delete", "limit", (limit.id, limit.name), facts(limit))
        session.delete(limit)
    session.flush()
