"""How an endpoint is described, checked and guarded."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from inspect import signature
from typing import Any

from pydantic import BaseModel
from spectree import Response, SecurityScheme, SpecTree, Tag
from spectree.models import SecureType, SecuritySchemeData

from remas.api import answers, sheets
from remas.api.blueprint import PREFIX, actor
from remas.api.bodies import Backend
from remas.api.tabular import Flatten, tabular

SIGN_IN = Tag(name="Sign-in", description="Tokens; their rights are read at each request.")
PEOPLE = Tag(name="People", description="Users and groups.")
CLUSTER = Tag(name="Cluster", description="Nodes, resources, capacities, maintenance.")
POLICY = Tag(name="Limits", description="The most that a user, or a group's member, may hold.")
BOOKING = Tag(name="Reservations", description="Search for a slot, book it, see the calendar.")
LETTERS = Tag(name="Notifications", description="What is told to whom, and what was sent.")
RECORD = Tag(name="Audit", description="Who changed what, when.")

SIGNED_IN, OWN_TOKEN = "bearer", "accessToken"  # the security schemes

View = Callable[..., Any]


class Who(Enum):
    """For whom an endpoint is."""

    ANYBODY = "without signing in"
    USERS = "for signed-in users"
    ADMINS = "for administrators"


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of an operation beside its models.

    `tabular`: it answers as CSV as well. The rest as in `describe`.
    """

    name: str
    who: Who
    named_in_path: bool
    people_only: bool
    tabular: bool


DESCRIBED: dict[str, Described] = {}
"""The operations by their id."""

ABOUT = """Reserve the resources of a compute cluster in a calendar that answers.

- **Sign in** with `Authorization: Bearer …`: a token of your own from the profile page, or one of
  `POST /auth/token`.
- **Times** are RFC 3339 with an offset, answered in UTC; **durations** ISO 8601; **amounts** whole
  numbers in the unit of the resource. Things are named in requests, not numbered.
- **Lists** come in pages (`page`, `per_page`), sorted (`sort`, `-` before it: downwards), and as
  CSV where `format=csv` or `Accept: text/csv` asks for it.
- **`ETag`** with `If-None-Match`: what did not change is not sent again (304); with `If-Match`:
  nobody overwrites what somebody else has changed (412).
- **`Idempotency-Key`** at `POST /reservations`: sent twice, booked once.
- **Errors** are `application/problem+json`; `type` is stable, `errors` names the fields of a 422.

With examples for shells: `docs/api.md` in the source.
"""

spec = SpecTree(
    "flask",
    backend=Backend,
    title="REMAS",
    description=ABOUT,
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
            name=SIGNED_IN,
            data=SecuritySchemeData(
                type=SecureType.HTTP,
                scheme="bearer",
                description=(
                    "An `access_token` of `POST /auth/token`: short-lived, and good for all that "
                    "its person may do."
                ),
            ),
        ),
        SecurityScheme(
            name=OWN_TOKEN,
            data=SecuritySchemeData(
                type=SecureType.HTTP,
                scheme="bearer",
                description=(
                    "A token of your own for programs (`POST /me/tokens`, or the profile page). It "
                    "begins with `remas_` and lasts until it expires or is revoked. Each operation "
                    "says which scope it needs; `write` holds `read`, and what is beyond the "
                    "token's scope is 403 `/problems/read-only-token`. Where only `bearer` is "
                    "named, no such token is taken: none makes tokens, ends others or sets "
                    "passwords."
                ),
            ),
        ),
    ],
    security=[{SIGNED_IN: []}],
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
    sheet: Flatten | None = None,
    people_only: bool = False,
    more: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Describe a view; check what is sent to it by the models its parameters are annotated with.

    `shape`: what it answers with `status`. `conflict`: it may answer 409; `stale`: 412; `cached`:
    304; `throttled`: 429; `named_in_path`: 422 for a name in the path that cannot be one; and
    `more`. `sheet`: it answers as CSV as well, made from its JSON; lists do so of themselves.
    `people_only`: access tokens of people's own are turned away. Views for administrators turn
    others away before looking at what they sent.
    """

    listed = shape is not None and issubclass(shape, answers.Listing)
    flatten = sheets.of(shape) if shape and listed and not sheet else sheet

    def decorate(view: View) -> View:
        described = Described(view.__name__, who, named_in_path, people_only, flatten is not None)
        DESCRIBED[view.__name__] = described
        codes = _errors(set(signature(view).parameters), who)
        codes |= set(more)
        codes |= {code for code, on in ((412, stale), (429, throttled)) if on}
        models: dict[int, type[BaseModel]] = dict.fromkeys(codes, answers.Problem)
        if conflict:
            models[409] = conflict
        plain = [f"HTTP_{status}"] if shape is None else []
        if cached:
            plain.append("HTTP_304")
        shapes: dict[str, Any] = {f"HTTP_{code}": model for code, model in models.items()}
        if shape is not None:
            shapes[f"HTTP_{status}"] = shape
        checked: View = spec.validate(
            resp=Response(*plain, **shapes),
            tags=[tag],
            security=[] if who is Who.ANYBODY else None,
            operation_id=view.__name__,
        )(view)
        if flatten:
            checked = tabular(checked, flatten)
        return _guarded(checked) if who is Who.ADMINS else checked

    return decorate


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
