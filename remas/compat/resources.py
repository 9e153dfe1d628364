"""Resources, their units, and which aliases they have."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import actor, bp, for_administrators
from remas.compat.errors import Refused, storing
from remas.errors import NotFound, Stale
from remas.models import Resource, Unit
from remas.services import by_id, resources
from remas.services.precondition import Seen
from remas.services.resources import ResourceChange, ResourceNew


@bp.get("/resource")
def list_resources() -> Response:
    """All resources by name."""
    found = resources.search(page=1, per_page=bodies.ALL).items
    return bodies.listed([shapes.resource(row) for row in found])


@bp.get("/resource/<resource_id>")
def get_resource(resource_id: int) -> Response:
    """One resource."""
    return bodies.answer(shapes.resource(by_id.resource(resource_id)))


@bp.post("/resource")
@for_administrators
def post_resource() -> Response:
    """Make a resource."""
    body = bodies.read(schemas.NewResource)
    wish = ResourceNew(body.name, body.description, _unit(body.unit))
    with storing("resource"):
        resource = resources.create(actor(), wish)
    return bodies.answer(shapes.resource(resource))


@bp.put("/resource")
@for_administrators
def put_resource() -> Response:
    """Name, description and unit."""
    body = bodies.read(schemas.ChangedResource)
    known = by_id.resource(body.id)
    wish = ResourceChange(body.name, body.description or "", _unit(body.unit))
    with storing("resource"):
        resource = resources.change(actor(), known.name, wish, by_id.still(body.id))
    return bodies.answer(shapes.resource(resource))


@bp.delete("/resource/<resource_id>")
@for_administrators
def delete_resource(resource_id: int) -> Response:
    """Delete a resource that was never reserved and that no notification watches."""
    known = by_id.resource(resource_id)
    resources.delete(actor(), known.name, by_id.still(resource_id))
    return bodies.done("Resource deleted")


@bp.post("/resource/add_alias")
@for_administrators
def add_alias() -> Response:
    """A resource is also found under an alias."""
    body = bodies.read(schemas.ResourceAlias)
    known, alias = by_id.resource(body.resource_id), by_id.alias(body.alias_id)
    names = [one.name for one in known.aliases]
    if alias.name in names:
        raise Refused(409, f"{known.name} already has the alias {alias.name}.")
    return _with_aliases(known, [*names, alias.name])


@bp.post("/resource/remove_alias")
@for_administrators
def remove_alias() -> Response:
    """A resource is no longer found under an alias, which stays."""
    body = bodies.read(schemas.ResourceAlias)
    known, alias = by_id.resource(body.resource_id), by_id.alias(body.alias_id)
    names = [one.name for one in known.aliases]
    if alias.name not in names:
        raise NotFound(f"{known.name} does not have the alias {alias.name}.")
    return _with_aliases(known, [name for name in names if name != alias.name])


def _with_aliases(known: Resource, names: list[str]) -> Response:
    wish = ResourceChange(aliases=tuple(names))
    resource = resources.change(actor(), known.name, wish, _as_read(known))
    return bodies.answer(shapes.resource(resource))


def _as_read(known: Resource) -> Seen:
    """The aliases were read before: nobody is to have changed them since."""
    read = known.id, {alias.id for alias in known.aliases}

    def seen(row: Resource) -> None:
        if (row.id, {alias.id for alias in row.aliases}) != read:
            raise Stale(by_id.STALE)

    return seen


def _unit(text: str) -> Unit:
    try:
        return Unit(text)
    except ValueError:
        raise Refused(400, f"Unit {text} is not supported!") from None
