"""The tree of groups."""

from sqlalchemy import select

from remas.models import ADMINISTRATORS, Group
from remas.services.transaction import DbSession


def lineage(session: DbSession, group_id: int) -> list[int]:
    """The group and its ancestors, nearest first. One query, whatever the depth."""
    parents = dict(session.execute(select(Group.id, Group.parent_id)).all())
    chain: list[int] = []
    current: int | None = group_id
    while current is not None and current not in chain:
        chain.append(current)
        current = parents.get(current)
    return chain


def descendants(session: DbSession, group_id: int) -> set[int]:
    """The group and everything below it."""
    parents = dict(session.execute(select(Group.id, Group.parent_id)).all())
    found = {group_id}
    while more := {g for g, parent in parents.items() if parent in found and g not in found}:
        found |= more
    return found


def is_administrative(session: DbSession, group_id: int) -> bool:
    """Whether members of the group are administrators: it is Administrators or below it."""
    return ADMINISTRATORS in lineage(session, group_id)
