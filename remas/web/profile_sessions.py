"""Where one is signed in, on the profile page: to be looked at, and ended."""

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from remas.errors import NotFound
from remas.services import open_sessions
from remas.web import current

blueprint = Blueprint("profile_sessions", __name__, url_prefix="/profile/sessions")
PLACE = "sessions"  # the list's place on the profile page


@blueprint.post("/<session_id>/end")
def end(session_id: str) -> Response:
    """Sign out somewhere."""
    try:
        open_sessions.end(current.actor(), session_id)
    except NotFound as gone:
        flash(gone.detail, "warning")
    else:
        flash("That session is signed out.", "success")
    return _list()


@blueprint.post("/end-others")
def end_others() -> Response:
    """Sign out everywhere but here."""
    number = open_sessions.end_others(current.actor())
    flash(_told(number), "success")
    return _list()


def _told(number: int) -> str:
    if number == 0:
        return "You are signed in nowhere else."
    return "One other session is signed out." if number == 1 else f"{number} others are signed out."


def _list() -> Response:
    return redirect(url_for("profile.index", _anchor=PLACE))
