"""The description of the whole service, as OpenAPI 3.1: what spectree knows, and more.

Added here: the type and the examples of problems, headers, examples of bodies, which kind of token
suffices, and where no field can be wrong.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from remas.api import examples
from remas.api.blueprint import CHANGING_IT, LOOKING
from remas.api.problems import MIMETYPE
from remas.api.spec import DESCRIBED, OWN_TOKEN, SIGNED_IN, Described, Who, spec
from remas.api.tabular import MIMETYPE as CSV
from remas.models import TokenScope

JSON = "application/json"


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the service."""
    described: dict[str, Any] = deepcopy(spec.spec)
    for methods in described["paths"].values():
        for method, operation in methods.items():
            _complete(method, operation)
    described["components"]["securitySchemes"][SIGNED_IN]["bearerFormat"] = "JWT"
    _link(described["paths"])
    schemas = described["components"]["schemas"]
    needed = _referenced(described["paths"], schemas)
    described["components"]["schemas"] = {name: schemas[name] for name in sorted(needed)}
    return described


def _complete(method: str, operation: dict[str, Any]) -> None:
    known = DESCRIBED[operation["operationId"]]
    takes_fields = "requestBody" in operation or known.named_in_path
    for parameter in operation["parameters"]:
        parameter["schema"] = _without_null(parameter["schema"])
        takes_fields |= parameter["in"] != "path"
    if not takes_fields:
        operation["responses"].pop("422", None)
    if known.who is not Who.ANYBODY:
        operation["security"] = _security(method, known)
    if "requestBody" in operation:
        operation["requestBody"]["content"][JSON]["example"] = examples.BODIES[known.name]
    _complete_answers(known, operation["responses"], looks=_looks(method, known))


def _link(paths: dict[str, Any]) -> None:
    """Say which calls take the id or name of what was made, or of what stands first in a list."""
    for path, methods in paths.items():
        targets = [
            (operation["operationId"], parameter)
            for below, operations in paths.items()
            if (parameter := _parameter_after(path, below))
            for operation in operations.values()
        ]
        for method, status, where in (("post", "201", ""), ("get", "200", "/items/0")):
            if targets and status in methods.get(method, {}).get("responses", {}):
                methods[method]["responses"][status]["links"] = {
                    name: {
                        "operationId": name,
                        "parameters": {parameter: f"$response.body#{where}/{_field(parameter)}"},
                    }
                    for name, parameter in targets
                }


def _parameter_after(path: str, below: str) -> str | None:
    """`name` for `/nodes` and `/nodes/{name}/preview`; None where nothing else is to be known."""
    found = re.fullmatch(re.escape(path) + r"/{(\w+)}(/\w+)*", below)
    return found[1] if found else None


def _field(parameter: str) -> str:
    """Where an answer tells what a path takes: `id` for `node_id`, else of the same name."""
    return "id" if parameter.endswith("_id") else parameter


def _looks(method: str, known: Described) -> bool:
    """Whether a token that may only read suffices."""
    return method == "get" or f"api.{known.name}" in LOOKING


def _security(method: str, known: Described) -> list[dict[str, list[str]]]:
    """Either of these is enough."""
    signed_in: dict[str, list[str]] = {SIGNED_IN: []}
    if known.people_only:
        return [signed_in]
    scope = TokenScope.READ if _looks(method, known) else TokenScope.WRITE
    return [signed_in, {OWN_TOKEN: [scope.value]}]


def _complete_answers(known: Described, responses: dict[str, Any], *, looks: bool) -> None:
    if "304" in responses:
        responses["200"]["headers"] = {"ETag": _header("What this answer is known by.")}
    if known.tabular:
        responses["200"]["content"][CSV] = {"schema": {"type": "string"}}
    for code, answer in responses.items():
        if int(code) >= 400 and JSON in answer.get("content", {}):
            problem = answer["content"][JSON]
            told = _problems(int(code), known, _last(problem["schema"]["$ref"]), looks=looks)
            problem["examples"] = {_last(one["type"]): {"value": one} for one in told}
            answer["content"] = {MIMETYPE: problem}
        if headers := _HEADERS.get(code):
            answer["headers"] = {name: _header(text) for name, text in headers.items()}


def _problems(
    code: int, known: Described, shape: str, *, looks: bool
) -> Sequence[examples.Example]:
    """What an operation may answer with this status, `shape` the name of the model."""
    if code == HTTPStatus.CONFLICT:
        return examples.CONFLICTS[shape]
    if code == HTTPStatus.SERVICE_UNAVAILABLE and known.name in examples.MEASURED:
        return *examples.PROBLEMS[code], examples.MEASUREMENTS_AWAY
    if code != HTTPStatus.FORBIDDEN:
        return examples.PROBLEMS[code]
    told = [examples.FORBIDDEN]
    if not looks:
        told.append(examples.READ_ONLY)
    if f"api.{known.name}" != CHANGING_IT:
        told.append(examples.ONE_TIME)
    return told


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Parameters are there or not; none of them can be null."""
    if "anyOf" not in schema:
        return schema
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}


def _referenced(value: Any, schemas: dict[str, Any]) -> set[str]:
    """The names of the schemas to which something refers, directly or by way of others."""
    found: set[str] = set()
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo.extend(part)
        elif isinstance(part, dict):
            todo.extend(part.values())
            name = _last(str(part.get("$ref", "")))
            if name and name not in found:
                found.add(name)
                todo.append(schemas[name])
    return found


_HEADERS = {
    "201": {"Location": "The address of what was made."},
    "401": {"WWW-Authenticate": "How to sign in: Bearer."},
    "429": {"Retry-After": "Seconds to wait."},
    "503": {"Retry-After": "Seconds to wait."},
}


def _header(text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}}
