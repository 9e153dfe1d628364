"""Limits: what people may hold at most, and what that means for one person or group."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.contradicting import Change, save_asking, sent
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.limits import LimitFilterForm, LimitForm, limit_form, stored
from remas.models import Limit
from remas.services import contradictions, limit_admin, names, standing
from remas.services.limit_admin import LimitFilter
from remas.web import current, export

COLUMNS = (
    Column("Name", "name"),
    Column("User", "user"),
    Column("Group", "group"),
    Column("Resource", "resource"),
    Column("At most", "amount", number=True),
    Column("Counted", "scope"),
    Column("Nodes"),
)
EXPORTED = (
    "name",
    "user",
    "group",
    "resource",
    "amount",
    "unit",
    "scope",
    "nodes",
    "description",
)


def _suggested() -> dict[str, list[str]]:
    """What the fields of these pages suggest."""
    actor = current.actor()
    return {
        "usernames": names.usernames(actor),
        "group_names": names.group_names(actor),
        "resource_names": names.resource_names(),
    }


@bp.get("/limits")
def limit_list() -> str | Response:
    """All limits."""
    form, sort = LimitFilterForm(), asked_sort(COLUMNS, "name")
    asked = {name: form.asked(name) for name in ("user", "group", "resource", "node")}
    wanted = LimitFilter(**asked, text=form.asked("q"))
    if kind := export.wanted():
        rows = limit_admin.search(current.actor(), wanted, 1, ALL, sort).items
        return export.answer(kind, "limits", EXPORTED, map(_row, rows))
    found = limit_admin.search(current.actor(), wanted, page_number(), PER_PAGE, sort)
    return render_template(
        "admin/limits/list.html",
        listing=Listing(COLUMNS, found, sort, exportable=True),
        form=form,
        node_names=names.node_names(retired=True),
        **_suggested(),
    )


def _row(limit: Limit) -> tuple[str | int | list[str] | None, ...]:
    return (
        limit.name,
        limit.user.username if limit.user else None,
        limit.group.name if limit.group else None,
        limit.resource.name,
        limit.amount,
        limit.resource.unit.value,
        limit.scope.value,
        [node.name for node in limit.nodes],
        limit.description,
    )


@bp.route("/limits/new", methods=["GET", "POST"])
def limit_new() -> Answer:
    """Make one; what it contradicts is shown first."""
    form = limit_form(names.node_names())()
    if sent(form):
        actor, wish = current.actor(), form.wish()
        asking = Change(
            f"Make the limit {wish.name}?",
            _why(wish.name),
            wish,
            lambda: contradictions.of_limit(actor, wish),
        )
        made, page = save_asking(form, asking, lambda: limit_admin.create(actor, wish))
        if page is not None:
            return page
        if made is not None:
            flash(f"The limit {made.name} is made. {_binds(made.id)}", "success")
            return redirect(url_for("admin.limit_list"))
    return _form_page(form)


@bp.route("/limits/<int(max=2147483647):limit_id>", methods=["GET", "POST"])
def limit_edit(limit_id: int) -> Answer:
    """Change one; what that contradicts is shown first."""
    actor = current.actor()
    limit = limit_admin.get(actor, limit_id)
    known = dict.fromkeys([*names.node_names(), *(node.name for node in limit.nodes)])
    form = limit_form(list(known))(data=stored(limit))
    if sent(form):
        wish, seen = form.change(), form.if_seen(limit_admin.facts)
        asking = Change(
            f"Change the limit {limit.name}?",
            _why(form.wish().name),
            wish,
            lambda: contradictions.of_limit(actor, wish, limit_id),
        )
        done, page = save_asking(
            form, asking, lambda: limit_admin.change(actor, limit_id, wish, seen)
        )
        if page is not None:
            return page
        if done is not None:
            flash(f"The limit {done.name} is saved. {_binds(limit_id)}", "success")
            return redirect(url_for("admin.limit_edit", limit_id=limit_id))
        limit = limit_admin.get(actor, limit_id)
    if form.stale or not form.is_submitted():
        form.mark(limit_admin.facts(limit))
    return _form_page(form, limit)


def _why(name: str) -> str:
    return f"The limit “{name}” now allows less than is reserved."


def _form_page(form: LimitForm, limit: Limit | None = None) -> str:
    return render_template(
        "admin/limits/edit.html",
        form=form,
        limit=limit,
        binds=_binds(limit.id) if limit else None,
        changed=last_change("limit", limit.id) if limit and form.stale else None,
        **_suggested(),
    )


def _binds(limit_id: int) -> str:
    people = contradictions.bound_people(current.actor(), limit_id)
    if not people:
        return "At present it is in force for nobody: nearer limits count, or nobody is there."
    return (
        "It is in force for one person." if people == 1 else f"It is in force for {people} people."
    )


@bp.route("/limits/<int(max=2147483647):limit_id>/delete", methods=["GET", "POST"])
def limit_delete(limit_id: int) -> Answer:
    """Delete one; a limit of a farther level may come into force."""
    actor = current.actor()
    limit = limit_admin.get(actor, limit_id)
    effect = contradictions.of_limit_gone(actor, limit_id)
    consequences = [
        "Whom it binds may hold what is free, as far as no farther limit comes into force instead.",
        "Reservations stay as they are. The audit keeps what the limit was.",
    ]
    if effect.found:
        consequences.append(
            f"Without it a farther limit comes into force that {effect.reservations} existing "
            f"reservations of {effect.owners} people go beyond; they stay."
        )
    deletion = Deletion(
        title=f"Delete the limit {limit.name}?",
        consequences=tuple(consequences),
        back=url_for("admin.limit_edit", limit_id=limit_id),
        after=url_for("admin.limit_list"),
        done=f"The limit {limit.name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        limit_admin.facts(limit),
        lambda form: limit_admin.delete(actor, limit_id, form.if_seen(limit_admin.facts)),
    )


@bp.get("/limits/<int(max=2147483647):limit_id>/history")
def limit_history(limit_id: int) -> str:
    """What was done to it, by whom and when."""
    limit = limit_admin.get(current.actor(), limit_id)
    back = url_for("admin.limit_edit", limit_id=limit_id)
    return history_page("limit", limit_id, f"Limit {limit.name}", back)


@bp.get("/limits/of-group/<name>")
def limit_of_group(name: str) -> str:
    """What binds each member of a group who has no limits of his own."""
    limits = standing.of_group(current.actor(), name)
    return render_template("admin/limits/of_group.html", limits=limits, name=name)
