"""Resources, their units and aliases."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import selectinload

from remas.errors import Invalid, NotFound
from remas.extensions import db
from remas.models import Alias, Allocation, Capacity, Limit, Measure, Resource, Unit
from remas.services import audit, history, limit_rows, locks, measures
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique

SORTS = {"name": Resource.name, "unit": Resource.unit}
ALIAS_SORTS = {"name": Alias.name}


@dataclass(frozen=True, slots=True)
class ResourceNew:
    """`aliases` by name: those that do not exist yet are made, the others shared.

    `usage_query` belongs to the measure `CUSTOM` alone: see `measures.check`.
    """

    name: str
    description: str | None = None
    unit: Unit = Unit.NONE
    aliases: tuple[str, ...] = ()
    measure: Measure | None = None
    usage_query: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """None leaves a field alone; "" takes description, measure or query away. `aliases` replaces
    all. Another measure than `CUSTOM` takes the query away as well."""

    name: str | None = None
    description: str | None = None
    unit: Unit | None = None
    aliases: tuple[str, ...] | None = None
    measure: Measure | Literal[""] | None = None
    usage_query: str | None = None


def get(name: str) -> Resource:
    """One resource with its aliases. Raises `NotFound`."""
    whole = selectinload(Resource.aliases)
    resource = db.session().scalar(select(Resource).where(Resource.name == name).options(whole))
    if resource is None:
        raise NotFound(f"There is no resource {name}.")
    return resource


def search(
    alias: str | None = None,
    text: str | None = None,
    sort: str = "name",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Page[Resource]:
    """Resources in the order `sort` (see `SORTS`). Raises `Invalid` for an unknown order.

    `alias`: those that are found under it; `text` is looked for in names, aliases and descriptions.
    """
    query = select(Resource).options(selectinload(Resource.aliases))
    if alias is not None:
        query = query.where(Resource.aliases.any(Alias.name == alias))
    if text:
        query = query.where(
            Resource.name.icontains(text, autoescape=True)
            | Resource.description.icontains(text, autoescape=True)
            | Resource.aliases.any(Alias.name.icontains(text, autoescape=True))
        )
    return page_of(db.session(), ordered(query, SORTS, sort, Resource.id), page, per_page)


def create(actor: Actor, wish: ResourceNew) -> Resource:
    """Make a resource. A query of its own is tried, where Prometheus answers within a second.

    Raises `Invalid`, `NameTaken`.
    """
    actor.require_admin()
    check = Check()
    name, description = check.name("name", wish.name), check.text("description", wish.description)
    aliases = _alias_names(check, wish.aliases)
    query = measures.check(check, wish.measure, wish.usage_query)
    check.done()
    if query:
        measures.trouble(query)
    with writing() as session:
        resource = Resource(
            name=name,
            description=description,
            unit=wish.unit,
            measure=wish.measure,
            usage_query=query,
        )
        session.add(resource)
        save_unique(session, "name")
        resource.aliases = _aliases(session, aliases)
        session.flush()
        subject = resource.id, resource.name
        audit.record(session, actor, "create", "resource", subject, None, facts(resource))
        return resource


def change(actor: Actor, name: str, wish: ResourceChange, seen: Seen = anything) -> Resource:
    """Change a resource. An alias that is left out stays, with the other resources or alone.

    A query of its own is tried, where Prometheus answers within a second. Raises `NotFound`,
    `Invalid`, `NameTaken`, `Stale`.
    """
    actor.require_admin()
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.name("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    if wish.unit is not None:
        values["unit"] = wish.unit
    aliases = _alias_names(check, wish.aliases or ())
    check.done()
    _try(wish)
    with writing() as session:
        if "name" in values:
            locks.lock_all_nodes(session)  # nobody is to book it under the old name meanwhile
        resource = _held(session, name)
        seen(resource)
        before = facts(resource)
        values |= _measured(resource, wish)
        for column, value in values.items():
            setattr(resource, column, value)
        save_unique(session, "name")
        if wish.aliases is not None:
            resource.aliases = _aliases(session, aliases)
            session.flush()
        subject = resource.id, resource.name
        audit.record_change(session, actor, "resource", subject, before, facts(resource))
        return resource


def delete(actor: Actor, name: str, seen: Seen = anything) -> None:
    """Delete a resource, its capacities and limits; aliases stay.

    Raises `NotFound`, `InUse` when it was ever reserved or a notification watches it, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        locks.lock_all_nodes(session)  # so that nobody books it at this moment
        resource = _held(session, name)
        seen(resource)
        what, this = f"The resource {name}", resource.id
        hint = "Set its capacities to 0 instead: the history stays."
        history.refuse_reserved(session, what, hint, Allocation.resource_id == this)
        history.refuse_notified(session, what, this)
        capacities = session.scalars(select(Capacity).where(Capacity.resource_id == this))
        provided = {capacity.node.name: capacity.amount for capacity in capacities}
        before = {**facts(resource), "capacities": provided}
        limit_rows.delete_limits(session, actor, Limit.resource_id == this)
        session.execute(sql_delete(Capacity).where(Capacity.resource_id == this))
        resource.aliases = []
        session.flush()
        session.delete(resource)
        audit.record(session, actor, "delete", "resource", (this, name), before)


def find(text: str, field: str = "resource") -> Resource:
    """The resource that people mean by `text`: its name, or an alias that is its alone.

    A name goes before an alias. Raises `Invalid` at `field` for what nothing is called, and for an
    alias of several resources, which are named.
    """
    session, text = db.session(), text.strip()
    whole = selectinload(Resource.aliases)
    called = Resource.aliases.any(Alias.name == text)
    found = session.scalars(
        select(Resource)
        .where((Resource.name == text) | called)
        .options(whole)
        .order_by(Resource.id)
    ).all()
    if named := [resource for resource in found if resource.name == text]:
        return named[0]
    if not found:
        raise Invalid.field(field, f"There is no resource {text}.")
    if len(found) > 1:
        names = ", ".join(sorted(resource.name for resource in found))
        raise Invalid.field(field, f"{text} may be any of {names}: write which of them.")
    return found[0]


def get_alias(name: str) -> Alias:
    """One alias with its resources. Raises `NotFound`."""
    return _alias(db.session(), Alias.name == name, name)


def search_aliases(
    page: int = 1, per_page: int = PER_PAGE, text: str | None = None, sort: str = "name"
) -> Page[Alias]:
    """Aliases by name, also those that no resource has any more; `text`: with it in some name.

    Raises `Invalid` for an unknown order: there is only `name`.
    """
    query = select(Alias).options(selectinload(Alias.resources))
    if text:
        query = query.where(
            Alias.name.icontains(text, autoescape=True)
            | Alias.resources.any(Resource.name.icontains(text, autoescape=True))
        )
    return page_of(db.session(), ordered(query, ALIAS_SORTS, sort, Alias.id), page, per_page)


def alias_facts(alias: Alias) -> dict[str, Any]:
    """What the audit keeps of an alias."""
    return {"name": alias.name, "resources": [resource.name for resource in alias.resources]}


def delete_alias(actor: Actor, name: str, seen: Seen = anything) -> None:
    """Delete an alias; resources that have it lose it. Raises `NotFound`, `Stale`."""
    actor.require_admin()
    with writing() as session:
        alias = session.scalar(select(Alias).where(Alias.name == name).with_for_update())
        if alias is None:
            raise NotFound(f"There is no alias {name}.")
        seen(alias)
        before = alias_facts(alias)
        audit.record(session, actor, "delete", "alias", (alias.id, name), before)
        session.delete(alias)


def facts(resource: Resource) -> dict[str, Any]:
    """What the audit keeps of a resource."""
    return {
        "name": resource.name,
        "description": resource.description,
        "unit": resource.unit.value,
        "aliases": [alias.name for alias in resource.aliases],
        "measure": resource.measure.value if resource.measure else None,
        "usage_query": resource.usage_query,
    }


def _try(wish: ResourceChange) -> None:
    """Let Prometheus look at a new query, before anything is locked. Raises `Invalid`."""
    if wish.usage_query and wish.measure in (None, Measure.CUSTOM):
        check = Check()
        query = measures.check(check, Measure.CUSTOM, wish.usage_query)
        check.done()
        measures.trouble(query or "")


def _measured(resource: Resource, wish: ResourceChange) -> dict[str, Any]:
    """What measures it from now on. Raises `Invalid`."""
    measure = resource.measure if wish.measure is None else wish.measure or None
    query = wish.usage_query
    if query is None and measure is Measure.CUSTOM:
        query = resource.usage_query
    check = Check()
    values = {"measure": measure, "usage_query": measures.check(check, measure, query)}
    check.done()
    return values


def _held(session: DbSession, name: str) -> Resource:
    """The resource, its row locked. Raises `NotFound`."""
    query = select(Resource).where(Resource.name == name).options(selectinload(Resource.aliases))
    resource = session.scalar(query.with_for_update(key_share=True))
    if resource is None:
        raise NotFound(f"There is no resource {name}.")
    return resource


def _alias(session: DbSession, condition: ColumnElement[bool], name: str) -> Alias:
    alias = session.scalar(select(Alias).where(condition).options(selectinload(Alias.resources)))
    if alias is None:
        raise NotFound(f"There is no alias {name}.")
    return alias


def _alias_names(check: Check, names: Collection[str]) -> list[str]:
    return sorted({check.name(f"aliases.{i}", name) for i, name in enumerate(names)})


def _aliases(session: DbSession, names: Collection[str]) -> list[Alias]:
    """The aliases of these names, in this order; missing ones are made. Raises `NameTaken`."""
    found = session.scalars(select(Alias).where(Alias.name.in_(names)))
    known = {alias.name: alias for alias in found}
    for name in names:
        if name not in known:
            known[name] = Alias(name=name)
            session.add(known[name])
    save_unique(session, "name")
    return [known[name] for name in names]
