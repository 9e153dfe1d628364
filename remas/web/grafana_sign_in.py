"""For the proxy in front of Grafana: who is this, and what to show those whom it stops.

docs/grafana-sign-in.md describes the other half; docs/proxy/ holds it for nginx and Caddy.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from remas.services import grafana_accounts
from remas.services.context import settings
from remas.services.grafana_accounts import NOT_YET, Entrance
from remas.web import current
from remas.web.guard import own_path

blueprint = Blueprint("grafana_sign_in", __name__, url_prefix="/login/grafana")

LOGIN_HEADER = "X-WEBAUTH-USER"
ASKED_FOR = "X-Original-URI"  # what the proxy stopped: path and query, as the browser sent them


@blueprint.get("/check")
def check() -> Response:
    """Whether the browser's session opens Grafana, and to whom: 200 with a header, else 401.

    Only the cookie counts. Nothing else is answered, and nothing is noted: the proxy asks for each
    request to Grafana.
    """
    _only_with_proxy()
    session_id = current.session_id()
    login = grafana_accounts.login_of_session(session_id) if session_id else None
    answer = Response(status=HTTPStatus.OK if login else HTTPStatus.UNAUTHORIZED)
    if login:
        answer.headers[LOGIN_HEADER] = encoded(login)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("")
def stopped() -> str | AnyResponse:
    """In Grafana's place, for whom the proxy or Grafana does not let in: sign in, or why not."""
    _only_with_proxy()
    asked = request.headers.get(ASKED_FOR)
    target = own_path(asked or _start_of_grafana())
    if not current.signed_in():
        return redirect(url_for("auth.login", next=target))
    actor = current.actor()
    if actor.must_change_password:
        return redirect(url_for("profile.password", next=target))
    reason = grafana_accounts.why_not(actor) or NOT_YET
    return render_template("auth/grafana.html", reason=reason, target=target)


def encoded(login: str) -> str:
    """As Grafana reads it with `headers_encoded`: quoted-printable, in one line."""
    return "".join(
        chr(byte) if "!" <= chr(byte) <= "~" and chr(byte) != "=" else f"={byte:02X}"
        for byte in login.encode()
    )


def _start_of_grafana() -> str:
    return urlsplit(settings().grafana_redirect_url).path + "/"


def _only_with_proxy() -> None:
    if grafana_accounts.entrance() is not Entrance.PROXY:
        abort(404)
