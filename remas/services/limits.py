"""Which limits bind a person: of each kind, on each node, those of the nearest level."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, false, or_, select

from remas.errors import NotFound
from remas.models import Group, Limit, Node, Resource, Scope, User, limit_node
from remas.services.groups import lineage
from remas.services.transaction import DbSession

USER_LEVEL = "user"


@dataclass(frozen=True, slots=True)
class InForce:
    """A limit with the level it comes from (`user`, or the group's name).

    `nodes`: ids of the nodes it lists (before `resolve`; empty: all), or exactly those on which
    it is in force (after).
    """

    id: int
    name: str
    description: str | None
    resource_id: int
    resource: str
    amount: int
    scope: Scope
    level: str
    nodes: frozenset[int]
    group_id: int | None = None  # where it is a group's


def in_force(session: DbSession, user_id: int) -> tuple[InForce, ...]:
    """The limits that bind a user, nearest level first. Four queries. Raises `NotFound`.

    Under the user's lock the answer cannot change until the transaction ends.
    """
    group_id = session.scalar(select(User.group_id).where(User.id == user_id))
    if group_id is None:
        raise NotFound("There is no such user.")
    return _in_force(session, group_id, user_id)


def in_force_in_group(session: DbSession, group_id: int) -> tuple[InForce, ...]:
    """The limits that bind each member who has none of their own; as `in_force`."""
    return _in_force(session, group_id, None)


def _in_force(session: DbSession, group_id: int, user_id: int | None) -> tuple[InForce, ...]:
    groups = lineage(session, group_id)
    rows = session.execute(
        select(Limit, Resource.name, Group.name)
        .join(Resource, Resource.id == Limit.resource_id)
        .outerjoin(Group, Group.id == Limit.group_id)
        .where(or_(_of_user(user_id), Limit.group_id.in_(groups)))
        .order_by(Limit.id)
        .execution_options(populate_existing=True)
    )
    levels: list[list[InForce]] = [[] for _ in range(len(groups) + 1)]
    found = rows.all()
    listed = _listed(session, [limit.id for limit, _, _ in found])
    for limit, resource, group in found:
        distance = 0 if limit.group_id is None else 1 + groups.index(limit.group_id)
        levels[distance].append(
            InForce(
                limit.id,
                limit.name,
                limit.description,
                limit.resource_id,
                resource,
                limit.amount,
                limit.scope,
                group or USER_LEVEL,
                listed.get(limit.id, frozenset()),
                limit.group_id,
            )
        )
    return resolve(levels, session.scalars(select(Node.id)).all())


def _of_user(user_id: int | None) -> ColumnElement[bool]:
    return false() if user_id is None else Limit.user_id == user_id


def _listed(session: DbSession, limits: Collection[int]) -> dict[int, frozenset[int]]:
    columns = limit_node.c
    pairs = session.execute(
        select(columns.limit_id, columns.node_id).where(columns.limit_id.in_(limits))
    )
    nodes: dict[int, set[int]] = {}
    for limit_id, node_id in pairs:
        nodes.setdefault(limit_id, set()).add(node_id)
    return {limit_id: frozenset(ids) for limit_id, ids in nodes.items()}


def resolve(levels: Sequence[Iterable[InForce]], nodes: Iterable[int]) -> tuple[InForce, ...]:
    """What binds, from the nearest level to the farthest, with the nodes where it does.

    For a resource, a scope and a node the nearest level that has a limit there counts; all
    limits of that level are in force there. One that is nowhere in force is left out.
    """
    everywhere = frozenset(nodes)
    settled: dict[tuple[int, Scope], frozenset[int]] = {}
    binding: list[InForce] = []
    for level in levels:
        here: dict[tuple[int, Scope], frozenset[int]] = {}
        for limit in level:
            key = limit.resource_id, limit.scope
            covered = limit.nodes & everywhere if limit.nodes else everywhere
            here[key] = here.get(key, frozenset()) | covered
            if in_force_on := covered - settled.get(key, frozenset()):
                binding.append(replace(limit, nodes=in_force_on))
        for key, covered in here.items():
            settled[key] = settled.get(key, frozenset()) | covered
    return tuple(binding)
