"""Aliases by themselves: other names under which resources are found.

Most are made with the resources that have them (resources.py).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from remas.errors import NotFound
from remas.models import Alias
from remas.services import audit
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.precondition import Seen, anything
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique


@dataclass(frozen=True, slots=True)
class AliasNew:
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class AliasChange:
    """None leaves a field alone; "" takes the description away."""

    name: str | None = None
    description: str | None = None


def create(actor: Actor, wish: AliasNew) -> Alias:
    """Make an alias that no resource has yet. Raises `Invalid`, `NameTaken`."""
    actor.require_admin()
    check = Check()
    name, description = check.name("name", wish.name), check.text("description", wish.description)
    check.done()
    with writing() as session:
        alias = Alias(name=name, description=description, resources=[])
        session.add(alias)
        save_unique(session, "name")
        audit.record(session, actor, "create", "alias", (alias.id, name), None, facts(alias))
        return alias


def change(actor: Actor, name: str, wish: AliasChange, seen: Seen = anything) -> Alias:
    """Change an alias for all that have it. Raises `NotFound`, `Invalid`, `NameTaken`, `Stale`."""
    actor.require_admin()
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.name("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    check.done()
    with writing() as session:
        alias = _held(session, name)
        seen(alias)
        before = facts(alias)
        for column, value in values.items():
            setattr(alias, column, value)
        save_unique(session, "name")
        subject = alias.id, alias.name
        audit.record_change(session, actor, "alias", subject, before, facts(alias))
        return alias


def facts(alias: Alias) -> dict[str, Any]:
    """What the audit keeps of an alias."""
    return {
        "name": alias.name,
        "description": alias.description,
        "resources": [resource.name for resource in alias.resources],
    }


def _held(session: DbSession, name: str) -> Alias:
    """The alias, its row locked. Raises `NotFound`."""
    query = select(Alias).where(Alias.name == name).options(selectinload(Alias.resources))
    alias = session.scalar(query.with_for_update(key_share=True))
    if alias is None:
        raise NotFound(f"There is no alias {name}.")
    return alias
