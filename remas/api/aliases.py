"""Aliases: other names under which resources are found; most come with the resources."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import CLUSTER, Who, describe
from remas.services import aliases, resources


@bp.get("/aliases")
@describe(CLUSTER, answers.AliasList, cached=True)
def list_aliases(query: queries.Aliases, headers: queries.IfNoneMatch) -> Response:
    """Aliases by name, also those that no resource has any more."""
    found = resources.search_aliases(query.page, query.per_page, query.q, query.sort)
    return shown(shapes.listing(found, shapes.alias))


@bp.post("/aliases")
@describe(CLUSTER, answers.Alias, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_alias(json: schemas.AliasPost) -> Response:
    """Make an alias that no resource has yet."""
    alias = aliases.create(actor(), json.wish())
    return created(shapes.alias(alias), address(".get_alias", name=alias.name))


@bp.get("/aliases/<name>")
@describe(CLUSTER, answers.Alias, cached=True)
def get_alias(name: str, headers: queries.IfNoneMatch) -> Response:
    """One alias with its resources."""
    return shown(shapes.alias(resources.get_alias(name)))


@bp.patch("/aliases/<name>")
@describe(CLUSTER, answers.Alias, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_alias(name: str, json: schemas.AliasPatch, headers: queries.IfMatch) -> Response:
    """Change an alias for all resources that have it."""
    alias = aliases.change(actor(), name, json.wish(), if_match(shapes.alias))
    return shown(shapes.alias(alias))


@bp.delete("/aliases/<name>")
@describe(CLUSTER, status=204, who=Who.ADMINS, stale=True)
def delete_alias(name: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete an alias: resources stay, and are no longer found under it."""
    resources.delete_alias(actor(), name, if_match(shapes.alias))
    return "", 204
