"""Every error as application/problem+json (RFC 9457): never HTML, a trace or a database's words."""

import json
import math
import time
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from remas import errors
from remas.api import shapes
from remas.extensions import limiter

MIMETYPE = "application/problem+json"
BASE = "/problems/"
RETRY_SECONDS = 5  # what to wait when nobody knows better

_STATUS: dict[type[errors.DomainError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.NotSignedIn: 401,
    errors.PasswordChangeRequired: 403,
    errors.Invalid: 422,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.Busy: 503,
    errors.MeasurementsAway: 503,
    errors.GrafanaAway: 503,
    errors.NoAnswerInTime: 503,
}
_SLUGS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    429: "throttled",
}
_DETAILS = {
    404: "There is nothing at this address.",
    413: "The body is larger than the service takes.",
    429: "Too many attempts. Wait a little.",
}


def init_app(blueprint: Blueprint) -> None:
    """Answer every error of the blueprint's views."""
    blueprint.register_error_handler(errors.DomainError, of_domain)
    blueprint.register_error_handler(errors.NoRoom, of_no_room)
    blueprint.register_error_handler(HTTPException, of_http)
    blueprint.register_error_handler(OperationalError, of_database)
    blueprint.register_error_handler(Exception, of_bug)


def problem(status: int, slug: str, title: str, detail: str, **more: Any) -> Response:
    """The answer itself."""
    body = {"type": BASE + slug, "title": title, "status": status, "detail": detail, **more}
    return Response(json.dumps(body), status, mimetype=MIMETYPE)


def of_domain(error: errors.DomainError) -> Response:
    """What the services refuse."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    response = problem(status, error.slug, error.title, error.detail, **_more(error))
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_SECONDS))
    return response


def of_no_room(error: errors.NoRoom) -> Response:
    """A placement that does not fit, with the reasons and what would fit."""
    return problem(
        409,
        error.slug,
        error.title,
        "Take one of the offers, or change what you ask for."
        if error.offers
        else "Ask for less, or for another time.",
        shortages=[shapes.shortage(shortage) for shortage in error.shortages],
        offers=[shapes.offer(offer) for offer in error.offers],
    )


def of_http(error: HTTPException) -> Response:
    """What Flask and its extensions refuse."""
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:  # a redirect
        return error.get_response()  # type: ignore[return-value]
    title = HTTPStatus(status).phrase
    detail = _DETAILS.get(status) or error.description or title
    response = problem(status, _SLUGS.get(status, "error"), title, detail)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = str(_seconds_to_wait())
    return response


def of_database(error: OperationalError) -> Response:
    """The database cannot be reached, or is too busy."""
    current_app.logger.error("the database did not answer: %s", type(error.orig).__name__)
    detail = "The database does not answer. Try again in a moment."
    response = problem(503, "unavailable", "The service is not available right now", detail)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def of_bug(error: Exception) -> Response:
    """What nobody foresaw: told in the log, not to the client."""
    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    detail = "Something went wrong that should not have. It is in the server's log."
    return problem(500, "internal", "The service made a mistake", detail)


def _more(error: errors.DomainError) -> dict[str, Any]:
    """What some problems tell besides."""
    if isinstance(error, errors.Invalid):
        return {"errors": error.errors}
    if isinstance(error, errors.InUse):
        return {"things": error.things}
    if isinstance(error, errors.NameTaken):
        return {"field": error.field}
    return {}


def _seconds_to_wait() -> int:
    limit = limiter.current_limit
    return max(1, math.ceil(limit.reset_at - time.time())) if limit else RETRY_SECONDS
