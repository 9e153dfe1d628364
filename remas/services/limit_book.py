"""All limits at once, as they are stored or would be: whom they bind, and where.

limits.py answers for one person under that person's lock; this answers for everybody, in a
constant number of queries, for administrators who look before they change something.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import ColumnElement, select

from remas.models import Group, Limit, Node, Resource, Scope, User, limit_node
from remas.services.limits import USER_LEVEL, InForce, resolve
from remas.services.transaction import DbSession

UNSTORED = 0
"""The id of a limit that is only thought of."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A limit by ids. Exactly one of `user_id` and `group_id`; `nodes` empty: all nodes."""

    id: int
    name: str
    description: str | None
    resource_id: int
    resource: str
    amount: int
    scope: Scope
    user_id: int | None
    group_id: int | None
    nodes: frozenset[int]

    def at(self, level: str) -> InForce:
        """The limit as it binds somebody to whom it comes from this level."""
        return InForce(
            self.id,
            self.name,
            self.description,
            self.resource_id,
            self.resource,
            self.amount,
            self.scope,
            level,
            self.nodes,
        )


@dataclass(frozen=True)  # no slots: what is looked up by is made once and kept
class Book:
    """`homes`: user to group; `parents` and `names` of groups; `active`: users who may sign in."""

    entries: tuple[Entry, ...]
    homes: Mapping[int, int]
    active: frozenset[int]
    parents: Mapping[int, int | None]
    names: Mapping[int, str]
    nodes: frozenset[int]

    def with_entry(self, entry: Entry) -> "Book":
        """The book as if this limit were stored, instead of the one with its id."""
        rest = (known for known in self.entries if known.id != entry.id)
        return replace(self, entries=(*rest, entry))

    def without(self, limit_id: int) -> "Book":
        """The book as if this limit were deleted."""
        return replace(self, entries=tuple(e for e in self.entries if e.id != limit_id))

    def of_group(self, group_id: int) -> tuple[InForce, ...]:
        """What binds each member of the group who has no limits of his own."""
        return resolve(self._levels(group_id, ()), self.nodes)

    def of_user(self, user_id: int) -> tuple[InForce, ...]:
        """What binds a user, nearest level first."""
        own = self._of_users.get(user_id, [])
        return resolve(self._levels(self.homes[user_id], own), self.nodes)

    def of_each(self, users: Iterable[int]) -> dict[int, tuple[InForce, ...]]:
        """The same for several; people of one group without limits of their own are alike."""
        of_groups: dict[int, tuple[InForce, ...]] = {}
        found: dict[int, tuple[InForce, ...]] = {}
        for user in users:
            home = self.homes[user]
            if user in self._of_users:
                found[user] = self.of_user(user)
                continue
            if home not in of_groups:
                of_groups[home] = self.of_group(home)
            found[user] = of_groups[home]
        return found

    def bound_by(self, limit_id: int) -> frozenset[int]:
        """The active users for whom the limit is in force on some node."""
        found = self.of_each(self.active)
        return frozenset(
            user for user, limits in found.items() if any(limit.id == limit_id for limit in limits)
        )

    def _levels(self, group_id: int, own: Iterable[Entry]) -> list[list[InForce]]:
        above = [self._of_groups.get(group, []) for group in self._lineage(group_id)]
        return [[entry.at(USER_LEVEL) for entry in own], *above]

    @cached_property
    def _of_users(self) -> Mapping[int, list[Entry]]:
        found: dict[int, list[Entry]] = {}
        for entry in self.entries:
            if entry.user_id is not None:
                found.setdefault(entry.user_id, []).append(entry)
        return found

    @cached_property
    def _of_groups(self) -> Mapping[int, list[InForce]]:
        found: dict[int, list[InForce]] = {}
        for entry in self.entries:
            if entry.group_id is not None:
                named = entry.at(self.names.get(entry.group_id, ""))
                found.setdefault(entry.group_id, []).append(named)
        return found

    def _lineage(self, group_id: int) -> list[int]:
        chain: list[int] = []
        current: int | None = group_id
        while current is not None and current not in chain:
            chain.append(current)
            current = self.parents.get(current)
        return chain


def read_book(session: DbSession, resources: Collection[int] | None = None) -> Book:
    """The limits on these resources (None: on all), and who is where. Five queries."""
    wanted: list[ColumnElement[bool]] = []
    if resources is not None:
        wanted.append(Limit.resource_id.in_(resources))
    people = session.execute(select(User.id, User.group_id, User.active)).all()
    groups = session.execute(select(Group.id, Group.parent_id, Group.name)).all()
    return Book(
        entries=_entries(session, wanted),
        homes={user: group for user, group, _ in people},
        active=frozenset(user for user, _, active in people if active),
        parents={group: parent for group, parent, _ in groups},
        names={group: name for group, _, name in groups},
        nodes=frozenset(session.scalars(select(Node.id))),
    )


def _entries(session: DbSession, wanted: list[ColumnElement[bool]]) -> tuple[Entry, ...]:
    table = limit_node.c
    pairs = session.execute(
        select(table.limit_id, table.node_id).join(Limit, Limit.id == table.limit_id).where(*wanted)
    )
    nodes: dict[int, set[int]] = {}
    for limit_id, node_id in pairs:
        nodes.setdefault(limit_id, set()).add(node_id)
    rows = session.execute(
        select(
            Limit.id,
            Limit.name,
            Limit.description,
            Limit.resource_id,
            Resource.name,
            Limit.amount,
            Limit.scope,
            Limit.user_id,
            Limit.group_id,
        )
        .join(Resource, Resource.id == Limit.resource_id)
        .where(*wanted)
        .order_by(Limit.id)
    )
    return tuple(Entry(*row, nodes=frozenset(nodes.get(row[0], ()))) for row in rows)
