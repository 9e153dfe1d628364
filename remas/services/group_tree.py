"""The tree of groups as people look at it: who is below what, and how many."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from remas.errors import NotFound
from remas.extensions import db
from remas.models import ADMINISTRATORS, Group, User
from remas.services.actor import Actor
from remas.services.groups import KEPT, is_administrative
from remas.services.paging import Page

PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class Branch:
    """A group in the tree. `depth` from 0; `members` right in it, `below` in it or below it.

    `administrators`: whether its members are; `kept`: whether it always exists. `shown_for`: it is
    only here because of one below it (see `tree`).
    """

    group: Group
    depth: int
    members: int
    below: int
    administrators: bool
    kept: bool
    shown_for: bool = False


def tree(
    actor: Actor, text: str | None = None, page: int = 1, per_page: int = PER_PAGE
) -> Page[Branch]:
    """The groups, each after its parent, by name; two queries. For administrators.

    With `text` those with it in name or description. Whatever is shown comes with the groups above
    it, which are not counted.
    """
    actor.require_admin()
    session = db.session()
    groups = {group.id: group for group in session.scalars(select(Group).order_by(Group.name))}
    counted = select(User.group_id, func.count()).group_by(User.group_id)
    members: dict[int, int] = dict(session.execute(counted).all())
    order = list(_in_order(groups))
    found = [(group, depth) for group, depth in order if _has(group, text)]
    cut = Page.cut([group.id for group, _ in found], page, per_page)
    shown = set(cut.items)
    above = {group for one in cut.items for group in _above(groups, one)} - shown
    below = _below(groups, members)
    branches = [
        Branch(
            group=group,
            depth=depth,
            members=members.get(group.id, 0),
            below=below[group.id],
            administrators=ADMINISTRATORS in _above(groups, group.id),
            kept=group.id in KEPT,
            shown_for=group.id in above,
        )
        for group, depth in order
        if group.id in above or group.id in shown
    ]
    return Page(branches, cut.page, cut.per_page, cut.total)


def names_outside(actor: Actor, name: str | None = None) -> list[str]:
    """The groups below which one can be put: all, or all that are not `name` or below it."""
    actor.require_admin()
    rows = db.session().scalars(select(Group).order_by(Group.name))
    groups = {group.id: group for group in rows}
    own = next((group.id for group in groups.values() if group.name == name), None)
    return [group.name for group in groups.values() if own not in _above(groups, group.id)]


def _in_order(groups: dict[int, Group]) -> Iterator[tuple[Group, int]]:
    """Each group after its parent, with its depth; as deep as it may be."""
    children: dict[int | None, list[Group]] = defaultdict(list)
    for group in groups.values():
        children[group.parent_id].append(group)
    todo = [(group, 0) for group in reversed(children[None])]
    while todo:
        group, depth = todo.pop()
        yield group, depth
        todo.extend((child, depth + 1) for child in reversed(children[group.id]))


def _above(groups: dict[int, Group], group_id: int) -> Sequence[int]:
    """The group and those above it."""
    chain = [group_id]
    while (parent := groups[chain[-1]].parent_id) is not None and parent not in chain:
        chain.append(parent)
    return chain


def _below(groups: dict[int, Group], members: dict[int, int]) -> dict[int, int]:
    """How many people are in each group or below it."""
    totals = dict.fromkeys(groups, 0)
    for group_id, number in members.items():
        for above in _above(groups, group_id):
            totals[above] += number
    return totals


def _has(group: Group, text: str | None) -> bool:
    wanted = (text or "").casefold()
    return wanted in group.name.casefold() or wanted in (group.description or "").casefold()


def name_of(group_id: int) -> str:
    """What the group is called today. Raises `NotFound`."""
    name = db.session().scalar(select(Group.name).where(Group.id == group_id))
    if name is None:
        raise NotFound("There is no such group any more.")
    return name


def makes_administrators(actor: Actor, name: str) -> bool:
    """Whether members of the group are administrators. For administrators."""
    actor.require_admin()
    session = db.session()
    group_id = session.scalar(select(Group.id).where(Group.name == name))
    return group_id is not None and is_administrative(session, group_id)
