"""Who may do what, over all routes there are: also those that are added later."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from remas.models import User
from tests.support import factories
from tests.web.conftest import Visitor

OPEN = ("/login", "/static/", "/bootstrap/static/", "/healthz", "/readyz", "/metrics")
OWN_DOORS = ("/api/", "/docs")  # they answer with a status, and know people by tokens
OPEN_API = ("/auth/", "/openapi", "/docs")
BY_SECRET = ("/feeds/", "/feed/", "/calendar/feed", "/password/", "/prometheus/", "/login/")
"""Known by a secret in the address, by its own token, or part of signing in."""
FINE = {200, 302, 303, 304, 404, 405, 409, 410, 422}


@pytest.fixture
def somebody(app: Flask) -> tuple[User, User]:
    """An administrator, and a user who holds something; with one of everything in the house."""
    with app.app_context():
        root, ada = factories.make_user("root", admin=True), factories.make_user("ada")
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_reservation(root, allocations={node: {"cpu": 1}})
        factories.make_limit(5, user=ada)
        factories.make_maintenance(node)
        factories.make_tag(root, "paper")
        return root, ada


def routes(app: Flask, method: str, number: int = 1) -> Iterator[tuple[Rule, str]]:
    """Each rule that takes the method, with an address of something that may be there.

    `number` stands where an id is wanted.
    """
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()):
            yield rule, address(rule, number)


NAMES = {"username": "ada", "node": "n1", "resource": "cpu", "filename": "icon.svg", "tag": "paper"}


def address(rule: Rule, number: int) -> str:
    """Where the rule answers; converters say of which kind their part has to be."""
    values: dict[str, object] = {}
    for argument in rule.arguments:
        converter = rule._converters[argument]
        if isinstance(converter, AnyConverter):
            values[argument] = sorted(converter.items)[0]
        elif isinstance(converter, IntegerConverter):
            values[argument] = number
        else:
            values[argument] = NAMES.get(argument, "n1")
    built = rule.build(values)
    assert built, rule
    return built[1]


def is_open(path: str) -> bool:
    return path.startswith((*OPEN, *BY_SECRET))


def is_api(path: str) -> bool:
    return path.startswith(OWN_DOORS)


def is_administration(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_visitor_comes_to_the_sign_in_or_gets_401(
    app: Flask, visitor: Visitor, somebody: tuple[User, User], method: str
) -> None:
    wrong = list[str]()
    send = visitor.get if method == "GET" else visitor.post
    for rule, path in routes(app, method):
        if is_open(path) or rule.endpoint in ("auth.login", "static"):
            continue
        answer = send(path)
        to_sign_in = answer.status_code == 302 and answer.location.startswith("/login")
        refused = answer.status_code == 401
        if is_api(path):
            good = (
                refused or any(part in path for part in OPEN_API) or not path.startswith("/api/v1")
            )
        else:
            good = to_sign_in
        if not good:
            wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_without_a_token_the_api_changes_nothing_and_tells_nothing(
    app: Flask, visitor: Visitor, method: str
) -> None:
    wrong = list[str]()
    for _, path in routes(app, method):
        if path.startswith("/api/v1/") and not any(part in path for part in OPEN_API):
            answer = visitor.client.open(path, method=method)
            if answer.status_code != 401:
                wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_plain_user_is_kept_out_of_the_whole_administration(
    app: Flask, sign_in: Callable[[User], Visitor], somebody: tuple[User, User], method: str
) -> None:
    as_ada = sign_in(somebody[1])
    send = as_ada.get if method == "GET" else as_ada.post
    found = [path for _, path in routes(app, method) if is_administration(path)]
    assert len(found) > 10
    answers = {path: send(path).status_code for path in found}
    assert {path: code for path, code in answers.items() if code != 403} == {}


def test_a_plain_user_breaks_no_page(
    app: Flask, sign_in: Callable[[User], Visitor], somebody: tuple[User, User]
) -> None:
    as_ada = sign_in(somebody[1])
    found = [path for _, path in routes(app, "GET") if not is_api(path) and path != "/metrics"]
    answers = {path: as_ada.get(path).status_code for path in found}
    assert {path: code for path, code in answers.items() if code >= 500} == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_administrator_never_meets_an_error_of_the_server(
    app: Flask, sign_in: Callable[[User], Visitor], somebody: tuple[User, User], method: str
) -> None:
    as_root = sign_in(somebody[0])
    send = as_root.get if method == "GET" else as_root.post
    found = [path for _, path in routes(app, method) if is_administration(path)]
    answers = {path: send(path).status_code for path in found}
    assert {path: code for path, code in answers.items() if code not in FINE} == {}


def test_nonsense_behind_the_question_mark_breaks_no_list(
    app: Flask, sign_in: Callable[[User], Visitor], somebody: tuple[User, User]
) -> None:
    as_root = sign_in(somebody[0])
    nonsense = "page=-1&sort=__class__&q=%FF&from=x&since=y&endpoint=z&_scheme=s&_method=m"
    wrong = {}
    for rule, path in routes(app, "GET"):
        if is_administration(path) and not rule.arguments:
            for query in (nonsense, f"{nonsense}&format=csv", "page=99999999999999999999"):
                answer = as_root.get(f"{path}?{query}")
                if answer.status_code not in FINE:
                    wrong[f"{path}?{query}"] = answer.status_code
    assert wrong == {}
