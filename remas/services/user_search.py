"""Lists of accounts: who finds whom by what, and in which order."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import contains_eager

from remas.extensions import db
from remas.models import ADMINISTRATORS, Group, User
from remas.services import groups
from remas.services.actor import Actor
from remas.services.fields import LARGEST_UID
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.sorting import ordered
from remas.services.transaction import DbSession
from remas.services.users import Account


@dataclass(frozen=True, slots=True)
class UserFilter:
    """`text` is looked for in username, names and e-mail (by administrators, as the uid, too).

    The others are for administrators. `subgroups`: those of the groups below `group` as well;
    `outside`: those who are not right in this group;
    `one_time_password`: those who have not changed the password that they were given.
    """

    text: str | None = None
    group: str | None = None
    subgroups: bool = False
    outside: str | None = None
    active: bool | None = None
    administrators: bool | None = None
    one_time_password: bool | None = None

    @property
    def tells_more(self) -> bool:
        """Whether the answer would tell what only administrators see."""
        asked = self.group, self.outside, self.active, self.administrators, self.one_time_password
        return any(value is not None for value in asked)


SORTS = {
    "username": User.username,
    "name": User.name,
    "surname": User.surname,
    "email": User.email,
    "uid": User.uid,
    "group": Group.name,
    "created": User.created_at,
}
OPEN_SORTS = ("username", "name", "surname", "email")
"""By what everybody may have the list sorted: what they see of it."""


def search(
    actor: Actor,
    wanted: UserFilter,
    page: int = 1,
    per_page: int = PER_PAGE,
    sort: str = "username",
) -> Page[Account]:
    """Accounts in the order `sort` (see `SORTS`). A constant number of queries.

    Raises `Forbidden` for filters and orders that would tell what is not shown, `Invalid` for an
    unknown order.
    """
    column = sort.removeprefix("-")
    if wanted.tells_more or (column in SORTS and column not in OPEN_SORTS):
        actor.require_admin()
    session = db.session()
    administrative = groups.descendants(session, ADMINISTRATORS)
    query = select(User).join(User.group).options(contains_eager(User.group))
    query = query.where(*_conditions(session, actor, wanted, administrative))
    found = page_of(session, ordered(query, SORTS, sort, User.id), page, per_page)
    accounts = [Account(user, user.group_id in administrative) for user in found.items]
    return Page(accounts, found.page, found.per_page, found.total)


def _conditions(
    session: DbSession, actor: Actor, wanted: UserFilter, administrative: Collection[int]
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        shown = (User.username, User.name, User.surname, User.email)
        found = or_(*(c.icontains(wanted.text, autoescape=True) for c in shown))
        if actor.is_admin and wanted.text.isdecimal() and int(wanted.text) <= LARGEST_UID:
            found = or_(found, User.uid == int(wanted.text))
        conditions.append(found)
    if wanted.group is not None:
        group_id = session.scalar(select(Group.id).where(Group.name == wanted.group))
        below = groups.descendants(session, group_id or 0) if wanted.subgroups else {group_id}
        conditions.append(User.group_id.in_(below))
    if wanted.outside is not None:
        conditions.append(Group.name != wanted.outside)
    if wanted.active is not None:
        conditions.append(User.active == wanted.active)
    if wanted.administrators is not None:
        inside = User.group_id.in_(administrative)
        conditions.append(inside if wanted.administrators else ~inside)
    if wanted.one_time_password is not None:
        conditions.append(User.password_change_required == wanted.one_time_password)
    return conditions
