"""Tags: people's own labels. Putting them on reservations is booking.py's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import Tag, User
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique


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
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.name("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    check.done()
    with writing() as session:
        tag = _load(session, _locked_person(session, actor), name)
        seen(tag)
        before = facts(tag)
        for column, value in values.items():
            setattr(tag, column, value)
        save_unique(session, "name")
        audit.record_change(session, actor, "tag", (tag.id, tag.name), before, facts(tag))
        return tag


def delete(actor: Actor, name: str, seen: Seen = anything) -> None:
    """Delete a tag of one's own; reservations lose it. Raises `NotFound`, `Stale`."""
    with writing() as session:
        tag = _load(session, _locked_person(session, actor), name)
        seen(tag)
        audit.record(session, actor, "delete", "tag", (tag.id, tag.name), facts(tag))
        session.delete(tag)


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


def _load(session: DbSession, user_id: int, name: str) -> Tag:
    tag = session.scalar(select(Tag).where(Tag.user_id == user_id, Tag.name == name))
    if tag is None:
        raise NotFound(f"You have no tag {name}.")
    return tag
