"""How an endpoint is described, checked and guarded; and the description of the whole service."""

from collections.abc import Callable
from copy import deepcopy
from enum import Enum
from functools import wraps
from inspect import signature
from typing import Any

from pydantic import BaseModel
from spectree import Response, SecurityScheme, SpecTree, Tag
from spectree.models import SecureType, SecuritySchemeData

from remas.api import answers
from remas.api.blueprint import PREFIX, actor
from remas.api.bodies import Backend
from remas.api.problems import MIMETYPE

SIGN_IN = Tag(name="Sign-in", description="Tokens; their rights are read at each request.")
PEOPLE = Tag(name="People", description="Users and groups.")
CLUSTER = Tag(name="Cluster", description="Nodes, resources, capacities, maintenance.")
POLICY = Tag(name="Limits", description="The most that a user, or a group's member, may hold.")
BOOKING = Tag(name="Reservations", description="Search for a slot, book it, see the calendar.")
RECORD = Tag(name="Audit", description="Who changed what, when.")

View = Callable[..., Any]


class Who(Enum):
    """For whom an endpoint is."""

    ANYBODY = "without signing in"
    USERS = "for signed-in users"
    ADMINS = "for administrators"


spec = SpecTree(
    "flask",
    backend=Backend,
    title="REMAS",
    description="Reserve the resources of a compute cluster in a calendar that answers.",
    version="1",
    openapi_version="3.1.0",
    path=f"{PREFIX.removeprefix('/')}/openapi",
    mode="strict",
    page_templates={},
    validation_error_model=answers.InvalidProblem,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda parent, child: child,
    security_schemes=[
        SecurityScheme(
            name="bearer",
            data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", bearer_format="JWT"),
        )
    ],
    security={"bearer": []},
)


def describe(
    tag: Tag,
    shape: type[BaseModel] | None = None,
    status: int = 200,
    *,
    who: Who = Who.USERS,
    conflict: type[answers.Problem] | None = None,
    stale: bool = False,
    cached: bool = False,
    throttled: bool = False,
    named_in_path: bool = False,
    more: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Describe a view; check what is sent to it by the models its parameters are annotated with.

    `shape`: what it answers with `status`. `conflict`: it may answer 409; `stale`: 412; `cached`:
    304; `throttled`: 429; `named_in_path`: 422 for a name in the path that cannot be one; and
    `more`. Views for administrators turn others away before looking at
    what they sent.
    """

    def decorate(view: View) -> View:
        if named_in_path:
            _NAMED_IN_PATH.add(view.__name__)
        codes = _errors(set(signature(view).parameters), who)
        codes |= set(more)
        codes |= {code for code, on in ((412, stale), (429, throttled)) if on}
        models: dict[int, type[BaseModel]] = dict.fromkeys(codes, answers.Problem)
        if conflict:
            models[409] = conflict
        plain = [f"HTTP_{status}"] if shape is None else []
        if cached:
            plain.append("HTTP_304")
        described: dict[str, Any] = {f"HTTP_{code}": model for code, model in models.items()}
        if shape is not None:
            described[f"HTTP_{status}"] = shape
        checked: View = spec.validate(
            resp=Response(*plain, **described),
            tags=[tag],
            security=[] if who is Who.ANYBODY else None,
            operation_id=view.__name__,
        )(view)
        return _guarded(checked) if who is Who.ADMINS else checked

    return decorate


_NAMED_IN_PATH: set[str] = set()


def _errors(parameters: set[str], who: Who) -> set[int]:
    """The errors that follow from what a view takes and for whom it is."""
    codes = {500, 503}
    if who is not Who.ANYBODY:
        codes |= {401, 403}
    if parameters - {"json", "query", "headers"}:
        codes |= {404}
    if "json" in parameters:
        codes |= {400, 413, 415}
    return codes


def _guarded(view: View) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        actor().require_admin()
        return view(*args, **kwargs)

    return guarded


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the service."""
    described: dict[str, Any] = deepcopy(spec.spec)
    for methods in described["paths"].values():
        for operation in methods.values():
            _complete(operation)
    schemas = described["components"]["schemas"]
    needed = _referenced(described["paths"], schemas)
    described["components"]["schemas"] = {name: schemas[name] for name in sorted(needed)}
    return described


def _complete(operation: dict[str, Any]) -> None:
    """Say what spectree cannot: the type of problems, headers, and where no field can be wrong."""
    takes_fields = "requestBody" in operation or operation["operationId"] in _NAMED_IN_PATH
    for parameter in operation["parameters"]:
        parameter["schema"] = _without_null(parameter["schema"])
        takes_fields |= parameter["in"] != "path"
    responses = operation["responses"]
    if "304" in responses:
        responses["200"]["headers"] = {"ETag": _header("What this answer is known by.")}
    if not takes_fields:
        responses.pop("422", None)
    for code, answer in responses.items():
        if int(code) >= 400 and "application/json" in answer.get("content", {}):
            answer["content"] = {MIMETYPE: answer["content"]["application/json"]}
        if headers := _HEADERS.get(code):
            answer["headers"] = {name: _header(text) for name, text in headers.items()}


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
            name = str(part.get("$ref", "")).rpartition("/")[2]
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
