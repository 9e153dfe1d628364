"""Where people are signed in: one's own, and as an administrator anybody's."""

from flask import Response

from remas.api import answers, queries, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import SIGN_IN, Who, describe
from remas.services import open_sessions
from remas.services.open_sessions import OpenSession
from remas.services.paging import Page


def _listed(found: list[OpenSession], query: queries.Paging) -> Response:
    return shown(shapes.listing(Page.cut(found, query.page, query.per_page), shapes.open_session))


@bp.get("/me/sessions")
@describe(SIGN_IN, answers.OpenSessionList, cached=True)
def list_my_sessions(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Where you are signed in, with browsers and with programs, the last used first."""
    return _listed(open_sessions.own(actor()), query)


@bp.delete("/me/sessions")
@describe(SIGN_IN, status=204, people_only=True)
def delete_my_other_sessions() -> tuple[str, int]:
    """Sign out everywhere but where you ask."""
    open_sessions.end_others(actor())
    return "", 204


@bp.delete("/me/sessions/<session_id>")
@describe(SIGN_IN, status=204, people_only=True)
def delete_my_session(session_id: str) -> tuple[str, int]:
    """Sign out there. Ending the session in which you ask is signing out."""
    open_sessions.end(actor(), session_id, actor().username)
    return "", 204


@bp.get("/users/<username>/sessions")
@describe(SIGN_IN, answers.OpenSessionList, who=Who.ADMINS, cached=True)
def list_sessions(username: str, query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Where somebody is signed in."""
    return _listed(open_sessions.of(actor(), username), query)


@bp.delete("/users/<username>/sessions")
@describe(SIGN_IN, status=204, who=Who.ADMINS, people_only=True)
def delete_sessions(username: str) -> tuple[str, int]:
    """Sign somebody out everywhere."""
    open_sessions.end_of(actor(), username)
    return "", 204


@bp.delete("/users/<username>/sessions/<session_id>")
@describe(SIGN_IN, status=204, who=Who.ADMINS, people_only=True)
def delete_session(username: str, session_id: str) -> tuple[str, int]:
    """Sign somebody out there."""
    open_sessions.end(actor(), session_id, username)
    return "", 204
