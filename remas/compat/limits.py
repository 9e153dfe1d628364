"""Limits. The wire knows those on each node; a total keeps its scope whatever is changed here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators, require_self
from remas.compat.errors import Refused
from remas.errors import Forbidden, Invalid, NotFound
from remas.models import Limit
from remas.services import by_id, limit_admin
from remas.services.limit_admin import LimitChange, LimitFilter, LimitNew

NO_NODES = "node_ids: Name the nodes on which it is to hold."


@bp.get("/limit")
@for_administrators
def list_limits() -> Response:
    """All limits by name. One for all nodes lists them all."""
    return _listed(LimitFilter())


@bp.get("/limit/<limit_id>")
@for_administrators
def get_limit(limit_id: int) -> Response:
    """One limit."""
    return _shown(limit_admin.get(actor(), limit_id))


@bp.get("/limit/user/<user_id>")
@for_administrators
def list_limits_of_user(user_id: int) -> Response:
    """A user's own limits; of somebody whom there is not: none."""
    try:
        username = by_id.account(user_id).user.username
    except NotFound:
        return bodies.listed([])
    return _listed(LimitFilter(user=username))


@bp.get("/limit/group/<group_id>")
@for_administrators
def list_limits_of_group(group_id: int) -> Response:
    """A group's own limits; of a group that there is not: none."""
    try:
        name = by_id.any_group(group_id).name
    except NotFound:
        return bodies.listed([])
    return _listed(LimitFilter(group=name))


@bp.get("/limit/user_all/<user_id>")
def list_limits_in_force(user_id: int) -> Response:
    """What binds a user, nearest level first; each on the nodes on which it is in force."""
    require_self(user_id)
    found = limit_admin.effective(actor(), by_id.account(user_id).user.username)
    return bodies.listed([shapes.effective_limit(one, user_id) for one in found])


@bp.get("/limit/group_all/<group_id>")
def list_limits_in_force_in_group(group_id: int) -> Response:
    """What binds the members of a group who have no limits of their own."""
    try:
        found = limit_admin.effective_in_group(actor(), group_id)
    except Forbidden:
        raise Refused(403, NOT_ALLOWED) from None
    return bodies.listed([shapes.effective_limit(one, None) for one in found])


@bp.post("/limit")
@for_administrators
def post_limit() -> Response:
    """Limit what a user, or each member of a group by himself, may hold at any instant."""
    body = bodies.read(schemas.NewLimit)
    if not body.node_ids:
        raise Refused(422, NO_NODES)
    wish = LimitNew(
        name=body.name,
        resource=by_id.resource(body.resource_id).name,
        amount=body.amount,
        user=_username(body),
        group=_group_name(body),
        nodes=tuple(by_id.node_names(body.node_ids).values()),
        description=body.description,
    )
    with _one_subject():
        limit = limit_admin.create(actor(), wish)
    return _shown(limit)


@bp.put("/limit")
@for_administrators
def put_limit() -> Response:
    """Change all of a limit but its scope."""
    body = bodies.read(schemas.ChangedLimit)
    known = limit_admin.get(actor(), by_id.storable(body.id, "Limit"))
    wish = LimitChange(
        name=body.name,
        resource=by_id.resource(body.resource_id).name,
        amount=body.amount,
        user=_username(body) or "",
        group=_group_name(body) or "",
        nodes=_changed_nodes(known, body.node_ids),
        description=body.description or "",
    )
    with _one_subject():
        limit = limit_admin.change(actor(), body.id, wish)
    return _shown(limit)


@bp.delete("/limit/<limit_id>")
@for_administrators
def delete_limit(limit_id: int) -> Response:
    """Delete a limit."""
    limit_admin.delete(actor(), limit_id)
    return bodies.done("Limit deleted")


def _username(body: schemas.NewLimit) -> str | None:
    return None if body.user_id is None else by_id.account(body.user_id).user.username


def _group_name(body: schemas.NewLimit) -> str | None:
    return None if body.group_id is None else by_id.any_group(body.group_id).name


def _changed_nodes(known: Limit, ids: Sequence[int]) -> tuple[str, ...] | None:
    """Names of the nodes; None where they are those that were shown: all stays all."""
    shown = {node.id for node in known.nodes} or set(by_id.all_nodes())
    if set(ids) == shown:
        return None
    if not ids:
        raise Refused(422, NO_NODES)
    return tuple(by_id.node_names(ids).values())


@contextmanager
def _one_subject() -> Iterator[None]:
    """The wire tells by 400 that a limit is not for exactly one of user and group."""
    try:
        yield
    except Invalid as error:
        if texts := error.errors.get("user"):
            raise Refused(400, " ".join(texts)) from error
        raise


def _listed(wanted: LimitFilter) -> Response:
    everywhere = by_id.all_nodes()
    found = limit_admin.search(actor(), wanted, page=1, per_page=bodies.ALL).items
    return bodies.listed([shapes.limit(row, everywhere) for row in found])


def _shown(limit: Limit) -> Response:
    return bodies.answer(shapes.limit(limit, by_id.all_nodes()))
