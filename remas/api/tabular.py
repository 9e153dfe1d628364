"""Answers as CSV: the same list, for spreadsheets and shells, where it is asked for.

`?format=csv` asks for it, or an `Accept` that prefers `text/csv` to JSON. The rows are made of the
JSON answer, so that both say the same and hide the same.
"""

import json
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from flask import Response, request

from remas.table import CSV_TYPE, Sheet, csv_text

MIMETYPE = "text/csv"
JSON = "application/json"

View = Callable[..., Any]


Flatten = Callable[[dict[str, Any]], Sheet]


def tabular(view: View, flatten: Flatten) -> View:
    """The view, which answers as CSV as well; `flatten` makes a sheet of its JSON answer."""

    @wraps(view)
    def either(*args: Any, **kwargs: Any) -> Any:
        answer = view(*args, **kwargs)
        answer.vary.add("Accept")
        if not wanted() or answer.status_code != HTTPStatus.OK:
            return answer
        sheet = flatten(json.loads(answer.get_data()))
        return _as_csv(csv_text(*sheet))

    return either


def wanted() -> bool:
    """Whether the client would rather have CSV."""
    asked = request.args.get("format")
    if asked is not None:
        return asked == "csv"
    return request.accept_mimetypes.best_match([JSON, MIMETYPE], JSON) == MIMETYPE


def _as_csv(text: str) -> Response:
    response = Response(text, content_type=CSV_TYPE)
    response.vary.add("Accept")
    response.set_etag(sha256(text.encode()).hexdigest()[:32])
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.make_conditional(request)
    return response
