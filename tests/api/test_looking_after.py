"""What administrators look after: what needs a look, contradictions, aliases, others' tokens."""

from typing import Any

import pytest
from flask import Flask

from remas.models import Node, OutboxKind, Reservation
from tests.api.conftest import Caller, Made
from tests.support.factories import soon

TOKEN = {"name": "nightly", "scope": "write"}


@pytest.fixture
def too_much(make: Made) -> Reservation:
    """Ann holds 3 gpu on n1, which has 1 by now."""
    node: Node = make.node("n1", {"gpu": 1})
    held: Reservation = make.reservation(
        make.user("ann"), soon(), 2, name="Train", allocations={node: {"gpu": 3}}
    )
    return held


def token_of(caller: Caller) -> dict[str, Any]:
    """A token that the caller makes for a program."""
    body = {**TOKEN, "expires_at": f"{soon():%Y-%m-%dT%H:%M:%SZ}"}
    made: dict[str, Any] = caller.post("/me/tokens", body).get_json()
    return made


def test_what_needs_a_look(admin: Caller, too_much: Reservation) -> None:
    assert admin.get("/attention").json["items"] == [{"matter": "over-committed", "number": 1}]


def test_nothing_needs_a_look(admin: Caller) -> None:
    assert admin.get("/attention").json == {"items": [], "page": 1, "per_page": 50, "total": 0}


def test_what_stands_against_what_is_stored(admin: Caller, too_much: Reservation) -> None:
    found = admin.get("/contradictions").json
    assert (found["total"], found["reservations"], found["owners"]) == (1, 1, 1)
    (one,) = found["items"]
    told = {name: one[name] for name in ("reservation", "cause", "node", "resource", "short_by")}
    assert told == {
        "reservation": too_much.id,
        "cause": "capacity",
        "node": "n1",
        "resource": "gpu",
        "short_by": 2,
    }


def test_owners_are_told(admin: Caller, too_much: Reservation) -> None:
    body = {"reservations": [too_much.id], "why": "n1 gets fewer GPUs."}
    assert admin.post("/contradictions/tell", body).json == {"letters": 1}
    letters = admin.get("/outbox", query_string={"recipient": "ann"}).json["items"]
    kinds = [letter["kind"] for letter in letters]
    assert kinds.count(OutboxKind.CONTRADICTED.value) == 1


def test_only_owners_of_contradictions_are_told(admin: Caller, too_much: Reservation) -> None:
    body = {"reservations": [too_much.id, too_much.id + 1], "why": "So it is."}
    answer = admin.post("/contradictions/tell", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["reservations.1"]
    twice = {"reservations": [too_much.id], "why": "in\ntwo lines"}
    assert list(admin.post("/contradictions/tell", twice).json["errors"]) == ["why"]
    assert admin.get("/outbox", query_string={"recipient": "ann"}).json["total"] == 0


def test_a_uid_for_a_new_account(admin: Caller, make: Made) -> None:
    make.user("ann", uid=2000)
    assert admin.get("/suggested-uid").json == {"uid": 2001}


def test_aliases(admin: Caller, eve: Caller, make: Made) -> None:
    made = admin.post("/aliases", {"name": "graphics", "description": "As people say."})
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/v1/aliases/graphics"
    assert admin.post("/aliases", {"name": "graphics"}).json["type"] == "/problems/name-taken"
    admin.post("/resources", {"name": "gpu", "aliases": ["graphics", "accelerator"]})
    assert eve.get("/aliases/graphics").json == {**made.json, "resources": ["gpu"]}
    listed = eve.get("/aliases", query_string={"sort": "-name"}).json
    assert [alias["name"] for alias in listed["items"]] == ["graphics", "accelerator"]
    assert eve.get("/aliases", query_string={"q": "acc"}).json["total"] == 1
    assert eve.get("/aliases", query_string={"sort": "id"}).status_code == 422
    stale = {"If-Match": made.headers["ETag"]}
    assert admin.patch("/aliases/graphics", {"name": "card"}, headers=stale).status_code == 412
    assert admin.patch("/aliases/graphics", {"name": "card"}).json["name"] == "card"
    assert admin.get("/resources/gpu").json["aliases"] == ["accelerator", "card"]
    assert admin.delete("/aliases/card").status_code == 204
    assert admin.delete("/aliases/card").status_code == 404
    assert admin.get("/resources/gpu").json["aliases"] == ["accelerator"]


def test_tokens_of_others(app: Flask, admin: Caller, eve: Caller) -> None:
    made = token_of(eve)
    (listed,) = admin.get("/users/eve/tokens").json["items"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    program = Caller(app, made["token"])
    assert program.get("/me").status_code == 200
    assert (
        Caller(app, token_of(admin)["token"]).delete(f"/users/eve/tokens/{made['id']}").status_code
        == 403
    )  # a token ends no other
    assert admin.delete(f"/users/root/tokens/{made['id']}").status_code == 404
    assert admin.delete(f"/users/eve/tokens/{made['id']}").status_code == 204
    assert program.get("/me").status_code == 401
    assert admin.get("/users/eve/tokens").json["total"] == 0
    assert admin.get("/users/nobody/tokens").status_code == 404


def test_how_things_stand_now(admin: Caller, eve: Caller, make: Made) -> None:
    node = make.node("n1", {"cpu": 8})
    make.reservation(make.user("ann"), soon(-1), 3, allocations={node: {"cpu": 3}})
    (found,) = eve.get("/status/nodes").json["items"]
    assert found == {
        "name": "n1",
        "state": "available",
        "closed_until": None,
        "reservations": 1,
        "uses": [{"resource": "cpu", "unit": "", "capacity": 8, "held": 3, "free": 5}],
    }
    told = admin.get("/status/service").json
    assert told["letters"] == admin.get("/outbox/counts").json
    assert "ticker_seen" in told
