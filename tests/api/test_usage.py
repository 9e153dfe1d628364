"""Reserved against used, by the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.models import Measure, Node
from tests.api.conftest import Caller, Made
from tests.support import factories
from tests.support.prometheus_double import Mood, PrometheusDouble


@pytest.fixture
def person(measured_app: Flask) -> Callable[[str], Caller]:
    """Sign somebody in where there is a Prometheus."""

    def begin(username: str) -> Caller:
        body = {"username": username, "password": factories.PASSWORD}
        answer = Caller(measured_app).post("/auth/token", body)
        return Caller(measured_app, answer.json["access_token"])

    return begin


@pytest.fixture
def n1(make: Made) -> Node:
    make.resource("cpu", measure=Measure.CPU)
    node: Node = make.node("n1", {"cpu": 8})
    return node


def running(make: Made, username: str, node: Node, hours: float = 2) -> int:
    start = clock.ceil_minute(clock.now()) - timedelta(hours=hours)
    user = make.user(username)
    number: int = make.reservation(user, start, 4, allocations={node: {"cpu": 4}}).id
    return number


def test_what_was_used(
    make: Made, n1: Node, person: Callable[[str], Caller], meter: PrometheusDouble
) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 3)
    number = running(make, "ada", n1)
    answer = person("ada").get(f"/reservations/{number}/usage")
    found = answer.json
    assert found["step"] == "PT1M"
    (cpu,) = found["resources"]
    (node,) = cpu.pop("nodes")
    assert cpu == {"resource": "cpu", "unit": "", "measure": "cpu", "trouble": None}
    assert len(node["used"]) == len(found["times"]) > 100
    assert set(node.pop("used")) == {3.0}
    assert node == {"node": "n1", "reserved": 4, "mean": 3.0, "peak": 3.0, "share": 0.75}


def test_before_it_begins_nothing_was_used(
    make: Made, n1: Node, person: Callable[[str], Caller], meter: PrometheusDouble
) -> None:
    number = running(make, "ada", n1, -2)
    found = person("ada").get(f"/reservations/{number}/usage")
    assert (found.json["times"], found.json["resources"]) == ([], [])
    assert found.json["from"] == found.json["to"]


def test_who_is_above(
    make: Made, n1: Node, person: Callable[[str], Caller], meter: PrometheusDouble
) -> None:
    running(make, "ada", n1)
    make.user("root", admin=True)
    meter.uses(Measure.CPU, "n1", "ada", 6)
    (row,) = person("root").get("/status/usage").json["items"]
    assert row == {
        "username": "ada",
        "name": "Ada Tester",
        "node": "n1",
        "resource": "cpu",
        "unit": "",
        "held": 4,
        "used": 6.0,
    }
    make.user("eve")
    assert person("eve").get("/status/usage").json["items"] == []
    assert person("ada").get("/status/usage").json["items"] == [row]
    sheet = person("ada").get("/status/usage?format=csv")
    assert sheet.text.splitlines()[1] == "ada,Ada Tester,n1,cpu,,4,6.0"


@pytest.mark.parametrize("path", ["/reservations/{}/usage", "/status/usage"])
def test_prometheus_away_and_none_at_all(
    make: Made,
    n1: Node,
    person: Callable[[str], Caller],
    sign_in: Callable[[str], Caller],
    meter: PrometheusDouble,
    path: str,
) -> None:
    address = path.format(running(make, "ada", n1))
    meter.mood = Mood.STARTING
    answer = person("ada").get(address)
    assert answer.status_code == 503
    assert answer.json["type"] == "/problems/measurements-away"
    assert answer.json["detail"] == "It says only 503."
    assert answer.headers["Retry-After"] == "10"
    assert sign_in("ada").get(address).status_code == 404


def test_not_of_those_who_do_not_share(
    make: Made, n1: Node, person: Callable[[str], Caller], meter: PrometheusDouble
) -> None:
    closed = make.group("Closed", users_share_statistics=False)
    eve = make.user("eve", group=closed)
    start = clock.ceil_minute(clock.now()) - timedelta(hours=1)
    number = make.reservation(eve, start, 4, allocations={n1: {"cpu": 4}}).id
    make.user("ada")
    assert person("ada").get(f"/reservations/{number}/usage").status_code == 403
    assert person("eve").get(f"/reservations/{number}/usage").status_code == 200


def test_what_measures_a_resource(make: Made, admin: Caller) -> None:
    query = 'x{node="${node_name}",user="${user_uid}"}'
    made = admin.post("/resources", {"name": "seat", "measure": "custom", "usage_query": query})
    assert made.status_code == 201
    assert (made.json["measure"], made.json["usage_query"]) == ("custom", query)
    done = admin.patch("/resources/seat", {"measure": "gpu"})
    assert (done.json["measure"], done.json["usage_query"]) == ("gpu", None)
    assert admin.patch("/resources/seat", {"measure": None}).json["measure"] is None
    for wrong, field in (
        ({"measure": "miles"}, "measure"),
        ({"measure": "custom"}, "usage_query"),
        ({"usage_query": query}, "usage_query"),
    ):
        refused = admin.patch("/resources/seat", wrong)
        assert refused.status_code == 422
        assert refused.json["errors"].keys() == {field}
