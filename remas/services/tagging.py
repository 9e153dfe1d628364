"""Tags on reservations: a person's own labels, made when first used."""

from collections.abc import Iterable

from sqlalchemy import select

from remas.errors import Invalid
from remas.models import Tag
from remas.services.transaction import DbSession


def own_tags(session: DbSession, user_id: int, names: Iterable[str]) -> list[Tag]:
    """The person's tags with these names, by name. Needs the person's lock. Raises `Invalid`."""
    wanted = sorted({name.strip() for name in names})
    if any(not 1 <= len(name) <= 200 for name in wanted):
        raise Invalid.field("tags", "A tag has a name of 1 to 200 characters.")
    known = {
        tag.name: tag
        for tag in session.scalars(select(Tag).where(Tag.user_id == user_id, Tag.name.in_(wanted)))
    }
    for name in wanted:
        if name not in known:
            known[name] = Tag(name=name, user_id=user_id)
            session.add(known[name])
    return [known[name] for name in wanted]
