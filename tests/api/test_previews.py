"""What a change would contradict, asked by programs."""

from typing import Any

import pytest

from remas.models import Node, Reservation
from tests.api.conftest import Caller, Made
from tests.support.factories import soon

LIMIT = {"name": "few", "resource": "gpu", "amount": 1, "group": "Users"}


@pytest.fixture
def held(make: Made) -> Reservation:
    """Ann holds 3 gpu on n1."""
    node: Node = make.node("n1", {"gpu": 8})
    held: Reservation = make.reservation(
        make.user("ann"), soon(), 2, name="Train", allocations={node: {"gpu": 3}}
    )
    return held


def preview(admin: Caller, path: str, body: Any) -> dict[str, Any]:
    answer = admin.post(path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def written(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_a_limit(admin: Caller, held: Reservation) -> None:
    found = preview(admin, "/limits/preview", LIMIT)
    assert found["items"] == [
        {
            "reservation": held.id,
            "name": "Train",
            "owner": {"username": "ann", "name": "Ann Tester", "email": "ann@example.org"},
            "starts_at": written(held.starts_at),
            "ends_at": written(held.ends_at),
            "cause": "limit",
            "node": "n1",
            "resource": "gpu",
            "short_by": 2,
            "limit": "few",
            "since": written(held.starts_at),
        }
    ]
    sums = {name: found[name] for name in ("total", "reservations", "owners", "binds")}
    assert sums == {"total": 1, "reservations": 1, "owners": 1, "binds": 1}
    assert admin.get("/limits").json["total"] == 0  # nothing is stored
    assert preview(admin, "/limits/preview", {**LIMIT, "amount": 3})["total"] == 0


def test_a_limit_that_is_changed(admin: Caller, held: Reservation) -> None:
    number = admin.post("/limits", LIMIT).json["id"]
    same = preview(admin, "/limits/preview", {**LIMIT, "replaces": number})
    assert same["total"] == 0  # it stands against it in the same way already
    lower = preview(admin, "/limits/preview", {**LIMIT, "amount": 0, "replaces": number})
    assert [one["short_by"] for one in lower["items"]] == [3]
    assert admin.post("/limits/preview", {**LIMIT, "replaces": 4711}).status_code == 404


def test_a_node(admin: Caller, held: Reservation) -> None:
    lower = {"capacities": [{"resource": "gpu", "amount": 2}]}
    (one,) = preview(admin, "/nodes/n1/preview", lower)["items"]
    assert (one["cause"], one["short_by"]) == ("capacity", 1)
    (one,) = preview(admin, "/nodes/n1/preview", {"state": "drained"})["items"]
    assert (one["cause"], one["short_by"], one["resource"]) == ("drained", None, None)
    assert admin.get("/nodes/n1").json["state"] == "available"
    assert admin.post("/nodes/n9/preview", {}).status_code == 404


def test_maintenance(admin: Caller, held: Reservation) -> None:
    span = {"starts_at": written(held.starts_at), "ends_at": written(held.ends_at)}
    found = preview(admin, "/maintenance/preview", {"node": "n1", **span})
    assert [one["cause"] for one in found["items"]] == ["maintenance"]
    assert admin.get("/maintenance").json["total"] == 0
    number = admin.post("/maintenance", {"node": "n1", **span}).json["id"]
    moved = preview(admin, "/maintenance/preview", {"node": "n1", **span, "replaces": number})
    assert moved["total"] == 0


def test_pages_of_it(admin: Caller, make: Made, held: Reservation) -> None:
    for _ in range(2):
        node = make.node(capacities={"gpu": 8})
        make.reservation(make.user(), allocations={node: {"gpu": 2}})
    answer = admin.post("/limits/preview?page=2&per_page=2", LIMIT).json
    assert (len(answer["items"]), answer["page"], answer["total"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/limits/preview", {**LIMIT, "user": "ann"}, "user"),
        ("/limits/preview", {**LIMIT, "amount": -1}, "amount"),
        ("/limits/preview", {**LIMIT, "nodes": ["n9"]}, "nodes.0"),
        ("/limits/preview", {**LIMIT, "limit": 1}, "limit"),
        ("/nodes/n1/preview", {"capacities": [{"resource": "tpu", "amount": 1}]}, "capacities.0"),
        (
            "/maintenance/preview",
            {"node": "n9", "starts_at": "2030-01-01T08:00:00Z", "ends_at": "2030-01-01T09:00:00Z"},
            "node",
        ),
        (
            "/maintenance/preview",
            {"node": "n1", "starts_at": "2030-01-01T08:00:00Z", "ends_at": "2030-01-01T08:00:00Z"},
            "ends_at",
        ),
    ],
)
def test_what_could_not_be_saved_is_refused(
    admin: Caller, held: Reservation, path: str, body: Any, field: str
) -> None:
    answer = admin.post(path, body)
    assert answer.status_code == 422, answer.text
    assert any(path.startswith(field) for path in answer.json["errors"])


def test_it_is_for_administrators(eve: Caller, anybody: Caller, held: Reservation) -> None:
    for path in ("/limits/preview", "/nodes/n1/preview", "/maintenance/preview"):
        assert eve.post(path, {}).status_code == 403
        assert anybody.post(path, {}).status_code == 401


def test_lists_search_and_sort(admin: Caller, make: Made, held: Reservation) -> None:
    make.node("n2", {"gpu": 1, "cpu": 1}, description="in the cellar")
    make.limit(4, "gpu", group=1, name="b")
    make.limit(2, "cpu", group=1, name="a")
    make.maintenance(make.node("n3"), reason="new disks")

    def names(path: str, key: str = "name") -> list[str]:
        return [item[key] for item in admin.get(path).json["items"]]

    assert names("/nodes?q=CELLAR") == ["n2"]
    assert names("/nodes?sort=-resources")[0] == "n2"
    assert names("/resources?q=gp") == ["gpu"]
    assert names("/resources?sort=-name") == ["gpu", "cpu"]
    assert names("/limits?sort=-amount") == ["b", "a"]
    assert names("/limits?q=A") == ["a"]
    assert names("/maintenance?q=disks", "node") == ["n3"]
    for path in ("nodes", "resources", "limits", "maintenance"):
        assert admin.get(f"/{path}?sort=colour").status_code == 422
