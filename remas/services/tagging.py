"""Tags on reservations: a person's own labels, made when first used."""

from collections.abc import Iterable

from sqlalchemy import select

from remas.models import Tag
from remas.services.fields import Check
from remas.services.transaction import DbSession


def own_tags(session: DbSession, user_id: int, names: Iterable[str]) -> list[Tag]:
    """The person's tags with these names, by name. Needs the person's lock. Raises `Invalid`."""
    check = Check()
    wanted = sorted({check.name("tags", name) for name in names})
    check.done()
    known = {
        tag.name: tag
        for tag in session.scalars(select(Tag).where(Tag.user_id == user_id, Tag.name.in_(wanted)))
    }
    for name in wanted:
        if name not in known:
            known[name] = Tag(name=name, user_id=user_id)
            session.add(known[name])
    return [known[name] for name in wanted]
