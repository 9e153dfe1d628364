"""Tags: people's own labels. Putting them on reservations is booking.py's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import Group, Tag, User
from remas.models.reservation import reservation_tag
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique

SORTS = {"owner": User.username, "name": Tag.name}


@dataclass(frozen=True, slots=True)
class TagNew:
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class TagChange:
    """None leaves a field alone; "" takes the description away."""

    name: str | None = None
    description: str | None = None


def get(actor: Actor, name: str) -> Tag:
    """The actor's tag of this name. Raises `NotFound`."""
    return _load(db.session(), _person(actor), name)


def search(
    actor: Actor, owner: str | None = None, page: int = 1, per_page: int = PER_PAGE
) -> Page[Tag]:
    """The actor's tags by name, or another's for administrators. Raises `Forbidden`."""
    query = select(Tag).where(Tag.user_id == _person(actor))
    if owner is not None and owner != actor.username:
        actor.require_admin()
        query = select(Tag).join(Tag.user).where(User.username == owner)
    return page_of(db.session(), query.order_by(Tag.name, Tag.id), page, per_page)


def get_by_id(actor: Actor, tag_id: int) -> Tag:
    """One's own tag, or anybody's for administrators. Raises `NotFound`, `Forbidden`."""
    return _visible(db.session(), actor, tag_id)


def uses(tags: Sequence[Tag]) -> dict[int, int]:
    """On how many reservations each of these tags is, by id. One query."""
    table = reservation_tag.c
    rows = db.session().execute(
        select(table.tag_id, func.count())
        .where(table.tag_id.in_([tag.id for tag in tags]))
        .group_by(table.tag_id)
    )
    counted: dict[int, int] = dict(rows.all())
    return {tag.id: counted.get(tag.id, 0) for tag in tags}


def search_all(
    actor: Actor,
    owner: str | None = None,
    text: str | None = None,
    sort: str = "owner",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Page[Tag]:
    """Everybody's tags in the order `sort` (see `SORTS`), or one owner's. For administrators.

    `text` is looked for in names and descriptions. Raises `Invalid` for an unknown order.
    """
    actor.require_admin()
    query = select(Tag).join(Tag.user).options(contains_eager(Tag.user))
    if owner:
        query = query.where(User.username == owner)
    if text:
        columns = Tag.name, Tag.description
        query = query.where(or_(*(c.icontains(text, autoescape=True) for c in columns)))
    return page_of(db.session(), ordered(query, SORTS, sort, Tag.id), page, per_page)


def of_members(actor: Actor, group_id: int) -> Sequence[Tag]:
    """The tags of all who are in a group itself, by name.

    For administrators, and for its members where it shares statistics. Raises `NotFound`,
    `Forbidden`.
    """
    session = db.session()
    group = session.get(Group, group_id)
    own = session.scalar(select(User.group_id).where(User.id == actor.id))
    if not actor.is_admin and (group is None or own != group_id):
        raise Forbidden("Only administrators and its members see the tags of a group.")
    if group is None:
        raise NotFound(f"There is no group {group_id}.")
    if not actor.is_admin and not group.users_share_statistics:
        raise Forbidden("This group does not share what its reservations are for.")
    query = select(Tag).join(Tag.user).options(contains_eager(Tag.user))
    members = query.where(User.group_id == group_id).order_by(Tag.name, Tag.id)
    return session.scalars(members).all()


def create(actor: Actor, wish: TagNew) -> Tag:
    """Make a tag of one's own. Raises `Invalid`, `NameTaken`."""
    check = Check()
    name, description = check.name("name", wish.name), check.text("description", wish.description)
    check.done()
    with writing() as session:
        user_id = _locked_person(session, actor)
        tag = Tag(user_id=user_id, name=name, description=description)
        session.add(tag)
        save_unique(session, "name")
        audit.record(session, actor, "create", "tag", (tag.id, tag.name), None, facts(tag))
        return tag


def change(actor: Actor, name: str, wish: TagChange, seen: Seen = anything) -> Tag:
    """Change a tag of one's own. Raises `NotFound`, `Invalid`, `NameTaken`, `Stale`."""
    values = _checked(wish)
    with writing() as session:
        tag = _load(session, _locked_person(session, actor), name)
        seen(tag)
        return _change(session, actor, tag, values)


def change_by_id(actor: Actor, tag_id: int, wish: TagChange) -> Tag:
    """As `change`; anybody's for administrators. Raises `Forbidden` besides."""
    values = _checked(wish)
    with writing() as session:
        return _change(session, actor, _held(session, actor, tag_id), values)


def delete(actor: Actor, name: str, seen: Seen = anything) -> int:
    """Delete a tag of one's own; says how many reservations lose it. Raises `NotFound`, `Stale`."""
    with writing() as session:
        tag = _load(session, _locked_person(session, actor), name)
        seen(tag)
        return _delete(session, actor, tag)


def delete_by_id(actor: Actor, tag_id: int) -> int:
    """As `delete`; anybody's for administrators. Raises `Forbidden` besides."""
    with writing() as session:
        return _delete(session, actor, _held(session, actor, tag_id))


def _delete(session: DbSession, actor: Actor, tag: Tag) -> int:
    """Delete the tag, whose owner is locked; the audit keeps on how many reservations it was."""
    used = uses([tag])[tag.id]
    before = {**facts(tag), "reservations": used}
    audit.record(session, actor, "delete", "tag", (tag.id, tag.name), before)
    session.delete(tag)
    return used


def facts(tag: Tag) -> dict[str, Any]:
    """What the audit keeps of a tag."""
    return {"name": tag.name, "description": tag.description}


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person has tags.")
    return actor.id


def _locked_person(session: DbSession, actor: Actor) -> int:
    """The person, locked: tags are also made by booking, under the same lock."""
    user_id = _person(actor)
    locks.lock(session, users=[user_id])
    return user_id


def _checked(wish: TagChange) -> dict[str, Any]:
    """The columns that are to change."""
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.name("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    check.done()
    return values


def _change(session: DbSession, actor: Actor, tag: Tag, values: dict[str, Any]) -> Tag:
    """Write the values into the tag, whose owner is locked."""
    before = facts(tag)
    for column, value in values.items():
        setattr(tag, column, value)
    save_unique(session, "name")
    audit.record_change(session, actor, "tag", (tag.id, tag.name), before, facts(tag))
    return tag


def _visible(session: DbSession, actor: Actor, tag_id: int) -> Tag:
    """The tag as it is stored now, if it is for the actor to see. Raises as `get_by_id`."""
    query = select(Tag).where(Tag.id == tag_id).options(joinedload(Tag.user))
    tag = session.scalar(query.execution_options(populate_existing=True))
    if tag is None:
        raise NotFound(f"There is no tag {tag_id}.")
    if not actor.may_act_for(tag.user_id):
        raise Forbidden("Tags are for their owners.")
    return tag


def _held(session: DbSession, actor: Actor, tag_id: int) -> Tag:
    """As `_visible`, its owner locked: a tag never changes hands."""
    locks.lock(session, users=[_visible(session, actor, tag_id).user_id])
    return _visible(session, actor, tag_id)


def _load(session: DbSession, user_id: int, name: str) -> Tag:
    tag = session.scalar(select(Tag).where(Tag.user_id == user_id, Tag.name == name))
    if tag is None:
        raise NotFound(f"You have no tag {name}.")
    return tag
