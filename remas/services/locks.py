"""Locks, always in this order: the tree of groups, users by id, then nodes by id.

Who books locks the owner and the nodes; whoever changes capacity, limits, membership or
maintenance locks what that touches in the same order, so nobody waits in a circle. On SQLite the
transaction itself is the lock (`BEGIN IMMEDIATE`).
"""

from collections.abc import Iterable

from sqlalchemy import select

from remas.models import EVERYONE, Group, Node, User
from remas.services.transaction import DbSession


def lock_tree(session: DbSession) -> None:
    """Hold the right to change who is where: membership, parents, who is active.

    Bookings do not need it. The row of the group Everyone stands for the whole tree.
    """
    session.execute(select(Group.id).where(Group.id == EVERYONE).with_for_update(key_share=True))


def lock(session: DbSession, users: Iterable[int] = (), nodes: Iterable[int] = ()) -> None:
    """Hold these rows until the transaction ends. Raises `Busy` (at the transaction) after 3 s.

    `FOR NO KEY UPDATE` lets others insert rows that refer to them.
    """
    for table, ids in ((User, set(users)), (Node, set(nodes))):
        if ids:
            rows = select(table.id).where(table.id.in_(ids)).order_by(table.id)
            session.execute(rows.with_for_update(key_share=True)).all()


def lock_all_nodes(session: DbSession, users: Iterable[int] = ()) -> None:
    """Hold these users and every node."""
    lock(session, users)
    session.execute(select(Node.id).order_by(Node.id).with_for_update(key_share=True)).all()
