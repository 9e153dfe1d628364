"""Every error as `{"detail": "<string>"}`: never a list, HTML, or a database's words."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from remas import errors
from remas.extensions import limiter

RETRY_SECONDS = 5  # what to wait when nobody knows better
BUG = "Something went wrong that should not have. It is in the server's log."
UNAVAILABLE = "The database does not answer. Try again in a moment."
TOO_OFTEN = "Too many attempts. Wait a little."
TOO_LARGE = "The body is larger than the service takes."

_STATUS: dict[type[errors.DomainError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.NotSignedIn: 401,
    errors.PasswordChangeRequired: 403,
    errors.ReadOnlyToken: 403,
    errors.Invalid: 422,
    errors.Conflict: 409,
    errors.Stale: 409,
    errors.Busy: 503,
    errors.NoAnswerInTime: 503,
}
_TEXTS = {404: "Not Found", 405: "Method Not Allowed", 413: TOO_LARGE, 429: TOO_OFTEN}
_FIELDS = {
    "starts_at": "start_time",
    "ends_at": "end_time",
    "allocations": "resource_allocations",
    "template": "notification_template",
    "current_password": "old_password",
    "start": "start_time",
    "end": "end_time",
}
"""What the wire calls fields that the services call otherwise."""


class Refused(Exception):
    """An answer with the wire's own status and words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def init_app(blueprint: Blueprint) -> None:
    """Answer every error of the blueprint's views."""
    blueprint.register_error_handler(Refused, _of_refused)
    blueprint.register_error_handler(errors.DomainError, _of_domain)
    blueprint.register_error_handler(errors.NoRoom, _of_no_room)
    blueprint.register_error_handler(HTTPException, _of_http)
    blueprint.register_error_handler(OperationalError, _of_database)
    blueprint.register_error_handler(Exception, _of_bug)


@contextmanager
def invalid_as(status: int) -> Iterator[None]:
    """Around a service: what it finds wrong in the fields gets this status."""
    try:
        yield
    except errors.Invalid as error:
        raise Refused(status, in_words(error)) from error


@contextmanager
def storing(kind: str) -> Iterator[None]:
    """Around a service that stores a `kind`: a name that is taken is told as the wire tells it."""
    try:
        yield
    except errors.NameTaken as error:
        text = f"Failed to create {kind} in database due to conflict:\n{error.detail}"
        raise Refused(409, text) from error


def in_words(error: errors.Invalid) -> str:
    """What is wrong, each text after the name of its field."""
    return " ".join(
        f"{_on_the_wire(path)}: {text}" for path, texts in error.errors.items() for text in texts
    )


def of_routing(error: HTTPException) -> Response:
    """An address that nobody has; with a slash too many it leads to the one without."""
    path = request.path.rstrip("/")
    if isinstance(error, NotFound) and path != request.path and _is_known(path):
        query = f"?{request.query_string.decode('ascii', 'ignore')}".rstrip("?")
        return Response(status=307, headers={"Location": quote(path) + query})
    return _of_http(error)


def _is_known(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    try:
        return adapter is not None and bool(adapter.match(path, request.method))
    except HTTPException:
        return False


def _answer(status: int, detail: str) -> Response:
    response = Response(json.dumps({"detail": detail}), status, mimetype="application/json")
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_refused(error: Refused) -> Response:
    return _answer(error.status, error.detail)


def _of_domain(error: errors.DomainError) -> Response:
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    response = _answer(status, _detail(error))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_SECONDS))
    return response


def _detail(error: errors.DomainError) -> str:
    if isinstance(error, errors.Invalid):
        return in_words(error)
    if isinstance(error, errors.InUse):
        return "\n".join([error.detail, *error.things])
    return error.detail


def _of_no_room(error: errors.NoRoom) -> Response:
    return _answer(HTTPStatus.CONFLICT, f"{error.title}.")


def _of_http(error: HTTPException) -> Response:
    if isinstance(error, RequestRedirect):
        return Response(status=307, headers={"Location": error.new_url})
    status = error.code or 500
    response = _answer(status, _TEXTS.get(status) or error.description or error.name)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = str(_seconds_to_wait())
    return response


def _of_database(error: OperationalError) -> Response:
    current_app.logger.error("the database did not answer: %s", type(error.orig).__name__)
    response = _answer(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _of_bug(error: Exception) -> Response:
    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, BUG)


def _on_the_wire(path: str) -> str:
    first, dot, rest = path.partition(".")
    return _FIELDS.get(first, first) + dot + rest


def _seconds_to_wait() -> int:
    limit = limiter.current_limit
    return max(1, math.ceil(limit.reset_at - time.time())) if limit else RETRY_SECONDS
