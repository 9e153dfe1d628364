"""Smaller answers for whoever takes them: brotli or gzip, made here where no proxy does it."""

import re

from flask import Flask, Response, request
from flask_compress import Compress

compress = Compress()

TYPES = (
    "text/html",
    "text/css",
    "text/plain",
    "text/javascript",
    "text/calendar",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
)
CODINGS = ("br", "gzip")
FILES = frozenset({"static", "bootstrap.static"})
_CODED = re.compile(rf':(?:{"|".join(CODINGS)})"')
_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


def init_app(app: Flask) -> None:
    """Compress what all views of the app answer; call this before other parts are bound."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_MIMETYPES=TYPES,
        COMPRESS_ALGORITHM=CODINGS,
        COMPRESS_ALGORITHM_STREAMING=CODINGS,
    )
    compress.init_app(app)
    app.before_request(_forget_coding)
    app.after_request(_compress)


def _forget_coding() -> None:
    """An ETag is sent with the coding in it; what is compared means the content, whatever coding.

    So that If-Match and If-None-Match work in views that know nothing of compression.
    """
    for name in _CONDITIONS:
        if name in request.environ:
            request.environ[name] = _CODED.sub('"', request.environ[name])


def _compress(response: Response) -> Response:
    # What is streamed is meant to arrive piece by piece; files are only read that way.
    if response.is_streamed and request.endpoint not in FILES:
        return response
    source = response.response
    packed = compress.after_request(response)
    if packed.response is not source and hasattr(source, "close"):
        packed.call_on_close(source.close)  # a file that is read through the packing
    return packed
