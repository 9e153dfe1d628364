"""Aliases: other names of resources."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import actor, bp, for_administrators
from remas.compat.errors import storing
from remas.services import aliases, by_id, resources
from remas.services.aliases import AliasChange, AliasNew


@bp.get("/resource_alias")
def list_aliases() -> Response:
    """All aliases by name."""
    found = resources.search_aliases(page=1, per_page=bodies.ALL).items
    return bodies.listed([shapes.alias(row) for row in found])


@bp.get("/resource_alias/<alias_id>")
def get_alias(alias_id: int) -> Response:
    """One alias."""
    return bodies.answer(shapes.alias(by_id.alias(alias_id)))


@bp.post("/resource_alias")
@for_administrators
def post_alias() -> Response:
    """Make an alias that no resource has yet."""
    body = bodies.read(schemas.New)
    with storing("resource alias"):
        alias = aliases.create(actor(), AliasNew(body.name, body.description))
    return bodies.answer(shapes.alias(alias))


@bp.put("/resource_alias")
@for_administrators
def put_alias() -> Response:
    """Name and description, for all resources that have it."""
    body = bodies.read(schemas.Changed)
    known = by_id.alias(body.id)
    wish = AliasChange(body.name, body.description or "")
    with storing("resource alias"):
        alias = aliases.change(actor(), known.name, wish, by_id.still(body.id))
    return bodies.answer(shapes.alias(alias))


@bp.delete("/resource_alias/<alias_id>")
@for_administrators
def delete_alias(alias_id: int) -> Response:
    """Delete an alias: all resources lose it."""
    resources.delete_alias(actor(), by_id.alias(alias_id).name)
    return bodies.done("Resource alias deleted")
