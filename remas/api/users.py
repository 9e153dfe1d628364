"""Users, for administrators; for others, how to reach people."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, if_match, shown, without_trace
from remas.api.spec import PEOPLE, POLICY, Who, describe
from remas.services import limit_admin, users
from remas.services.paging import Page


@bp.get("/users")
@describe(PEOPLE, answers.UserList, cached=True)
def list_users(query: queries.Users, headers: queries.IfNoneMatch) -> Response:
    """Users by username. Others than administrators see how to reach them."""
    wanted = users.UserFilter(query.q, query.group, query.active)
    found = users.search(actor(), wanted, query.page, query.per_page)
    return shown(shapes.listing(found, shapes.account_for(actor())))


@bp.post("/users")
@describe(PEOPLE, answers.NewUser, 201, who=Who.ADMINS, conflict=answers.TakenProblem)
def post_user(json: schemas.UserPost) -> Response:
    """Make an account.

    Without a password, `initial_password` is one for the first sign-in: it is told only here.
    """
    account = users.create(actor(), json.wish())
    return without_trace(
        shapes.account(account) | shapes.secret(account.initial_password),
        201,
        address(".get_user", username=account.user.username),
    )


@bp.get("/users/<username>")
@describe(PEOPLE, answers.ShownUser, cached=True)
def get_user(username: str, headers: queries.IfNoneMatch) -> Response:
    """One user: all of it to administrators and the person, to others how to reach them."""
    return shown(shapes.account_for(actor())(users.get(actor(), username)))


@bp.patch("/users/<username>")
@describe(PEOPLE, answers.User, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def patch_user(username: str, json: schemas.UserPatch, headers: queries.IfMatch) -> Response:
    """Change an account. Deactivating it ends its sessions."""
    account = users.change(actor(), username, json.wish(), if_match(shapes.account))
    return shown(shapes.account(account))


@bp.delete("/users/<username>")
@describe(PEOPLE, status=204, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def delete_user(username: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete an account that never reserved anything, with its limits and tags."""
    users.delete(actor(), username, if_match(shapes.account))
    return "", 204


@bp.put("/users/<username>/password")
@describe(PEOPLE, answers.NewUser, who=Who.ADMINS)
def put_password(username: str, json: schemas.OthersPassword) -> Response:
    """Set somebody's password, or have a one-time password made. All their sessions end."""
    made = users.set_password(actor(), username, json.new_password)
    account = users.get(actor(), username)
    return without_trace(shapes.account(account) | shapes.secret(made))


@bp.get("/users/<username>/limits")
@describe(POLICY, answers.EffectiveLimitList, cached=True)
def list_effective_limits(
    username: str, query: queries.Paging, headers: queries.IfNoneMatch
) -> Response:
    """The limits in force for a user, nearest level first: your own, or as an administrator."""
    limits = limit_admin.effective(actor(), username)
    page = Page.cut(limits, query.page, query.per_page)
    return shown(shapes.listing(page, shapes.effective_limit))
