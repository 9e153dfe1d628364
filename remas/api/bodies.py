"""Reading what was sent: strict JSON, nothing that a database cannot keep, and no guessing."""

import json
from typing import Any

from flask import Request, current_app, request
from pydantic import ValidationError
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from spectree.response import Response
from spectree.utils import get_multidict_items
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.wrappers import Response as WsgiResponse

from remas.errors import Invalid, NotFound
from remas.incoming import unstorable, unstorable_paths

LARGEST_ID = 2**31 - 1  # what a column of ids holds: beyond it nothing can be found
WHOLE_BODY = "body"  # the path of errors that are about no single field

_TEXTS = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
    "model_type": "This has to be an object with fields.",
}


class Backend(FlaskPlugin):
    """Spectree's Flask plug-in, with strict bodies and errors of our own.

    Answers are held against their model only in tests: there a wrong one is an error.
    """

    def request_validation(
        self, request: Request, query: Any, json: Any, form: Any, headers: Any, cookies: Any
    ) -> None:
        """Validate what was sent. Raises `Invalid`, 400, 413 and 415."""
        arguments = get_multidict_items(request.args, query)
        if query is not None:
            _refuse_unstorable(arguments)
        request.context = Context(  # type: ignore[attr-defined]
            _validated(query, arguments),
            _validated(json, read_json()) if json else None,
            None,
            _validated(headers, dict(request.headers)),
            None,
        )

    def validate_response(
        self, resp: Any, resp_model: Response | None, *args: Any, **kwargs: Any
    ) -> tuple[WsgiResponse, None]:
        """Make the answer; in tests, refuse one that was not described."""
        response = current_app.make_response(resp)
        if current_app.testing and resp_model and response.status_code != 304:
            code = f"HTTP_{response.status_code}"
            if model := resp_model.find_model(response.status_code):
                self.model_adapter.validate_obj(model, response.get_json())
            elif code not in resp_model.codes:
                raise AssertionError(f"{request.endpoint} answers {code} undescribed")
        return response, None


def read_json() -> Any:
    """The body as JSON values. Raises 400, 413, 415 and `Invalid`."""
    data = request.get_data()
    if not data:
        raise BadRequest("The body is empty; it has to be JSON.")
    if not request.is_json:
        raise UnsupportedMediaType("The body has to be JSON (Content-Type: application/json).")
    try:
        body = json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_object
        )
        _refuse_unstorable(body)
    except Invalid:
        raise
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    return body


def sent_text(field: str) -> str | None:
    """A text in the body, if there is one, before anything was validated. Never raises."""
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        return None
    value = body.get(field) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None


def check_path() -> None:
    """Raises `NotFound` for a path with an id or a name that nothing can have."""
    for value in (request.view_args or {}).values():
        if value > LARGEST_ID if isinstance(value, int) else unstorable(value):
            raise NotFound("There is no such thing.")


def _validated(model: Any, value: Any) -> Any:
    """The value as `model`; None without a model. Raises `Invalid`."""
    if model is None:
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(_texts(error), "Some fields need another value.") from None


def _texts(error: ValidationError) -> dict[str, list[str]]:
    """Path of the field to texts. What was sent is not repeated."""
    texts: dict[str, list[str]] = {}
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in one["loc"]) or WHOLE_BODY
        text = _TEXTS.get(one["type"]) or one["msg"].removeprefix("Value error, ")
        texts.setdefault(path, []).append(text)
    return texts


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refuse_unstorable(value: Any) -> None:
    """Raises `Invalid` for texts with NUL or half a character in them: no database keeps those."""
    text = "NUL and halves of characters cannot be taken."
    if found := {path or WHOLE_BODY: [text] for path in unstorable_paths(value)}:
        raise Invalid(found)
