"""The calendar feeds themselves: whoever has the secret address reads them, signed in or not."""

from hashlib import sha256

from flask import Blueprint, Response, request

from remas.extensions import limiter
from remas.letters.event import MIMETYPE
from remas.services import feed_reading
from remas.services.context import settings
from remas.services.feeds import SECRET_LENGTH

blueprint = Blueprint("feeds", __name__)


@blueprint.get(f"/feeds/<string(length={SECRET_LENGTH}):secret>.ics")
@limiter.limit("300 per minute")
def show(secret: str) -> Response:
    """The calendar; 304 where it is known already.

    Only its ETag tells: that something was cancelled or hidden moves no moment of change that one
    could compare with.
    """
    found = feed_reading.read(settings(), secret)
    response = Response(found.calendar, content_type=f"{MIMETYPE}; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="remas.ics"'
    response.headers["X-Robots-Tag"] = "noindex"
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.last_modified = found.changed_at
    etag = sha256(found.calendar).hexdigest()[:32]
    response.set_etag(etag)
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        response.set_data(b"")
        del response.headers["Content-Length"]
    return response
