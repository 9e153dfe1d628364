"""ETags: a hash of what is shown, so that equal answers are not sent, and stale ones not kept."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from flask import Response, request, url_for

from remas.errors import Stale
from remas.services.precondition import Seen

Shape = dict[str, Any]


def etag_of(shape: Shape) -> str:
    """The same for equal shapes: whoever renders them writes the keys in one order."""
    return _hash(json.dumps(shape))


def if_match(render: Callable[[Any], Shape]) -> Seen:
    """Compares the request's If-Match, if it has one, with what `render` makes of a row.

    A row that is not there (None) matches nothing.
    """

    def seen(row: Any) -> None:
        if not request.if_match:
            return
        if row is None or not request.if_match.contains(etag_of(render(row))):
            raise Stale("Somebody changed it since you looked. Look at it again and repeat.")

    return seen


def shown(shape: Shape, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The shape as an answer with its ETag; 304 without a body where the client has it already."""
    text = json.dumps(shape)
    response = Response(text, status, headers, mimetype="application/json")
    response.set_etag(_hash(text))
    if request.method in ("GET", "HEAD"):
        # What may be seen differs from person to person; nobody in between may keep it.
        response.cache_control.private = True
        response.cache_control.no_cache = True
        response.make_conditional(request)
    return response


def address(endpoint: str, **values: str | int) -> str:
    """Where an endpoint answers, as a path."""
    return url_for(endpoint, **dict[str, Any](values))


def created(shape: Shape, location: str) -> Response:
    """201 with the address of what was made."""
    return shown(shape, 201, {"Location": location})


def without_trace(shape: Shape, status: int = 200, location: str | None = None) -> Response:
    """An answer with a secret in it: nobody keeps it."""
    headers = {"Location": location} if location else None
    response = Response(json.dumps(shape), status, headers, mimetype="application/json")
    response.cache_control.no_store = True
    return response


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
