"""Nodes and what they provide."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import actor, bp, for_administrators
from remas.compat.errors import storing
from remas.models import NodeState
from remas.services import by_id, nodes
from remas.services.nodes import NodeChange, NodeNew


@bp.get("/node")
def list_nodes() -> Response:
    """All nodes by name. Retired ones are there for administrators alone: nobody can use them."""
    found = nodes.search(page=1, per_page=bodies.ALL).items
    return bodies.listed(
        [
            shapes.node(row)
            for row in found
            if actor().is_admin or row.state is not NodeState.RETIRED
        ]
    )


@bp.get("/node/<node_id>")
def get_node(node_id: int) -> Response:
    """One node."""
    return bodies.answer(shapes.node(by_id.node(node_id)))


@bp.post("/node")
@for_administrators
def post_node() -> Response:
    """Make a node."""
    body = bodies.read(schemas.New)
    with storing("node"):
        node = nodes.create(actor(), NodeNew(body.name, body.description))
    return bodies.answer(shapes.node(node))


@bp.put("/node")
@for_administrators
def put_node() -> Response:
    """Name and description."""
    body = bodies.read(schemas.Changed)
    known = by_id.node(body.id)
    wish = NodeChange(name=body.name, description=body.description or "")
    with storing("node"):
        node = nodes.change(actor(), known.name, wish, by_id.still(body.id))
    return bodies.answer(shapes.node(node))


@bp.delete("/node/<node_id>")
@for_administrators
def delete_node(node_id: int) -> Response:
    """Delete a node on which nothing was ever reserved."""
    nodes.delete(actor(), by_id.node(node_id).name, by_id.still(node_id))
    return bodies.done("Node deleted")


@bp.post("/node/add_resource")
@for_administrators
def add_resource() -> Response:
    """Set what a node provides of a resource."""
    body = bodies.read(schemas.NodeResource)
    node, resource = by_id.node(body.node_id), by_id.resource(body.resource_id)
    still = by_id.still_on(node.id, resource.id)
    nodes.set_capacity(actor(), node.name, resource.name, body.amount, still)
    return bodies.answer(shapes.node(by_id.node(body.node_id)))


@bp.post("/node/remove_resource")
@for_administrators
def remove_resource() -> Response:
    """A node no longer has a resource of which nothing was ever reserved on it."""
    body = bodies.read(schemas.NodeResourceLess)
    node, resource = by_id.node(body.node_id), by_id.resource(body.resource_id)
    still = by_id.still_on(node.id, resource.id)
    nodes.remove_capacity(actor(), node.name, resource.name, still)
    return bodies.answer(shapes.node(by_id.node(body.node_id)))
