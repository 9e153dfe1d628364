"""Users, for administrators; for others, how to reach people."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, if_match, shown, without_trace
from remas.api.spec import PEOPLE, POLICY, SIGN_IN, Who, describe
from remas.services import limit_admin, tokens_of_others, users
from remas.services.paging import Page
from remas.services.user_search import UserFilter, search


@bp.get("/users")
@describe(PEOPLE, answers.UserList, cached=True)
def list_users(query: queries.Users, headers: queries.IfNoneMatch) -> Response:
    """Users, by username unless `sort` says otherwise. Others see only how to reach them."""
    wanted = UserFilter(
        text=query.q,
        group=query.group,
        subgroups=query.subgroups,
        active=query.active,
        administrators=query.administrators,
        outside=query.outside,
        one_time_password=query.one_time_password,
    )
    found = search(actor(), wanted, query.page, query.per_page, query.sort)
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
    """Change an account.

    Deactivating it ends its sessions and tokens. What it has reserved stays, unless
    `cancel_coming_reservations` is true: then whatever has not begun is cancelled with it.
    """
    account = users.change(actor(), username, json.wish(), if_match(shapes.account))
    return shown(shapes.account(account))


@bp.delete("/users/<username>")
@describe(PEOPLE, status=204, who=Who.ADMINS, conflict=answers.InUseProblem, stale=True)
def delete_user(username: str, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete an account that never reserved anything, with its limits and tags."""
    users.delete(actor(), username, if_match(shapes.account))
    return "", 204


@bp.put("/users/<username>/password")
@describe(PEOPLE, answers.NewUser, who=Who.ADMINS, people_only=True)
def put_password(username: str, json: schemas.OthersPassword) -> Response:
    """Set somebody's password, or have a one-time password made. All their sessions end."""
    made = users.set_password(actor(), username, json.new_password)
    account = users.get(actor(), username)
    return without_trace(shapes.account(account) | shapes.secret(made))


@bp.get("/users/<username>/tokens")
@describe(SIGN_IN, answers.AccessTokenList, who=Who.ADMINS, cached=True)
def list_tokens(username: str, query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Somebody's access tokens that still count, latest first."""
    users.get(actor(), username)
    page = Page.cut(tokens_of_others.of(actor(), username), query.page, query.per_page)
    return shown(shapes.listing(page, shapes.access_token_for(actor())))


@bp.delete("/users/<username>/tokens/<int:token_id>")
@describe(SIGN_IN, status=204, who=Who.ADMINS, people_only=True)
def delete_token(username: str, token_id: int) -> tuple[str, int]:
    """Revoke an access token of somebody, at once."""
    tokens_of_others.revoke(actor(), username, token_id)
    return "", 204


@bp.get("/users/<username>/limits")
@describe(POLICY, answers.EffectiveLimitList, cached=True)
def list_effective_limits(
    username: str, query: queries.Paging, headers: queries.IfNoneMatch
) -> Response:
    """The limits in force for a user, nearest level first: your own, or as an administrator."""
    limits = limit_admin.effective(actor(), username)
    page = Page.cut(limits, query.page, query.per_page)
    return shown(shapes.listing(page, shapes.effective_limit))
