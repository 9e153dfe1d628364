"""Accounts: found, made, changed, closed and opened again, deleted where nothing hangs on them."""

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.deleting import Answer, Deletion, ask_and_delete
from remas.admin.history import last_change
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.edit import Sure
from remas.forms.users import CloseForm, UserForm, UserNewForm, UserSearch
from remas.models import USERS, Status, User
from remas.services import belongings, deactivation, group_tree, uids, user_search, users
from remas.services.belongings import OfUser
from remas.services.deactivation import Closed
from remas.services.user_facts import facts
from remas.services.users import Account, UserChange
from remas.web import current, export
from remas.web.profile import ZONES
from remas.web.saving import save

COLUMNS = (
    Column("Username", "username"),
    Column("Name", "name"),
    Column("Surname", "surname"),
    Column("E-mail", "email"),
    Column("UID", "uid", number=True),
    Column("Group", "group"),
    Column("Made", "created"),
)
TAKEN = ("username", "name", "surname", "email", "uid", "group", "time_zone", "active", "is_admin")


@bp.get("/users")
def user_list() -> str | Response:
    """All accounts."""
    actor = current.actor()
    form = UserSearch(group_tree.names_outside(actor))
    wanted, sort = form.wanted(), asked_sort(COLUMNS, "username")
    if kind := export.wanted():
        every = user_search.search(actor, wanted, per_page=ALL, sort=sort)
        return export.answer(kind, "users", TAKEN, (_row(account) for account in every.items))
    found = user_search.search(actor, wanted, page_number(), PER_PAGE, sort)
    listing = Listing(COLUMNS, found, sort, exportable=True)
    return render_template("admin/users/list.html", listing=listing, form=form)


def _row(account: Account) -> tuple[object, ...]:
    known = facts(account.user)
    return (*(known[name] for name in TAKEN[:-1]), account.is_admin)


@bp.route("/new/user", methods=["GET", "POST"])
def user_new() -> str | Response:
    """Make one; its one-time password is told on the page that follows, and nowhere else."""
    actor = current.actor()
    names = group_tree.names_outside(actor)
    form = UserNewForm(data={"uid": uids.suggested(actor), "group": group_tree.name_of(USERS)})
    form.offer(names)
    if form.validate_on_submit():
        made = save(form, lambda: users.create(current.actor(), form.wish()))
        if made is not None:
            return _told_once(made.user, made.initial_password, new=True)
    return render_template("admin/users/new.html", form=form, zones=ZONES)


@bp.route("/users/<username>", methods=["GET", "POST"])
def user_edit(username: str) -> str | Response:
    """Change one."""
    actor = current.actor()
    account = users.get(actor, username)
    form = UserForm.of(account.user, group_tree.names_outside(actor))
    if form.validate_on_submit():
        seen = form.if_seen(_facts)
        done = save(form, lambda: users.change(current.actor(), username, form.change(), seen))
        if done is not None:
            flash(f"The account {username} is saved.", "success")
            return redirect(url_for("admin.user_edit", username=username))
        account = users.get(actor, username)
    if form.stale or not form.is_submitted():
        form.mark(_facts(account))
    return render_template(
        "admin/users/edit.html",
        form=form,
        account=account,
        zones=ZONES,
        changed=last_change("user", account.user.id) if form.stale else None,
    )


@bp.route("/users/<username>/password", methods=["GET", "POST"])
def user_password(username: str) -> str | Response:
    """Give somebody a one-time password."""
    account, form = users.get(current.actor(), username), Sure()
    if form.validate_on_submit():
        return _told_once(account.user, users.set_password(current.actor(), username), new=False)
    return render_template("admin/users/password.html", form=form, account=account)


@bp.route("/users/<username>/active", methods=["GET", "POST"])
def user_active(username: str) -> Answer:
    """Close an account, or open it again."""
    actor = current.actor()
    account, form = users.get(actor, username), CloseForm()
    ahead = deactivation.ahead(actor, account.user)
    form.about(ahead)
    if form.validate_on_submit():
        wish, seen = _turned(account, form), form.if_seen(_facts)
        done = save(form, lambda: users.change(current.actor(), username, wish, seen))
        if done is not None:
            flash(_said(username, done.closed), "success")
            return redirect(url_for("admin.user_edit", username=username))
        account = users.get(actor, username)
    form.mark(_facts(account))
    return render_template("admin/users/active.html", form=form, account=account, ahead=ahead)


@bp.route("/users/<username>/delete", methods=["GET", "POST"])
def user_delete(username: str) -> Answer:
    """Delete one that never reserved anything, once it is clear what goes with it."""
    actor = current.actor()
    account = users.get(actor, username)
    hanging = belongings.of_users(actor, [account.user.id], (Status.SCHEDULED,))
    deletion = Deletion(
        title=f"Delete the account {username}?",
        consequences=(
            "Whoever ever reserved anything cannot be deleted: deactivate the account instead.",
            _what_goes(hanging[account.user.id]),
        ),
        lost=tuple(_told(hanging[account.user.id])),
        back=url_for("admin.user_edit", username=username),
        after=url_for("admin.user_list"),
        done=f"The account {username} is deleted.",
    )
    return ask_and_delete(
        deletion,
        _facts(account),
        lambda form: users.delete(current.actor(), username, form.if_seen(_facts)),
    )


def _facts(account: Account) -> dict[str, object]:
    return facts(account.user)


def _turned(account: Account, form: CloseForm) -> UserChange:
    if not account.user.active:
        return UserChange(active=True)
    return UserChange(active=False, cancel_coming_reservations=form.cancels)


def _said(username: str, closed: Closed | None) -> str:
    """What became of what was reserved."""
    if closed is None:
        return f"The account {username} is active again."
    texts = [f"The account {username} is deactivated; its sessions and tokens have ended."]
    for number, what in (
        (closed.cancelled, "{} cancelled."),
        (closed.scheduled, "{} still to come."),
        (closed.running, "{} still running; release what is not needed on its page."),
    ):
        if number:
            have = "1 reservation is" if number == 1 else f"{number} reservations are"
            texts.append(what.format(have))
    return " ".join(texts)


def _what_goes(hanging: OfUser) -> str:
    if any(_told(hanging)):
        return "With the account goes:"
    return "Nothing but its sessions, tokens and calendar feeds goes with it."


def _told(hanging: OfUser) -> list[str]:
    return [
        *(f"limit “{limit.name}”" for limit in hanging.limits),
        *(f"tag “{tag.name}”" for tag in hanging.tags),
        *(f"notification “{one.name}” of their own" for one in hanging.created),
    ]


def _told_once(user: User, password: str | None, *, new: bool) -> FlaskResponse:
    """The password, on a page that nobody keeps."""
    page = render_template("admin/users/password_told.html", user=user, password=password, new=new)
    return FlaskResponse(page, headers={"Cache-Control": "no-store"})
