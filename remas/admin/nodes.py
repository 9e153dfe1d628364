"""Nodes: their capacities and states, and what is reserved on them."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.admin.blueprint import bp
from remas.admin.contradicting import Change, save_asking, sent
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.everybodys import EXPORTED, row_of
from remas.admin.history import Tab, history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.nodes import NodeFilter, node_form, stored
from remas.models import Node, Resource
from remas.services import contradictions, names, nodes, reservations, resources
from remas.services.availability import natural_key
from remas.services.reservations import ReservationFilter
from remas.web import current, export
from remas.web.saving import save

COLUMNS = (
    Column("Name", "name"),
    Column("State", "state"),
    Column("Provides", "resources"),
    Column("Description"),
)
RESERVED = (Column("Reservation"), Column("Owner"), Column("When"), Column("Holds here"))
TABS = (
    ("admin.node_edit", "Details"),
    ("admin.node_reservations", "Reservations"),
    ("admin.node_history", "History"),
)


def tabs_of(name: str) -> tuple[Tab, ...]:
    """The parts of a node's pages, this one marked."""
    here = request.endpoint
    return tuple((url_for(endpoint, name=name), text, endpoint == here) for endpoint, text in TABS)


bp.add_app_template_global(tabs_of, "node_tabs")


@bp.get("/nodes")
def node_list() -> str | Response:
    """All nodes with what they provide."""
    form, sort = NodeFilter(), asked_sort(COLUMNS, "name")
    form_of_answer = export.wanted()
    found = nodes.search(
        form.asked_state,
        form.asked("resource"),
        text=form.asked("q"),
        sort=sort,
        page=1 if form_of_answer else page_number(),
        per_page=ALL if form_of_answer else PER_PAGE,
    )
    if form_of_answer:
        kinds = [resource.name for resource in _resources()]
        columns = ("name", "state", "description", *kinds)
        return export.answer(form_of_answer, "nodes", columns, _rows(found.items, kinds))
    return render_template(
        "admin/nodes/list.html",
        listing=Listing(COLUMNS, found, sort, exportable=True),
        form=form,
        resource_names=names.resource_names(),
    )


def _rows(found: Sequence[Node], kinds: Sequence[str]) -> list[tuple[str | int | None, ...]]:
    rows: list[tuple[str | int | None, ...]] = []
    for node in found:
        amounts = {held.resource.name: held.amount for held in node.capacities}
        provided = (amounts.get(kind) for kind in kinds)
        rows.append((node.name, node.state.value, node.description, *provided))
    return rows


def _resources() -> list[Resource]:
    found = resources.search(per_page=ALL).items
    return sorted(found, key=lambda resource: natural_key(resource.name))


@bp.route("/new/node", methods=["GET", "POST"])
def node_new() -> str | Response:
    """Make one."""
    form = node_form(_resources())()
    if form.validate_on_submit():
        made = save(form, lambda: nodes.create(current.actor(), form.wish()))
        if made is not None:
            flash(f"The node {made.name} is made.", "success")
            return redirect(url_for("admin.node_list"))
    return render_template("admin/nodes/edit.html", form=form, node=None)


@bp.route("/nodes/<name>", methods=["GET", "POST"])
def node_edit(name: str) -> Answer:
    """Change one; what that contradicts is shown first."""
    node = nodes.get(name)
    form = node_form(_resources())(data=stored(node))
    if sent(form):
        actor, wish = current.actor(), form.change()
        seen = form.if_seen(nodes.facts)
        asking = Change(
            f"Change the node {name}?",
            f"The node {name} has less than before, or takes no new reservations.",
            wish,
            lambda: contradictions.of_node(actor, name, wish),
        )
        done, page = save_asking(form, asking, lambda: nodes.change(actor, name, wish, seen))
        if page is not None:
            return page
        if done is not None:
            flash(f"The node {done.name} is saved.", "success")
            return redirect(url_for("admin.node_edit", name=done.name))
        node = nodes.get(name)
    if form.stale or not form.is_submitted():
        form.mark(nodes.facts(node))
    return render_template(
        "admin/nodes/edit.html",
        form=form,
        node=node,
        changed=last_change("node", node.id) if form.stale else None,
    )


@bp.route("/nodes/<name>/delete", methods=["GET", "POST"])
def node_delete(name: str) -> Answer:
    """Delete one on which nothing was ever reserved."""
    node = nodes.get(name)
    deletion = Deletion(
        title=f"Delete the node {name}?",
        consequences=(
            "Its capacities and its maintenance go with it. Limits forget it; those for this node "
            "alone are deleted.",
            "A node on which anything was ever reserved cannot be deleted: retire it instead.",
        ),
        back=url_for("admin.node_edit", name=name),
        after=url_for("admin.node_list"),
        done=f"The node {name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        nodes.facts(node),
        lambda form: nodes.delete(current.actor(), name, form.if_seen(nodes.facts)),
    )


@bp.get("/nodes/<name>/reservations")
def node_reservations(name: str) -> str | Response:
    """What runs on it, is to come, and was."""
    node = nodes.get(name)
    wanted = ReservationFilter(node=name)
    if kind := export.wanted():
        every = reservations.search_all(current.actor(), wanted, "-starts", 1, ALL)
        rows = [row_of(row) for row in every.items]
        return export.answer(kind, f"reservations on {name}", EXPORTED, rows)
    found = reservations.search_all(current.actor(), wanted, "-starts", page_number(), PER_PAGE)
    return render_template(
        "admin/nodes/reservations.html",
        node=node,
        listing=Listing(RESERVED, found, "", exportable=True),
        now=clock.now(),
    )


@bp.get("/nodes/<name>/history")
def node_history(name: str) -> str:
    """What was done to it, by whom and when."""
    node = nodes.get(name)
    back = url_for("admin.node_edit", name=name)
    return history_page("node", node.id, f"Node {name}", back, tabs_of(name))
