"""Signing in and out."""

from hashlib import sha256
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from remas.errors import NotSignedIn
from remas.extensions import limiter
from remas.forms.account import SignInForm
from remas.services import sessions
from remas.services.context import settings
from remas.web import current
from remas.web.guard import own_path

blueprint = Blueprint("auth", __name__)


def _username() -> str:
    """Who is to be signed in, as a directory compares names. Hashed: it may be of any length."""
    username = request.form.get("username", "").strip().casefold()
    return sha256(username.encode("utf-8", "surrogatepass")).hexdigest()


def _failed(response: Response) -> bool:
    """Whether nobody was signed in: who is, is sent on."""
    return response.status_code == HTTPStatus.OK


# Attempts count together with those at the API: the scopes have the same names there.
by_address = limiter.shared_limit(
    "30 per minute",
    "sign-in by address",
    key_func=get_remote_address,
    deduct_when=_failed,
    methods=["POST"],
)
by_username = limiter.shared_limit(
    "10 per minute",
    "sign-in by username",
    key_func=_username,
    deduct_when=_failed,
    methods=["POST"],
)


@blueprint.route("/login", methods=["GET", "POST"])
@by_address
@by_username
def login() -> str | Response:
    """The sign-in page."""
    target = own_path(request.values.get("next"))
    if current.signed_in():
        return redirect(target)
    form = SignInForm()
    if form.validate_on_submit():
        username, password = form.username.data.strip(), form.password.data
        try:
            current.begin(_begun(username, password))
        except NotSignedIn as refused:
            form.refuse({"password": [refused.detail]}, {})
        else:
            return redirect(target)
    form.next.data = request.values.get("next", "")
    return render_template("auth/login.html", form=form, oidc=settings().oidc)


def _begun(username: str, password: str) -> str:
    address, agent = request.remote_addr, request.user_agent.string
    return sessions.sign_in(username, password, address, agent)


@blueprint.get("/logout")
def leaving() -> str | Response:
    """Asks once more: from Grafana people come here by a link, and a link is to end nothing."""
    if not current.signed_in():
        return redirect(url_for("auth.login"))
    return render_template("auth/leaving.html")


@blueprint.post("/logout")
def logout() -> Response:
    """End the session, here and in the database."""
    sessions.sign_out(current.actor().session_id or "")
    current.end()
    flash("You are signed out.", "success")
    return redirect(url_for("auth.login"))
