"""Signing in at the OpenID Connect provider, where there is one."""

from flask import Blueprint, abort, flash, g, redirect, request, session, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from remas.errors import NotSignedIn
from remas.extensions import limiter
from remas.services import single_sign_on
from remas.services.context import settings
from remas.services.single_sign_on import CALLBACK, Pending
from remas.web import current
from remas.web.guard import own_path

blueprint = Blueprint("single_sign_on", __name__)
KEPT = "single_sign_on"  # in the cookie, from here to the provider and back


def _failed(response: Response) -> bool:
    return bool(g.get("sign_in_failed"))


# Counted together with the attempts at passwords.
by_address = limiter.shared_limit(
    "30 per minute", "sign-in by address", key_func=get_remote_address, deduct_when=_failed
)


@blueprint.get("/login/sso")
@limiter.limit("60 per minute")  # each asks the provider something
@by_address
def begin() -> Response:
    """Off to the provider."""
    _only_with_provider()
    target = own_path(request.args.get("next"))
    if current.signed_in():
        return redirect(target)
    try:
        url, pending = single_sign_on.begin(settings(), target)
    except NotSignedIn as refused:
        return _back(refused)
    session[KEPT] = pending.kept()
    return redirect(url)


@blueprint.get(CALLBACK)
@by_address
def finish() -> Response:
    """Back from the provider."""
    _only_with_provider()
    kept = session.pop(KEPT, None)
    pending = Pending.of(kept) if kept else None
    try:
        answer = request.args.to_dict()
        address, agent = request.remote_addr, request.user_agent.string
        current.begin(single_sign_on.finish(settings(), pending, answer, address, agent))
    except NotSignedIn as refused:
        return _back(refused)
    return redirect(own_path(pending.target if pending else None))


def _only_with_provider() -> None:
    if not settings().oidc.enabled:
        abort(404)


def _back(refused: NotSignedIn) -> Response:
    g.sign_in_failed = True
    flash(refused.detail, "danger")
    return redirect(url_for("auth.login"))
