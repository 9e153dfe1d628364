"""Nodes and their capacities."""

from flask import Response

from remas.api import answers, previews, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.spec import CLUSTER, Who, describe
from remas.services import contradictions, nodes


@bp.get("/nodes")
@describe(CLUSTER, answers.NodeList, cached=True)
def list_nodes(query: queries.Nodes, headers: queries.IfNoneMatch) -> Response:
    """Nodes with their capacities, by name unless `sort` says otherwise."""
    found = nodes.search(
        query.state, query.resource, query.page, query.per_page, query.q, query.sort
    )
    return shown(shapes.listing(found, shapes.node))


@bp.post("/nodes")
@describe(CLUSTER, answers.Node, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_node(json: schemas.NodePost) -> Response:
    """Make a node."""
    node = nodes.create(actor(), json.wish())
    return created(shapes.node(node), address(".get_node", name=node.name))


@bp.get("/nodes/<name>")
@describe(CLUSTER, answers.Node, cached=True)
def get_node(name: str, headers: queries.IfNoneMatch) -> Response:
    """One node with its capacities."""
    return shown(shapes.node(nodes.get(name)))


@bp.patch("/nodes/<name>")
@describe(CLUSTER, answers.Node, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def patch_node(name: str, json: schemas.NodePatch, headers: queries.IfMatch) -> Response:
    """Change a node; `capacities` replaces all. What is reserved stays reserved."""
    return shown(shapes.node(nodes.change(actor(), name, json.wish(), if_match(shapes.node))))


@bp.post("/nodes/<name>/preview")
@describe(CLUSTER, previews.Effect, who=Who.ADMINS)
def preview_node(name: str, json: schemas.NodePatch, query: queries.Paging) -> Response:
    """Which reservations a change of a node contradicts. Nothing is stored; they would stay."""
    effect = contradictions.of_node(actor(), name, json.wish())
    return shown(previews.effect(effect, query))


@bp.delete("/nodes/<name>")
@describe(CLUSTER, status=204, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def delete_node(name: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a node on which nothing was ever reserved."""
    nodes.delete(actor(), name, if_match(shapes.node))
    return "", 204


@bp.put("/nodes/<name>/capacities/<resource>")
@describe(CLUSTER, answers.Capacity, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def put_capacity(
    name: str, resource: str, json: schemas.CapacityBody, headers: queries.IfMatch
) -> Response:
    """Set what a node provides of a resource; less than is reserved is allowed."""
    seen = if_match(shapes.capacity)
    return shown(shapes.capacity(nodes.set_capacity(actor(), name, resource, json.amount, seen)))


@bp.delete("/nodes/<name>/capacities/<resource>")
@describe(CLUSTER, status=204, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def delete_capacity(name: str, resource: str, headers: queries.IfMatch) -> tuple[str, int]:
    """A node no longer has a resource of which nothing was ever reserved on it."""
    nodes.remove_capacity(actor(), name, resource, if_match(shapes.capacity))
    return "", 204
