"""Cross-origin requests: only from the origins in the settings, and never with cookies."""

from flask import Response, request

from remas.services.context import settings

ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
EXPOSED = "ETag, Location, Retry-After, WWW-Authenticate"
KEPT_SECONDS = "600"


def allow(response: Response) -> Response:
    """Add what lets a page of an allowed origin read the answer."""
    allowed = settings().cors_origins
    if not allowed:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if not origin or not (origin in allowed or ANY in allowed):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin if origin in allowed else ANY
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Max-Age"] = KEPT_SECONDS
    else:
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response
