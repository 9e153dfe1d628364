"""Searching, booking and the timetable on the wire; the rules themselves are tests/services'."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.api.conftest import API, Caller, Made
from tests.support.queries import counted

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def wish(start: float = 1, hours: float = 2, amount: Any = 2, **changes: Any) -> dict[str, Any]:
    return {
        "name": "train",
        "starts_at": at(start),
        "ends_at": at(start + hours),
        "allocations": [{"node": "n1", "resource": "cpu", "amount": amount}],
        **changes,
    }


@pytest.fixture(autouse=True)
def node(make: Made) -> Any:
    return make.node("n1", {"cpu": 8})


def test_every_offer_can_be_booked_as_it_is(eve: Caller, make: Made) -> None:
    make.node("n2", {"cpu": 8})
    body = {"duration": "PT4H", "demands": {"cpu": 8}, "max_offers": 3}
    found = eve.post("/offers", body)
    assert found.status_code == 200
    assert found.json.keys() == {"status", "offers", "shortages", "detail"}
    assert (found.json["status"], found.json["shortages"]) == ("optimal", [])
    first, *more = found.json["offers"]
    assert first == {
        "starts_at": at(0),
        "ends_at": at(4),
        "allocations": [{"node": first["allocations"][0]["node"], "resource": "cpu", "amount": 8}],
        "proven_earliest": True,
        "note": None,
    }
    assert all(offer["note"] for offer in more)
    booked = eve.post("/reservations", {"name": "x", **first})
    assert booked.status_code == 201
    assert booked.json["allocations"] == first["allocations"]


def test_what_cannot_be_is_told_with_reasons(eve: Caller) -> None:
    answer = eve.post("/offers", {"duration": "PT1H", "demands": {"cpu": 9}})
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["offers"]) == ("infeasible", [])
    assert answer.json["shortages"] or answer.json["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"demands": {}}, "demands"),
        ({"demands": {"cpu": 0}}, "demands.cpu"),
        ({"demands": {"cpu": -5}}, "demands.cpu"),
        ({"demands": {"cpu": True}}, "demands.cpu"),
        ({"demands": {"cpu": 2**63}}, "demands.cpu"),
        ({"demands": {"none": 1}}, "demands.none"),
        ({"demands": ["cpu"]}, "demands"),
        ({"nodes": ["n1", "none"]}, "nodes.1"),
        ({"nodes": "n1"}, "nodes"),
        ({"node_count": 0}, "node_count"),
        ({"node_count": True}, "node_count"),
        ({"max_offers": 0}, "max_offers"),
        ({"max_offers": 11}, "max_offers"),
        ({"earliest": "2030-05-01T12:00:00"}, "earliest"),
        ({"earliest": "2030-05-01T12:00:01Z"}, "earliest"),
        ({"latest_end": 5}, "latest_end"),
        ({"exclude_reservation": "1"}, "exclude_reservation"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_searches_that_mean_nothing(eve: Caller, changes: dict[str, Any], field: str) -> None:
    body = {"duration": "PT1H", "demands": {"cpu": 1}, **changes}
    answer = eve.post("/offers", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize("number", [99, 2**31, 2**63, 10**30])
def test_only_what_exists_can_be_moved(eve: Caller, number: int) -> None:
    body = {"duration": "PT1H", "demands": {"cpu": 1}, "exclude_reservation": number}
    assert eve.post("/offers", body).status_code == 404


def test_a_reservation_is_booked_shown_changed_and_cancelled(eve: Caller) -> None:
    made = eve.post("/reservations", wish(description="net", tags=["b", "a"]))
    assert made.status_code == 201
    path = made.headers["Location"].removeprefix(API)
    assert made.json == {
        "id": made.json["id"],
        "name": "train",
        "description": "net",
        "owner": {"id": made.json["owner"]["id"], "username": "eve", "name": "Eve Tester"},
        "starts_at": at(1),
        "ends_at": at(3),
        "status": "scheduled",
        "allocations": [{"node": "n1", "resource": "cpu", "amount": 2}],
        "tags": ["a", "b"],
        "created_at": at(0),
        "updated_at": at(0),
    }
    assert eve.get(path).json == made.json
    assert eve.get(path).headers["ETag"] == made.headers["ETag"]
    changes = {"name": "test", "description": None, "ends_at": at(4), "tags": []}
    assert eve.patch(path, changes).json == {**made.json, **changes}
    for _ in range(2):  # again: nothing changes
        cancelled = eve.post(f"{path}/cancel")
        assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    late = eve.patch(path, {"ends_at": at(5)})
    assert (late.status_code, late.json["type"]) == (409, "/problems/not-changeable")
    assert eve.post(f"{path}/release").json["type"] == "/problems/not-changeable"


def test_a_running_reservation_is_released(eve: Caller, sign_in: Callable[..., Caller]) -> None:
    path = eve.post("/reservations", wish(0)).headers["Location"].removeprefix(API)
    with time_machine.travel(NOW + timedelta(minutes=30, seconds=10), tick=False):
        eve = sign_in("eve")
        assert eve.get(path).json["status"] == "running"
        for _ in range(2):
            released = eve.post(f"{path}/release")
            assert released.status_code == 200
            assert (released.json["status"], released.json["ends_at"]) == (
                "finished",
                "2030-05-01T12:31:00Z",
            )
        assert eve.post(f"{path}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (wish(amount=0), "allocations.0.amount"),
        (wish(amount=-100), "allocations.0.amount"),
        (wish(amount=True), "allocations.0.amount"),
        (wish(amount=2.0), "allocations.0.amount"),
        (wish(amount=2**63), "allocations.0.amount"),
        (wish(name=""), "name"),
        (wish(name=" \t"), "name"),
        (wish(name="x" * 201), "name"),
        (wish(name=None), "name"),
        (wish(start=-1), "starts_at"),
        (wish(hours=0), "ends_at"),
        (wish(hours=-1), "ends_at"),
        (wish(starts_at="2030-05-01T13:00:00"), "starts_at"),
        (wish(starts_at="2030-05-01T13:00:01Z"), "starts_at"),
        (wish(starts_at=1904475600), "starts_at"),
        (wish(allocations=[]), "allocations"),
        (wish(allocations=None), "allocations"),
        (wish(allocations=[{"node": "n2", "resource": "cpu", "amount": 1}]), "allocations.0.node"),
        (
            wish(allocations=[{"node": "n1", "resource": "gpu", "amount": 1}]),
            "allocations.0.resource",
        ),
        (wish(allocations=wish()["allocations"] * 2), "allocations.1"),
        (wish(tags=[""]), "tags.0"),
        (wish(tags="a"), "tags"),
        (wish(owner="root"), "owner"),
    ],
)
def test_what_cannot_be_booked(eve: Caller, body: dict[str, Any], field: str) -> None:
    answer = eve.post("/reservations", body)
    assert answer.status_code == 422, answer.text
    assert list(answer.json["errors"]) == [field]
    assert eve.get("/reservations").json["total"] == 0


def test_no_room_is_told_with_who_is_there_and_what_would_fit(
    eve: Caller, make: Made, node: Any
) -> None:
    ada = make.user("ada")
    other = make.reservation(ada, NOW + timedelta(hours=1), hours=2, allocations={node: {"cpu": 7}})
    answer = eve.post("/reservations", wish())
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/no-capacity")
    assert answer.json["shortages"] == [
        {
            "node": "n1",
            "resource": "cpu",
            "starts_at": at(1),
            "ends_at": at(3),
            "short_by": 1,
            "reason": "capacity",
            "limit": None,
            "held_by": [
                {
                    "reservation": other.id,
                    "username": "ada",
                    "name": "Ada Tester",
                    "email": "ada@example.org",
                }
            ],
        }
    ]
    (offer,) = answer.json["offers"]
    assert (offer["starts_at"], offer["ends_at"]) == (at(3), at(5))
    assert eve.post("/reservations", {"name": "x", **offer}).status_code == 201


def test_limits_have_a_problem_of_their_own(eve: Caller, make: Made) -> None:
    make.limit(1, group=3, name="small")
    answer = eve.post("/reservations", wish())
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/limit-exceeded")
    (shortage,) = answer.json["shortages"]
    assert (shortage["limit"], shortage["reason"]) == ("small", "limit")


def test_a_key_books_once(eve: Caller) -> None:
    key = {"Idempotency-Key": "abc"}
    first = eve.post("/reservations", wish(), headers=key)
    again = eve.post("/reservations", dict(reversed(wish().items())), headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    other = eve.post("/reservations", wish(amount=1), headers=key)
    assert (other.status_code, other.json["type"]) == (409, "/problems/idempotency-mismatch")
    assert eve.get("/reservations").json["total"] == 1
    for bad in ("", "x" * 256):
        answer = eve.post("/reservations", wish(), headers={"Idempotency-Key": bad})
        assert list(answer.json["errors"]) == ["Idempotency-Key"]


def test_only_what_was_booked_is_remembered(eve: Caller) -> None:
    key = {"Idempotency-Key": "abc"}
    assert eve.post("/reservations", wish(amount=9), headers=key).status_code == 409
    assert eve.post("/reservations", wish(), headers=key).status_code == 201


def test_changing_is_for_the_owner_and_administrators(
    admin: Caller, eve: Caller, make: Made, sign_in: Callable[..., Caller]
) -> None:
    make.user("ada")
    ada = sign_in("ada")
    path = eve.post("/reservations", wish()).headers["Location"].removeprefix(API)
    for answer in (
        ada.patch(path, {"name": "mine"}),
        ada.post(f"{path}/cancel"),
        ada.post(f"{path}/release"),
        ada.put(f"{path}/tags/x"),
        ada.delete(f"{path}/tags/x"),
    ):
        assert answer.status_code == 403
    assert admin.patch(path, {"name": "moved"}).json["name"] == "moved"
    assert admin.post(f"{path}/cancel").status_code == 200


def test_stale_changes_of_a_reservation_are_refused(eve: Caller) -> None:
    made = eve.post("/reservations", wish())
    path = made.headers["Location"].removeprefix(API)
    seen = {"If-Match": made.headers["ETag"]}
    assert eve.patch(path, {"name": "other"}, headers=seen).status_code == 200
    assert eve.patch(path, {"name": "third"}, headers=seen).status_code == 412
    assert eve.get(path).json["name"] == "other"


def test_a_change_that_does_not_fit_is_refused_whole(eve: Caller) -> None:
    made = eve.post("/reservations", wish())
    path = made.headers["Location"].removeprefix(API)
    more = wish(amount=9)["allocations"]
    answer = eve.patch(path, {"name": "bigger", "allocations": more})
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/no-capacity")
    assert eve.get(path).json == made.json
    for body, field in (
        ({"name": None}, "name"),
        ({"starts_at": None}, "starts_at"),
        ({"allocations": []}, "allocations"),
        ({"status": "finished"}, "status"),
    ):
        assert list(eve.patch(path, body).json["errors"]) == [field]


def test_groups_that_do_not_share_hide_what_for(
    admin: Caller, make: Made, node: Any, sign_in: Callable[..., Caller]
) -> None:
    secretive = make.group("Secretive", users_share_statistics=False)
    ada = make.user("ada", group=secretive)
    make.user("bob", group=secretive)
    tag = make.tag(ada, "thesis")
    row = make.reservation(
        ada,
        NOW,
        hours=2,
        allocations={node: {"cpu": 1}},
        tags=[tag],
        name="secret",
        description="x",
    )
    path, calendar = f"/reservations/{row.id}", f"/timetable?from={at(0)}&to={at(9)}"
    for caller, known in ((sign_in("ada"), True), (admin, True), (sign_in("bob"), False)):
        shape = caller.get(path).json
        assert shape["owner"]["username"] == "ada"
        assert (shape["name"], shape["description"], shape["tags"]) == (
            ("secret", "x", ["thesis"]) if known else (None, None, [])
        )
        assert caller.get("/reservations").json["items"] == [shape]
        assert caller.get(calendar).json["reservations"][0]["name"] == shape["name"]


def test_reservations_are_found(eve: Caller, make: Made, node: Any) -> None:
    ada, other = make.user("ada"), make.node("n2")
    for name, start, where in (("past", -5, node), ("now", -1, other), ("later", 5, node)):
        begin = NOW + timedelta(hours=start)
        make.reservation(ada, begin, hours=2, name=name, allocations={where: {"cpu": 1}})
    eve.post("/reservations", wish(5, name="mine"))

    def found(query: str = "") -> list[str]:
        return [row["name"] for row in eve.get(f"/reservations?{query}").json["items"]]

    assert found() == ["past", "now", "later", "mine"]
    assert found("owner=eve") == ["mine"]
    assert found("owner=nobody") == []
    assert found("node=n2") == ["now"]
    assert found("status=running") == ["now"]
    assert found(f"from={at(1)}") == ["later", "mine"]
    assert found(f"to={at(-1)}") == ["past"]
    assert found("per_page=1&page=2") == ["now"]
    assert eve.get("/reservations?status=over").status_code == 422
    assert eve.get("/reservations?from=yesterday").status_code == 422


def test_tags_are_put_on_and_taken_off(eve: Caller) -> None:
    path = eve.post("/reservations", wish()).headers["Location"].removeprefix(API)
    assert eve.post("/tags", {"name": "thesis", "description": "x"}).status_code == 201
    for _ in range(2):
        assert eve.put(f"{path}/tags/thesis").json["tags"] == ["thesis"]
    assert eve.put(f"{path}/tags/new").json["tags"] == ["new", "thesis"]
    for _ in range(2):
        assert eve.delete(f"{path}/tags/new").status_code == 204
    assert [tag["name"] for tag in eve.get("/tags").json["items"]] == ["new", "thesis"]
    assert eve.patch("/tags/thesis", {"name": "paper", "description": None}).json["name"] == "paper"
    assert eve.get(path).json["tags"] == ["paper"]
    assert eve.post("/tags", {"name": "paper"}).json["type"] == "/problems/name-taken"
    assert eve.delete("/tags/paper").status_code == 204
    assert eve.get(path).json["tags"] == []
    assert eve.put("/reservations/99/tags/x").status_code == 404


# The timetable


def test_the_timetable_shows_rows_bars_and_what_is_free(eve: Caller, make: Made, node: Any) -> None:
    make.node("n2", {"cpu": 4})
    closed = make.maintenance(node, NOW + timedelta(hours=6), hours=1, reason="disks")
    booked = eve.post("/reservations", wish()).json
    answer = eve.get(f"/timetable?from={at(2)}&to={at(10)}&node=n1")
    assert answer.json == {
        "from": at(2),
        "to": at(10),
        "nodes": [{"id": node.id, "name": "n1", "capacities": [{"resource": "cpu", "amount": 8}]}],
        "reservations": [
            {
                "id": booked["id"],
                "name": "train",
                "owner": booked["owner"],
                "starts_at": at(1),
                "ends_at": at(3),
                "status": "scheduled",
                "allocations": booked["allocations"],
            }
        ],
        "maintenance": [
            {
                "id": closed.id,
                "node": "n1",
                "starts_at": at(6),
                "ends_at": at(7),
                "reason": "disks",
            }
        ],
        "free": [{"node": "n1", "resource": "cpu", "steps": [[at(2), 6], [at(3), 8]]}],
    }
    both = eve.get(f"/timetable?from={at(2)}&to={at(10)}").json
    assert [row["name"] for row in both["nodes"]] == ["n1", "n2"]
    named = eve.get(f"/timetable?from={at(2)}&to={at(10)}&node=n1&node=n2")
    assert named.json == both


def test_an_unchanged_timetable_costs_a_304(
    eve: Caller, admin: Caller, make: Made, node: Any
) -> None:
    hidden = make.group(users_share_statistics=False)
    path = f"/timetable?from={at(0)}&to={at(10)}"
    make.reservation(
        make.user("ada", group=hidden), NOW + timedelta(minutes=1), allocations={node: {"cpu": 1}}
    )
    known = {"If-None-Match": eve.get(path).headers["ETag"]}
    assert eve.get(path, headers=known).status_code == 304
    assert admin.get(path, headers=known).status_code == 200  # who sees more
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert eve.get(path, headers=known).status_code == 200  # now it is running
    admin.put("/nodes/n1/capacities/cpu", {"amount": 9})
    assert eve.get(path, headers=known).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "from"),
        (f"from={at(0)}", "to"),
        (f"from={at(1)}&to={at(1)}", "to"),
        (f"from={at(1)}&to={at(0)}", "to"),
        (f"from={at(0)}&to={at(401 * 24)}", "to"),
        (f"from=today&to={at(1)}", "from"),
        (f"from={at(0)}&to={at(1)}&node=none", "node"),
        (f"from={at(0)}&to={at(1)}&nodes=n1", "nodes"),
    ],
)
def test_ranges_that_mean_nothing(eve: Caller, query: str, field: str) -> None:
    answer = eve.get(f"/timetable?{query}")
    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_reading_costs_the_same_however_much_is_booked(
    app: Flask, eve: Caller, make: Made, node: Any
) -> None:
    paths = ("/reservations", f"/timetable?from={at(0)}&to={at(99)}")

    def costs() -> list[int]:
        found = []
        for path in paths:
            with counted(app) as statements:
                assert eve.get(path).status_code == 200
            found.append(len(statements))
        return found

    def fill(hours: range) -> None:
        for hour in hours:
            user, start = make.user(), NOW + timedelta(hours=hour)
            other = make.node(f"m{hour}", {"gpu": 1})
            tags = [make.tag(user)]
            bundle = {node: {"cpu": 1}, other: {"gpu": 1}}
            make.reservation(user, start, hours=1, allocations=bundle, tags=tags)

    fill(range(2))
    few = costs()
    fill(range(2, 12))
    assert costs() == few
