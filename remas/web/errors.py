"""Error pages that say what happened and what to do next; JSON has its own elsewhere."""

import math
import time
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response as AnyResponse

from remas import clock
from remas.errors import (
    Busy,
    DomainError,
    Forbidden,
    GrafanaAway,
    MeasurementsAway,
    NoAnswerInTime,
    NotFound,
    NotSignedIn,
)
from remas.extensions import db, limiter

JSON_PATHS = "/api"
RETRY_SECONDS = 5  # what to wait when nobody knows better


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says: the heading, what happened, what helps."""

    title: str
    text: str
    help: str = ""


_BY_STATUS = {
    400: Words(
        "This request cannot be read",
        "Something in the address or in the form is not what was expected.",
        "Go back, reload the page and try again.",
    ),
    403: Words(
        "You may not do this",
        "This belongs to somebody else, or is for administrators.",
        "Ask its owner or an administrator.",
    ),
    404: Words(
        "There is nothing here",
        "The page does not exist, or no longer does.",
        "Check the address, or begin at the timeline.",
    ),
    405: Words(
        "Not like this",
        "The address exists, but cannot be used this way.",
        "It was perhaps a form that was opened as a page: go back to where it is.",
    ),
    409: Words(
        "This contradicts what is there",
        "Somebody changed it in the meantime, or it is in use. Nothing was changed.",
        "Go back, look at it again and repeat.",
    ),
    413: Words(
        "This is too much at once",
        "What was sent is larger than is taken here.",
        "Go back and send less.",
    ),
    429: Words(
        "Too many attempts",
        "To keep passwords safe, only so many tries are taken in a minute.",
    ),
    500: Words(
        "Something went wrong here",
        "This is our mistake, not yours. It has been written down with the time.",
        "Try again. If it stays like this, tell an administrator when it happened.",
    ),
    503: Words(
        "Just a moment",
        "A part of the service does not answer right now.",
        "Nothing is lost. Try again in a few seconds.",
    ),
}
_OLD_FORM = Words(
    "This form is too old",
    "It was opened before you signed in, or in another session, so it was not carried out.",
    "Go back, reload the page and send it again.",
)


def init_app(app: Flask) -> None:
    """Answer every error of a page with a page."""
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(DomainError, _of_domain)
    app.register_error_handler(OperationalError, _of_database)


def _of_http(error: HTTPException) -> AnyResponse:
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST or request.path.startswith(JSON_PATHS):
        return error.get_response()
    if isinstance(error, CSRFError):
        return _page(status, _OLD_FORM)
    if isinstance(error, InternalServerError) and error.original_exception:
        _forget_session()
    words = _BY_STATUS.get(status) or Words(error.name, error.description or "")
    response = _page(status, words)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _of_domain(error: DomainError) -> AnyResponse:
    for kind, status in (
        (NotFound, HTTPStatus.NOT_FOUND),
        (Forbidden, HTTPStatus.FORBIDDEN),
        (NotSignedIn, HTTPStatus.UNAUTHORIZED),
        ((Busy, GrafanaAway, MeasurementsAway, NoAnswerInTime), HTTPStatus.SERVICE_UNAVAILABLE),
    ):
        if isinstance(error, kind):
            known = _BY_STATUS.get(status)
            return _page(status, Words(error.title, error.detail, known.help if known else ""))
    return _page(HTTPStatus.CONFLICT, Words(error.title, error.detail, "Go back and try again."))


def _of_database(error: OperationalError) -> AnyResponse:
    current_app.logger.error("the database did not answer: %s", type(error.orig).__name__)
    _forget_session()
    return _page(HTTPStatus.SERVICE_UNAVAILABLE, _BY_STATUS[503])


def _forget_session() -> None:
    """Whatever was under way is given up; on a broken connection even that may fail."""
    try:
        db.session.rollback()
    except OperationalError:
        db.session.remove()


def _page(status: int, words: Words) -> Response:
    # Where the database may be the trouble, the page does without knowing who looks.
    alone = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    wait = _seconds_to_wait(status)
    response = make_response(
        render_template(
            "errors/page.html",
            status=status,
            words=words,
            alone=alone,
            wait=wait,
            moment_utc=clock.now().strftime("%Y-%m-%d %H:%M:%SZ"),
        ),
        status,
    )
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _seconds_to_wait(status: int) -> int | None:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return RETRY_SECONDS
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    limit = limiter.current_limit
    return max(1, math.ceil(limit.reset_at - time.time())) if limit else RETRY_SECONDS
