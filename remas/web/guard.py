"""Every page wants somebody signed in, save the few named here."""

from urllib.parse import urlsplit

from flask import Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from remas.incoming import unstorable
from remas.web import current

OPEN_ENDPOINTS = frozenset(
    {
        "auth.login",
        "auth.leaving",
        "grafana_sign_in.check",
        "grafana_sign_in.stopped",
        "feeds.show",  # whoever has the address: it is the secret
        "reserved.show",  # Prometheus, by a token of its own
        "single_sign_on.begin",
        "single_sign_on.finish",
        "static",
        "bootstrap.static",
    }
)
OPEN_BLUEPRINTS = frozenset({"service", "passwords"})
OWN_DOORS = ("/api/", "/docs")  # these paths have their own way to tell who asks
WITH_ONE_TIME_PASSWORD = frozenset({"profile.password", "auth.logout"})


def init_app(app: Flask) -> None:
    """Guard all routes of the app, also those that are added later."""
    app.before_request(_refuse_unstorable)
    app.before_request(_require_person)


def _refuse_unstorable() -> None:
    """For what no database keeps: 404 where it stands for a name, 400 in a query or a form."""
    if request.path.startswith(OWN_DOORS):
        return
    if unstorable(request.path):
        abort(404)
    texts = (value for part in (request.args, request.form) for _, value in part.items(multi=True))
    if any(map(unstorable, texts)):
        abort(400)


def _require_person() -> Response | None:
    if request.endpoint is None or _is_open():
        return None
    if not current.signed_in():
        return redirect(url_for("auth.login", next=_here()))
    if current.actor().must_change_password and request.endpoint not in WITH_ONE_TIME_PASSWORD:
        return redirect(url_for("profile.password", next=_here()))
    return None


def _is_open() -> bool:
    blueprint = request.blueprint or ""
    return (
        request.endpoint in OPEN_ENDPOINTS
        or blueprint in OPEN_BLUEPRINTS
        or request.path.startswith(OWN_DOORS)
    )


def _here() -> str | None:
    """Where to come back to; None for the start page and for what cannot be looked at."""
    if request.method not in ("GET", "HEAD") or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def own_path(target: str | None) -> str:
    """`target` if it is a path of this site, else the start page.

    Browsers take a backslash for a slash and skip control characters, so those are refused.
    """
    start: str = url_for("timeline.index")
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return start
    if not target.isprintable():
        return start
    parts = urlsplit(target)
    return start if parts.scheme or parts.netloc else target
