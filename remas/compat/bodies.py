"""Reading what was sent, as leniently as the wire does: numbers may be texts, other keys are left.

What cannot be taken is 422 with all that is wrong in one sentence each.
"""

import json
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError

from remas.compat.errors import Refused
from remas.incoming import unstorable_paths

UNREADABLE = "The body has to be JSON (Content-Type: application/json)."
UNSTORABLE = "NUL and halves of characters cannot be taken."

ALL = 2**31 - 1
"""So many things are on a page where the wire has no pages."""

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model]) -> Model:
    """The JSON body. Raises `Refused`."""
    if not request.is_json:
        raise Refused(422, UNREADABLE)
    try:
        value = json.loads(request.get_data().decode("utf-8"), parse_constant=_refuse_constant)
        unstorable = any(True for _ in unstorable_paths(value))
    except (ValueError, RecursionError):
        raise Refused(422, UNREADABLE) from None
    if unstorable:
        raise Refused(422, UNSTORABLE)
    return _validated(model, value)


def read_form(model: type[Model]) -> Model:
    """The fields of a form, urlencoded or multipart. Raises `Refused`."""
    fields = request.form.to_dict()
    if any(True for _ in unstorable_paths(fields)):
        raise Refused(422, UNSTORABLE)
    return _validated(model, fields)


def answer(shape: BaseModel, status: int = 200) -> Response:
    """One thing."""
    return Response(shape.model_dump_json(), status, mimetype="application/json")


def listed(shapes: list[Any]) -> Response:
    """A list of things, whole."""
    text = "[" + ",".join(shape.model_dump_json() for shape in shapes) + "]"
    return Response(text, mimetype="application/json")


def done(detail: str) -> Response:
    """That it was done, in words."""
    return Response(json.dumps({"detail": detail}), mimetype="application/json")


def _validated(model: type[Model], value: Any) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Refused(422, " ".join(_texts(error))) from None


def _texts(error: ValidationError) -> list[str]:
    """Field and text of all that is wrong. What was sent is not repeated."""
    texts = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in one["loc"]) or "body"
        words = "This is required" if one["type"] == "missing" else one["msg"]
        texts.append(f"{path}: {words.removeprefix('Value error, ').rstrip('.')}.")
    return texts


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
