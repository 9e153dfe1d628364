"""Tokens for programs."""

from flask import Response, request

from remas.api import answers, schemas, shapes, throttle
from remas.api.blueprint import bp
from remas.api.etags import without_trace
from remas.api.spec import SIGN_IN, Who, describe
from remas.services import sessions
from remas.services.context import settings


@bp.post("/auth/token")
@throttle.by_address
@throttle.by_username
@describe(SIGN_IN, answers.Tokens, who=Who.ANYBODY, throttled=True, more=(401,))
def sign_in(json: schemas.SignIn) -> Response:
    """Sign in: a token for requests, and one to get the next pair with."""
    address, agent = request.remote_addr, request.user_agent.string
    pair = sessions.issue_tokens(settings(), json.username, json.password, address, agent)
    return without_trace(shapes.tokens(pair))


@bp.post("/auth/refresh")
@throttle.by_address
@describe(SIGN_IN, answers.Tokens, who=Who.ANYBODY, throttled=True, more=(401,))
def refresh(json: schemas.RefreshToken) -> Response:
    """The next pair of tokens.

    A refresh token is good for one use. Using it again ends the session: somebody has a copy.
    """
    return without_trace(shapes.tokens(sessions.refresh_tokens(settings(), json.refresh_token)))


@bp.post("/auth/revoke")
@describe(SIGN_IN, status=204, who=Who.ANYBODY)
def revoke(json: schemas.RefreshToken) -> tuple[str, int]:
    """Sign out: the session ends, with all its tokens. What is no token, is no error."""
    sessions.revoke(settings(), json.refresh_token)
    return "", 204
