"""Nodes, resources, limits, maintenance and audit on the wire."""

from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import API, Caller, Made
from tests.support.queries import counted


def test_a_node_from_birth_to_death(admin: Caller, eve: Caller, make: Made) -> None:
    make.resource("cpu")
    make.resource("gpu")
    capacities = [{"resource": "gpu", "amount": 2}, {"resource": "cpu", "amount": 8}]
    made = admin.post("/nodes", {"name": "n1", "capacities": capacities})
    assert made.status_code == 201
    assert made.headers["Location"] == f"{API}/nodes/n1"
    assert made.json == {
        "id": made.json["id"],
        "name": "n1",
        "description": None,
        "state": "available",
        "capacities": capacities[::-1],
        "address": None,
        "exporters": None,
    }
    assert eve.get("/nodes/n1").json == made.json
    changed = admin.patch("/nodes/n1", {"state": "drained", "description": "old"})
    assert changed.json == {**made.json, "state": "drained", "description": "old"}
    put = admin.put("/nodes/n1/capacities/gpu", {"amount": 4})
    assert (put.status_code, put.json) == (200, {"resource": "gpu", "amount": 4})
    assert admin.delete("/nodes/n1/capacities/gpu").status_code == 204
    assert eve.get("/nodes/n1").json["capacities"] == capacities[1:]
    body = {"name": "n2", "capacities": capacities[:1], "description": None}
    replaced = admin.patch("/nodes/n1", body).json
    assert (replaced["name"], replaced["capacities"]) == ("n2", capacities[:1])
    assert admin.delete("/nodes/n2").status_code == 204
    assert eve.get("/nodes/n2").status_code == 404


def test_a_node_that_was_read_can_be_sent_back(admin: Caller, make: Made) -> None:
    own = [{"job": "dcgm", "port": 9400, "path": "/gpu"}]
    make.node("n1", {"cpu": 8, "gpu": 2}, address="10.0.0.7", exporters=own)
    shape = admin.get("/nodes/n1").json
    assert (shape["address"], shape["exporters"]) == ("10.0.0.7", own)
    asked = {name: value for name, value in shape.items() if name != "id"}
    assert admin.patch("/nodes/n1", asked).json == shape


def test_where_a_node_is_watched(admin: Caller, eve: Caller) -> None:
    up, gpu = {"job": "up", "port": 1}, {"job": "gpu", "port": 65535, "path": "/a/b"}
    body = {"name": "n1", "address": " fd00:0::1 ", "exporters": [up, gpu]}
    made = admin.post("/nodes", body)
    assert made.status_code == 201
    assert made.json["address"] == "fd00::1"
    assert made.json["exporters"] == [{**up, "path": "/metrics"}, gpu]

    changed = admin.patch("/nodes/n1", {"description": "old"}).json
    assert (changed["address"], len(changed["exporters"])) == ("fd00::1", 2)  # left alone
    assert admin.patch("/nodes/n1", {"exporters": []}).json["exporters"] == []
    usual = admin.patch("/nodes/n1", {"exporters": None, "address": None}).json
    assert (usual["address"], usual["exporters"]) == (None, None)

    records = [row["after"] for row in admin.get("/audit?kind=node").json["items"]]
    assert records[0] == {"address": None, "exporters": None}
    assert records[1] == {"exporters": []}
    assert records[-1]["exporters"] == ["up:1", "gpu:65535/a/b"]
    assert eve.patch("/nodes/n1", {"exporters": []}).status_code == 403


def test_exporters_are_not_overwritten_unseen(admin: Caller, make: Made) -> None:
    make.node("n1")
    seen = {"If-Match": admin.get("/nodes/n1").headers["ETag"]}
    assert admin.patch("/nodes/n1", {"exporters": []}).status_code == 200
    again = admin.patch("/nodes/n1", {"address": "10.0.0.7"}, headers=seen)
    assert again.status_code == 412


def exporter(**changes: object) -> dict[str, object]:
    """An exporter that can be, with these changes."""
    return {"job": "up", "port": 9100, "path": "/metrics", **changes}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(
            ({"address": address}, "address")
            for address in (
                *("n1:9100", "http://n1", "n1/", "two words", "10.0.0", "300.1.1.1", "a..b"),
                *("-n1", "n1-", "fe80::1%eth0", "[n1]", "bücher", "a" * 64, "a." * 127 + "a"),
            )
        ),
        *(
            (
                {"exporters": [exporter(), exporter(**{"job": "b", name: value})]},
                f"exporters.1.{name}",
            )
            for name, values in {
                "job": ("", "9a", "a-b", "a b", "ü", "a\n", "a" * 201),
                "port": (0, 65536, -1, "9100", 9100.0, True, 2**70),
                "path": ("", "metrics", "/a b", "/a?b", "/a#b", "/ü", "/" + "a" * 200, "/a\u0001"),
            }.items()
            for value in values
        ),
        ({"exporters": [exporter(), exporter(path="/other")]}, "exporters.1"),
        ({"exporters": [exporter(port=port) for port in range(1, 52)]}, "exporters"),
        ({"exporters": {"job": "up", "port": 1}}, "exporters"),
        ({"exporters": "up:9100"}, "exporters"),
        ({"exporters": [{"job": "up"}]}, "exporters.0.port"),
        ({"exporters": [exporter(more=1)]}, "exporters.0.more"),
    ],
)
def test_what_prometheus_could_not_use_is_refused(
    admin: Caller, make: Made, body: dict[str, object], field: str
) -> None:
    make.node("n1")
    before = admin.get("/nodes/n1").json
    for answer in (admin.patch("/nodes/n1", body), admin.post("/nodes", {"name": "n2", **body})):
        assert answer.status_code == 422
        assert list(answer.json["errors"]) == [field]
    assert admin.get("/nodes/n1").json == before
    assert admin.get("/nodes/n2").status_code == 404


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("n1", "n1"),
        (" N1.Cluster_a.example.org ", "N1.Cluster_a.example.org"),
        ("10.0.0.7", "10.0.0.7"),
        ("[FD00::0001]", "fd00::1"),
        ("7n", "7n"),
        (("a" * 63 + ".") * 3 + "a" * 61, ("a" * 63 + ".") * 3 + "a" * 61),
        ("   ", None),
        ("", None),
    ],
)
def test_what_an_address_may_be(
    admin: Caller, make: Made, written: str, stored: str | None
) -> None:
    make.node("n1", address="10.9.9.9")
    assert admin.patch("/nodes/n1", {"address": written}).json["address"] == stored


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "broken"}, "state"),
        ({"state": None}, "state"),
        ({"name": None}, "name"),
        ({"capacities": None}, "capacities"),
        ({"capacities": {"cpu": 8}}, "capacities"),
        ({"capacities": [{"resource": "cpu"}]}, "capacities.0.amount"),
        ({"capacities": [{"resource": "cpu", "amount": True}]}, "capacities.0.amount"),
        ({"capacities": [{"resource": "cpu", "amount": 1}] * 2}, "capacities"),
        ({"capacities": [{"resource": "none", "amount": 1}]}, "capacities.0.resource"),
        ({"description": 8}, "description"),
    ],
)
def test_what_a_node_cannot_become(
    admin: Caller, make: Made, body: dict[str, object], field: str
) -> None:
    make.node("n1", {"cpu": 8})
    before = admin.get("/nodes/n1").json
    answer = admin.patch("/nodes/n1", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert admin.get("/nodes/n1").json == before


def test_what_has_history_stays(admin: Caller, make: Made) -> None:
    node = make.node("n1", {"cpu": 8})
    make.reservation(make.user("ada"), name="train", allocations={node: {"cpu": 1}})
    for path in ("/nodes/n1", "/nodes/n1/capacities/cpu", "/resources/cpu"):
        answer = admin.delete(path)
        assert answer.status_code == 409
        assert answer.json["type"] == "/problems/in-use"
        assert len(answer.json["things"]) == 1
        assert "train" in answer.json["things"][0]
    without = admin.patch("/nodes/n1", {"capacities": []})
    assert without.json["type"] == "/problems/in-use"
    assert admin.patch("/nodes/n1", {"state": "retired"}).status_code == 200


def test_a_resource_from_birth_to_death(admin: Caller, eve: Caller) -> None:
    body = {"name": "mem", "unit": "Bytes (IEC)", "aliases": ["RAM", "memory"]}
    made = admin.post("/resources", body)
    assert made.status_code == 201
    assert made.headers["Location"] == f"{API}/resources/mem"
    unmeasured = {"measure": None, "usage_query": None}
    assert made.json == {"id": made.json["id"], "description": None, **body, **unmeasured}
    changed = admin.patch("/resources/mem", {"aliases": ["RAM"], "unit": "", "description": "x"})
    assert changed.json == {**made.json, "aliases": ["RAM"], "unit": "", "description": "x"}
    assert eve.get("/resources/mem").json == changed.json
    assert eve.get("/resources?alias=RAM").json["total"] == 1
    assert eve.get("/resources?alias=memory").json["total"] == 0
    assert admin.patch("/resources/mem", {"unit": "kg"}).status_code == 422
    assert admin.post("/resources", {"name": "mem"}).json["field"] == "name"
    assert admin.delete("/resources/mem").status_code == 204


def limit(**changes: object) -> dict[str, Any]:
    return {"name": "small", "resource": "cpu", "amount": 4, **changes}


def test_a_limit_from_birth_to_death(admin: Caller, eve: Caller, make: Made) -> None:
    make.node("n1")
    made = admin.post("/limits", limit(user="eve", nodes=["n1"], scope="total"))
    assert made.status_code == 201
    path = made.headers["Location"].removeprefix(API)
    assert made.json == {
        "id": made.json["id"],
        "name": "small",
        "description": None,
        "resource": "cpu",
        "amount": 4,
        "user": "eve",
        "group": None,
        "nodes": ["n1"],
        "scope": "total",
    }
    assert admin.get(path).json == made.json
    changes = {"group": "Users", "user": None, "nodes": [], "amount": 0, "scope": "each_node"}
    assert admin.patch(path, changes).json == {**made.json, **changes}
    assert admin.get("/limits?group=Users").json["total"] == 1
    assert admin.get("/limits?user=eve").json["total"] == 0
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (limit(), "user"),
        (limit(user="eve", group="Users"), "user"),
        (limit(user=None, group=None), "user"),
        (limit(user="nobody"), "user"),
        (limit(group="nothing"), "group"),
        (limit(user="eve", amount=-1), "amount"),
        (limit(user="eve", amount=True), "amount"),
        (limit(user="eve", amount=2**63), "amount"),
        (limit(user="eve", resource="none"), "resource"),
        (limit(user="eve", nodes=["none"]), "nodes.0"),
        (limit(user="eve", nodes="n1"), "nodes"),
        (limit(user="eve", scope="each"), "scope"),
        (limit(user="eve", name=""), "name"),
        (limit(user="eve", level="user"), "level"),
    ],
)
def test_what_a_limit_cannot_be(
    admin: Caller, eve: Caller, make: Made, body: dict[str, object], field: str
) -> None:
    make.resource("cpu")
    answer = admin.post("/limits", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert admin.get("/limits").json["total"] == 0


def test_maintenance_from_begin_to_end(admin: Caller, eve: Caller, make: Made) -> None:
    make.node("n1")
    make.node("n2")
    times = {"starts_at": "2030-05-01T08:00:00Z", "ends_at": "2030-05-01T10:00:00Z"}
    made = admin.post("/maintenance", {"node": "n1", **times})
    assert made.status_code == 201
    path = made.headers["Location"].removeprefix(API)
    assert made.json == {"id": made.json["id"], "node": "n1", **times, "reason": None}
    assert eve.get(path).json == made.json
    changes = {"node": "n2", "ends_at": "2030-05-01T11:00:00Z", "reason": "disks"}
    assert admin.patch(path, changes).json == {**made.json, **changes}
    assert eve.get("/maintenance?node=n2").json["total"] == 1
    for query, total in (
        ("from=2030-05-01T10:59:00Z", 1),
        ("from=2030-05-01T11:00:00Z", 0),
        ("to=2030-05-01T08:01:00Z", 1),
        ("to=2030-05-01T08:00:00Z", 0),
    ):
        assert eve.get(f"/maintenance?{query}").json["total"] == total, query
    for body, field in (
        ({"ends_at": "2030-05-01T08:00:00Z"}, "ends_at"),
        ({"starts_at": "2030-05-01T08:00:30Z"}, "starts_at"),
        ({"starts_at": None}, "starts_at"),
        ({"node": "n3"}, "node"),
    ):
        assert list(admin.patch(path, body).json["errors"]) == [field]
    assert admin.delete(path).status_code == 204
    assert eve.get(path).status_code == 404


def test_the_audit_tells_who_changed_what(admin: Caller, eve: Caller, make: Made) -> None:
    make.node("n1")
    admin.patch("/nodes/n1", {"state": "drained"})
    eve.post("/tags", {"name": "mine"})
    tag, node = admin.get("/audit").json["items"]  # latest first
    assert (tag["actor"], tag["action"], tag["kind"], tag["subject"]) == (
        *("eve", "create", "tag", "mine"),
    )
    assert node == {
        "id": node["id"],
        "at": node["at"],
        "actor": "root",
        "actor_id": node["actor_id"],
        "address": "127.0.0.1",
        "action": "change",
        "kind": "node",
        "subject_id": node["subject_id"],
        "subject": "n1",
        "before": {"state": "available"},
        "after": {"state": "drained"},
    }
    for query, total in (
        ("actor=eve", 1),
        ("action=change", 1),
        ("kind=node&subject=n1", 1),
        (f"subject_id={node['subject_id']}&kind=node", 1),
        ("kind=limit", 0),
        (f"from={node['at']}", 2),
        (f"to={node['at']}", 0),
        (f"from={node['at']}&to={tag['at']}", 1),
    ):
        assert admin.get(f"/audit?{query}").json["total"] == total, query


def test_nothing_is_written_when_nothing_is_changed(admin: Caller, make: Made) -> None:
    make.node("n1")
    for path in ("/nodes/n1", "/resources/cpu", "/groups/Users", "/users/root", "/me"):
        assert admin.patch(path, {}).status_code == 200
    admin.put("/nodes/n1/capacities/cpu", {"amount": 8})
    assert admin.get("/audit").json["total"] == 0


def test_lists_of_the_cluster_cost_the_same_whatever_their_length(
    app: Flask, admin: Caller, make: Made
) -> None:
    paths = ("/nodes", "/resources", "/limits", "/maintenance", "/audit", "/tags")

    def costs() -> list[int]:
        found = []
        for path in paths:
            with counted(app) as statements:
                assert admin.get(path).status_code == 200
            found.append(len(statements))
        return found

    def fill(names: range) -> None:
        for i in names:
            node = make.node(f"n{i}", {f"r{i}": 1, "cpu": 1})
            make.maintenance(node)
            make.limit(1, user=make.user(), nodes=[node])
            admin.patch(f"/resources/r{i}", {"aliases": [f"a{i}", "any"]})

    fill(range(2))
    few = costs()
    fill(range(2, 9))
    assert costs() == few
