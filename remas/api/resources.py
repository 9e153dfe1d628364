"""Resources."""

from flask import Response

from remas.api import answers, queries, resource_bodies, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import CLUSTER, Who, describe
from remas.services import resources


@bp.get("/resources")
@describe(CLUSTER, answers.ResourceList, cached=True)
def list_resources(query: queries.Resources, headers: queries.IfNoneMatch) -> Response:
    """Resources, by name unless `sort` says otherwise."""
    found = resources.search(query.alias, query.q, query.sort, query.page, query.per_page)
    return shown(shapes.listing(found, shapes.resource))


@bp.post("/resources")
@describe(CLUSTER, answers.Resource, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_resource(json: resource_bodies.ResourcePost) -> Response:
    """Make a resource. Aliases that do not exist yet are made, the others shared."""
    resource = resources.create(actor(), json.wish())
    return created(shapes.resource(resource), address(".get_resource", name=resource.name))


@bp.get("/resources/<name>")
@describe(CLUSTER, answers.Resource, cached=True)
def get_resource(name: str, headers: queries.IfNoneMatch) -> Response:
    """One resource."""
    return shown(shapes.resource(resources.get(name)))


@bp.patch("/resources/<name>")
@describe(CLUSTER, answers.Resource, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_resource(
    name: str, json: resource_bodies.ResourcePatch, headers: queries.IfMatch
) -> Response:
    """Change a resource; `aliases` replaces all that it has."""
    resource = resources.change(actor(), name, json.wish(), if_match(shapes.resource))
    return shown(shapes.resource(resource))


@bp.delete("/resources/<name>")
@describe(CLUSTER, status=204, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def delete_resource(name: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a resource that was never reserved, with its capacities and limits."""
    resources.delete(actor(), name, if_match(shapes.resource))
    return "", 204
