"""Signing in, and passwords."""

from datetime import timedelta

from flask import Response, request

from remas.compat import answers, bodies, schemas, throttle
from remas.compat.blueprint import (
    NOT_VALID,
    actor,
    bp,
    for_administrators,
    token_or_refuse,
)
from remas.compat.errors import Refused, invalid_as
from remas.errors import Invalid, NotSignedIn, WrongToken
from remas.services import by_id, sessions, users
from remas.services.context import settings
from remas.services.sessions import TokenPair

GRACE = timedelta(seconds=30)
"""A front end sends several requests at once, each of which refreshes first."""


@bp.post("/authentication/token")
@throttle.by_address
@throttle.by_username
def sign_in() -> Response:
    """A pair of tokens for a username and a password."""
    form = bodies.read_form(schemas.SignIn)
    address, agent = request.remote_addr, request.user_agent.string
    try:
        pair = sessions.issue_tokens(settings(), form.username, form.password, address, agent)
    except NotSignedIn:
        raise Refused(401, "Wrong username or password!") from None
    return bodies.answer(_told(pair))


@bp.post("/authentication/refresh")
@throttle.by_address
def refresh() -> Response:
    """The next pair for a refresh token, which is sent as the bearer token."""
    token = token_or_refuse()
    try:
        pair = sessions.refresh_tokens(settings(), token, GRACE)
    except WrongToken:
        raise Refused(401, "Access token was used instead of refresh token!") from None
    except NotSignedIn:
        raise Refused(401, NOT_VALID) from None
    return bodies.answer(_told(pair))


@bp.post("/authentication/change_password")
@throttle.by_holder
def change_password() -> Response:
    """One's own password. All other sessions and tokens of the person end."""
    body = bodies.read(schemas.OwnPassword)
    try:
        with invalid_as(400):
            users.change_password(actor(), body.old_password, body.new_password)
    except Refused as refused:
        raise _wrong_old(refused) from None
    return bodies.done("Password changed successfully!")


@bp.post("/authentication/set_password")
@for_administrators
def set_password() -> Response:
    """Somebody's password. All sessions and tokens of that person end."""
    body = bodies.read(schemas.OthersPassword)
    username = by_id.account(body.user_id).user.username
    with invalid_as(400):
        users.set_password(actor(), username, body.new_password)
    return bodies.done("Password set successfully!")


def _told(pair: TokenPair) -> answers.TokenPair:
    return answers.TokenPair(access_token=pair.access_token, refresh_token=pair.refresh_token)


def _wrong_old(refused: Refused) -> Refused:
    """The wire tells a wrong old password by 401."""
    cause = refused.__cause__
    if isinstance(cause, Invalid) and "current_password" in cause.errors:
        return Refused(401, "Wrong password!")
    return refused
