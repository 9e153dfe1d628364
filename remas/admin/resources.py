"""Resources: what can be reserved, how it is counted, and under which names it is found."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.filters import Filter
from remas.forms.resources import ResourceForm
from remas.models import Resource
from remas.services import measures, resources
from remas.web import current, export
from remas.web.saving import save

COLUMNS = (
    *(Column("Name", "name"), Column("Unit", "unit"), Column("Measured"), Column("Aliases")),
    Column("Description"),
)
ALIASES = (Column("Alias", "name"), Column("Resource"), Column("Actions"))
TAKEN = ("name", "unit", "aliases", "description", "measure", "usage_query")


@bp.get("/resources")
def resource_list() -> str | Response:
    """All resources."""
    form, sort = Filter(), asked_sort(COLUMNS, "name")
    text = form.asked("q")
    if kind := export.wanted():
        every = resources.search(text=text, sort=sort, per_page=ALL)
        return export.answer(kind, "resources", TAKEN, [_row(row) for row in every.items])
    found = resources.search(text=text, sort=sort, page=page_number(), per_page=PER_PAGE)
    listing = Listing(COLUMNS, found, sort, exportable=True)
    return render_template("admin/resources/list.html", listing=listing, form=form)


def _row(resource: Resource) -> tuple[object, ...]:
    known = resources.facts(resource)
    return tuple(known[name] for name in TAKEN)


@bp.get("/aliases")
def resource_aliases() -> str | Response:
    """All aliases, with the resources that are found under them."""
    form, sort = Filter(), asked_sort(ALIASES, "name")
    text = form.asked("q")
    if kind := export.wanted():
        every = resources.search_aliases(1, ALL, text, sort).items
        rows = ((alias.name, [resource.name for resource in alias.resources]) for alias in every)
        return export.answer(kind, "aliases", ("alias", "resources"), rows)
    found = resources.search_aliases(page_number(), PER_PAGE, text, sort)
    listing = Listing(ALIASES, found, sort, exportable=True)
    return render_template("admin/resources/aliases.html", listing=listing, form=form)


@bp.route("/aliases/<name>/delete", methods=["GET", "POST"])
def resource_alias_delete(name: str) -> Answer:
    """Delete an alias; resources stay, and are no longer found under it."""
    alias = resources.get_alias(name)
    known = ", ".join(resource.name for resource in alias.resources)
    deletion = Deletion(
        title=f"Delete the alias {name}?",
        consequences=(f"{known or 'No resource'} is found under it now.", "Resources stay."),
        back=url_for("admin.resource_aliases"),
        after=url_for("admin.resource_aliases"),
        done=f"The alias {name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        resources.alias_facts(alias),
        lambda form: resources.delete_alias(
            current.actor(), name, form.if_seen(resources.alias_facts)
        ),
    )


@bp.route("/new/resource", methods=["GET", "POST"])
def resource_new() -> str | Response:
    """Make one."""
    form = ResourceForm()
    if form.validate_on_submit():
        made = save(form, lambda: resources.create(current.actor(), form.wish()))
        if made is not None:
            flash(f"The resource {made.name} is made. Nodes can provide it now.", "success")
            _tell_untried(made)
            return redirect(url_for("admin.resource_list"))
    return render_template("admin/resources/edit.html", form=form, resource=None)


@bp.route("/resources/<name>", methods=["GET", "POST"])
def resource_edit(name: str) -> str | Response:
    """Change one."""
    resource = resources.get(name)
    form = ResourceForm.of(resource)
    if form.validate_on_submit():
        seen = form.if_seen(resources.facts)
        done = save(form, lambda: resources.change(current.actor(), name, form.change(), seen))
        if done is not None:
            flash(f"The resource {done.name} is saved.", "success")
            _tell_untried(done)
            return redirect(url_for("admin.resource_edit", name=done.name))
        resource = resources.get(name)
    if form.stale or not form.is_submitted():
        form.mark(resources.facts(resource))
    return render_template(
        "admin/resources/edit.html",
        form=form,
        resource=resource,
        changed=last_change("resource", resource.id) if form.stale else None,
    )


def _tell_untried(resource: Resource) -> None:
    """Say so where Prometheus could not look at the query."""
    if resource.usage_query and (why := measures.trouble(resource.usage_query)):
        flash(f"Its query was not tried. {why}", "warning")


@bp.route("/resources/<name>/delete", methods=["GET", "POST"])
def resource_delete(name: str) -> Answer:
    """Delete one, once it is clear what goes with it."""
    resource = resources.get(name)
    deletion = Deletion(
        title=f"Delete the resource {name}?",
        consequences=(
            "Nodes no longer provide it, and limits on it are deleted.",
            "Whatever was ever reserved, or is watched by a notification, cannot be deleted.",
        ),
        back=url_for("admin.resource_edit", name=name),
        after=url_for("admin.resource_list"),
        done=f"The resource {name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        resources.facts(resource),
        lambda form: resources.delete(current.actor(), name, form.if_seen(resources.facts)),
    )


@bp.get("/resources/<name>/history")
def resource_history(name: str) -> str:
    """What was done to it, by whom and when."""
    resource = resources.get(name)
    back = url_for("admin.resource_edit", name=name)
    return history_page("resource", resource.id, f"Resource {name}", back)
