"""The tree of groups: who is in which, what it shares, and what goes when one is deleted."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import Tab, history_page, last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.filters import Filter
from remas.forms.groups import GroupForm, MemberSearch
from remas.forms.users import PickForm
from remas.models import EVERYONE, Group
from remas.services import belongings, group_tree, groups, user_search
from remas.services.belongings import OfGroup
from remas.services.user_search import UserFilter
from remas.web import current, export
from remas.web.saving import save

TABS = (
    ("admin.group_edit", "Details"),
    ("admin.group_members", "Members"),
    ("admin.group_history", "History"),
)
MEMBERS = (
    Column("Username", "username"),
    Column("Name", "name"),
    Column("Surname", "surname"),
    Column("E-mail", "email"),
)
TAKEN = (
    *("name", "description", "parent", "users_share_statistics", "members", "members_below"),
    "administrators",
)
FOUND = 20  # people offered at once to be moved into a group


def tabs_of(name: str) -> tuple[Tab, ...]:
    """The parts of a group's pages, this one marked."""
    here = request.endpoint
    return tuple((url_for(endpoint, name=name), text, endpoint == here) for endpoint, text in TABS)


bp.add_app_template_global(tabs_of, "group_tabs")


@bp.get("/groups")
def group_list() -> str | Response:
    """The tree."""
    actor, form = current.actor(), Filter()
    text = form.asked("q")
    if kind := export.wanted():
        branches = group_tree.tree(actor, text, per_page=ALL).items
        rows = (_row(branch) for branch in branches if not branch.shown_for)
        return export.answer(kind, "groups", TAKEN, rows)
    found = group_tree.tree(actor, text, page_number())
    return render_template(
        "admin/groups/list.html",
        branches=found.items,
        listing=Listing((), found, "", exportable=True),
        form=form,
    )


def _row(branch: group_tree.Branch) -> tuple[object, ...]:
    group = branch.group
    parent = group.parent.name if group.parent else None
    known = group.name, group.description, parent, group.users_share_statistics
    return (*known, branch.members, branch.below, branch.administrators)


@bp.route("/new/group", methods=["GET", "POST"])
def group_new() -> str | Response:
    """Make one."""
    actor = current.actor()
    above = request.args.get("below") or group_tree.name_of(EVERYONE)
    form = GroupForm(data={"parent": above, "users_share_statistics": True})
    form.offer(group_tree.names_outside(actor))
    if form.validate_on_submit():
        made = save(form, lambda: groups.create(current.actor(), form.wish()))
        if made is not None:
            flash(f"The group {made.name} is made. Put people into it here.", "success")
            return redirect(url_for("admin.group_members", name=made.name))
    return render_template("admin/groups/new.html", form=form)


@bp.route("/groups/<name>", methods=["GET", "POST"])
def group_edit(name: str) -> str | Response:
    """Change one."""
    actor = current.actor()
    group = groups.get(actor, name)
    stays = group.id in groups.KEPT
    form = GroupForm.of(group, group_tree.names_outside(actor, name), stays=stays)
    if form.validate_on_submit():
        seen = form.if_seen(_facts)
        done = save(form, lambda: groups.change(current.actor(), name, form.change(), seen))
        if done is not None:
            flash(f"The group {done.name} is saved.", "success")
            return redirect(url_for("admin.group_edit", name=done.name))
        group = groups.get(actor, name)
    if form.stale or not form.is_submitted():
        form.mark(_facts(group))
    return render_template(
        "admin/groups/edit.html",
        form=form,
        group=group,
        stays=stays,
        administrators=group_tree.makes_administrators(actor, name),
        hanging=belongings.of_groups(actor, [group.id])[group.id],
        changed=last_change("group", group.id) if form.stale else None,
    )


@bp.route("/groups/<name>/members", methods=["GET", "POST"])
def group_members(name: str) -> str | Response:
    """Who is in it; and finding others to move them here."""
    actor = current.actor()
    form, pick = MemberSearch(), PickForm()
    who, sort = form.asked("who"), asked_sort(MEMBERS, "username")
    found = user_search.search(actor, UserFilter(text=who, outside=name), per_page=FOUND)
    pick.among([account.user for account in found.items])
    if pick.validate_on_submit():
        moved = tuple(pick.usernames.data)
        if save(pick, lambda: groups.join(current.actor(), name, moved)) is not None:
            flash(f"Moved into {name}: {', '.join(moved)}.", "success")
            return redirect(url_for("admin.group_members", name=name))
    group = groups.get(actor, name)
    inside = UserFilter(text=form.asked("q"), group=name)
    members = user_search.search(actor, inside, page_number(), PER_PAGE, sort)
    return render_template(
        "admin/groups/members.html",
        group=group,
        listing=Listing(MEMBERS, members, sort),
        form=form,
        pick=pick,
        who=who,
        more=found.total - len(found.items),
    )


@bp.route("/groups/<name>/delete", methods=["GET", "POST"])
def group_delete(name: str) -> Answer:
    """Delete one, once it is clear what moves and what goes."""
    actor = current.actor()
    group = groups.get(actor, name)
    hanging = belongings.of_groups(actor, [group.id])[group.id]
    deletion = Deletion(
        title=f"Delete the group {name}?",
        consequences=_consequences(group, hanging),
        lost=(
            *(f"limit “{limit.name}”, deleted" for limit in hanging.limits),
            *(f"notification “{one.name}”, no longer for them" for one in hanging.notifications),
        ),
        back=url_for("admin.group_edit", name=name),
        after=url_for("admin.group_list"),
        done=f"The group {name} is deleted.",
    )
    return ask_and_delete(
        deletion,
        _facts(group),
        lambda form: groups.delete(current.actor(), name, form.if_seen(_facts)),
    )


@bp.get("/groups/<name>/history")
def group_history(name: str) -> str:
    """What was done to it, by whom and when."""
    group = groups.get(current.actor(), name)
    back = url_for("admin.group_edit", name=name)
    return history_page("group", group.id, name, back, tabs_of(name))


def _facts(group: Group) -> dict[str, object]:
    """What its form is about: who is in it comes and goes on another page."""
    return {key: value for key, value in groups.facts(group).items() if key != "members"}


def _consequences(group: Group, hanging: OfGroup) -> tuple[str, ...]:
    if group.id in groups.KEPT:
        return ("This group always exists: it can be renamed, but not deleted.",)
    refuge = group.parent.name if group.parent else group_tree.name_of(EVERYONE)
    members, children = len(group.members), [child.name for child in hanging.children]
    texts = []
    if members:
        who = "Its one member moves" if members == 1 else f"Its {members} members move"
        texts.append(f"{who} to {refuge}.")
    if children:
        where = f"below {group.parent.name}" if group.parent else "to the top of the tree"
        texts.append(f"The groups below it move {where}: {', '.join(children)}.")
    if not texts:
        texts.append("Nobody is in it, and no group is below it.")
    if hanging.limits or hanging.notifications:
        texts.append("What was set for it goes with it:")
    return tuple(texts)
