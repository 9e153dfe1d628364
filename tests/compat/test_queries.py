"""Lists take as many queries for many things as for one."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.api.conftest import Made
from tests.compat import world
from tests.compat.conftest import Caller, signed_in
from tests.support.queries import counted

PAGE = {"page_number": 0, "page_size": 1000}
RANGE = {"start_time": "2029-12-31 00:00", "end_time": "2030-02-01 00:00"}


def more(make: Made, number: int) -> None:
    """Another of everything, on nodes and by people of its own."""
    group = make.group(f"more {number}", parent=3)
    user = make.user(f"more{number}", group=group)
    node = make.node(f"more{number}", {f"more{number}": 4, "cpu": 4})
    tag = make.tag(user)
    for past in (False, True):
        start = world.START + timedelta(days=number)
        make.reservation(
            user,
            start.replace(year=2020) if past else start,
            allocations={node: {"cpu": 1, f"more{number}": 1}},
            tags=[tag],
        )
    make.limit(3, user=user, nodes=[node])
    make.limit(3, group=group)
    make.notification(f"own of more{number}", owner=user, users=[user])
    make.notification(f"for more{number}", users=[user], groups=[group])


@pytest.mark.parametrize("username", ["root", "eve"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/user", None),
        ("GET", "/group", None),
        ("GET", "/node", None),
        ("GET", "/resource", None),
        ("GET", "/resource_alias", None),
        ("GET", "/limit", None),
        ("GET", "/task", None),
        ("POST", "/task/active", PAGE),
        ("POST", "/task/finished", PAGE),
        ("POST", "/task/get_scheduling", RANGE),
        ("GET", "/task_tag", None),
        ("GET", "/notification", None),
    ],
)
def test_lists(
    app: Flask, make: Made, username: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    world.build(app, make)
    more(make, 0)
    caller = signed_in(app, username)

    def queries() -> tuple[int, int]:
        with counted(app) as statements:
            answer = caller(method, path, body)
        return len(statements), len(answer.json)

    few, things = queries()
    for number in range(1, 5):
        more(make, number)
    many, more_things = queries()
    assert many == few
    if answered(caller, method, path, body) and path != "/resource_alias":
        assert more_things > things


def answered(caller: Caller, method: str, path: str, body: dict[str, object] | None) -> bool:
    return caller(method, path, body).status_code == 200
