"""Every list of the administration and of the API asks as often with 5,000 rows as with 50."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from remas import clock
from remas.extensions import db
from remas.models import (
    Alias,
    Allocation,
    Audit,
    Base,
    Capacity,
    Group,
    Limit,
    Maintenance,
    Node,
    Notification,
    NotificationType,
    Outbox,
    OutboxKind,
    Reservation,
    Resource,
    Tag,
    User,
    limit_node,
)
from remas.models.reservation import reservation_tag
from tests.support import factories
from tests.support.prometheus_double import PrometheusDouble
from tests.support.queries import counted
from tests.web.conftest import Visitor

FEW, MANY = 50, 5000
NOBODY = "http://127.0.0.1:1"
FIRST = 100_000  # ids, far from those that the database gives
NOT_LISTS = (
    *("/api/v1/openapi.json", "/api/v1/timetable", "/api/v1/reports", "/admin/contradictions"),
)
"""A document, and what is worked out anew each time: that is counted in tests of its own."""


@pytest.mark.slow
@pytest.mark.timeout(900)  # twice every list, once with thousands of rows in each table
def test_lists_ask_as_often_whatever_their_length(
    make_app: Callable[..., Flask], meter: PrometheusDouble
) -> None:
    # With all that some lists are about. Grafana itself is asked by none of them.
    app = make_app(PROMETHEUS_URL=meter.url, GRAFANA_URL=NOBODY, GRAFANA_PASSWORD="x")
    with app.app_context():
        root = factories.make_user("root", admin=True)
        fill(range(FEW))
    as_root = Visitor(app.test_client())
    assert as_root.sign_in(root.username).status_code == 302
    token = as_root.client.post(
        "/api/v1/auth/token", json={"username": "root", "password": factories.PASSWORD}
    ).json["access_token"]
    few = costs(app, as_root, token)
    with app.app_context():
        fill(range(FEW, MANY))
    many = costs(app, as_root, token)
    assert len(few) > 25
    grown = {path: (few[path], many[path]) for path in few if many[path] > few[path]}
    assert grown == {}


def costs(app: Flask, as_root: Visitor, token: str) -> dict[str, int]:
    """Address to number of statements."""
    headers = {"Authorization": f"Bearer {token}"}
    found = dict[str, int]()
    for path in paths(app):
        with counted(app) as statements:
            answer = as_root.get(path, headers=headers if path.startswith("/api/") else {})
        assert answer.status_code == 200, path
        found[path] = len(statements)
    return found


def paths(app: Flask) -> Iterator[str]:
    """All lists without a name in their address, also of others' making; and those with one."""
    for rule in app.url_map.iter_rules():
        address, read = rule.rule, "GET" in (rule.methods or ()) and not rule.arguments
        form = "/new/" in address or address.endswith("/new")
        if read and address.startswith(("/admin", "/api/v1/")) and not form:
            yield from () if address in NOT_LISTS else (address,)
    yield "/admin/users?group=Everyone&state=active&q=name&sort=-group"
    yield "/admin/groups?q=g1"
    yield "/admin/audit?kind=reservation"
    for tab in ("", "/limits", "/reservations", "/sessions", "/history", "/active", "/delete"):
        yield f"/admin/users/u0{tab}"
    for tab in ("", "/members", "/history", "/delete"):
        yield f"/admin/groups/g0{tab}"
    yield "/api/v1/users?group=Everyone&subgroups=true&sort=-uid&per_page=200"
    yield f"/reservations/{FIRST}/history"


def fill(numbers: range) -> None:
    """So many more of everything; in the first group and of the first person as many as there."""
    now = clock.now().replace(second=0, microsecond=0)
    for table, row in ROWS.items():
        put(table, [row(i, now) for i in numbers])
    ids = [FIRST + i for i in numbers]
    db.session.execute(insert(limit_node), [{"limit_id": i, "node_id": FIRST} for i in ids])
    tagged = [{"reservation_id": i, "tag_id": i} for i in ids]
    db.session.execute(insert(reservation_tag), tagged)
    db.session.commit()


def put(table: type[Base], rows: list[dict[str, Any]]) -> None:
    db.session.execute(insert(table), rows)


def _user(i: int, now: Any) -> dict[str, Any]:
    return {
        "id": FIRST + i,
        "username": f"u{i}",
        "username_folded": f"u{i}",
        "name": "name",
        "surname": f"surname {i}",
        "email": f"u{i}@example.org",
        "email_folded": f"u{i}@example.org",
        "uid": 10_000 + i,
        "password_hash": "!",
        "password_change_required": i % 3 == 0,
        "group_id": FIRST + (i if i % 2 else 0),
        "created_at": now,
    }


def _reservation(i: int, now: Any) -> dict[str, Any]:
    return {
        "id": FIRST + i,
        "name": f"r{i}",
        "owner_id": FIRST + (i if i % 2 else 0),
        "starts_at": now + timedelta(minutes=i),
        "ends_at": now + timedelta(minutes=i + 30),
        "created_at": now,
        "updated_at": now,
    }


def _audit(i: int, now: Any) -> dict[str, Any]:
    held = [{"node_id": FIRST + i, "resource_id": FIRST + i, "amount": 1}]
    return {
        "id": FIRST + i,
        "at": now,
        "actor": "root",
        "action": "create",
        "kind": ("reservation", "user", "group")[i % 3],
        "subject_id": FIRST,
        "subject": f"subject {i}",
        "after": {"owner_id": FIRST + i, "allocations": held},
    }


ROWS: dict[type[Base], Callable[[int, Any], dict[str, Any]]] = {
    Group: lambda i, now: {"id": FIRST + i, "name": f"g{i}", "parent_id": 1 + i % 3},
    User: _user,
    Resource: lambda i, now: {"id": FIRST + i, "name": f"resource {i}", "description": "x"},
    Alias: lambda i, now: {"id": FIRST + i, "name": f"alias {i}"},
    Node: lambda i, now: {"id": FIRST + i, "name": f"n{i}"},
    Capacity: lambda i, now: {"node_id": FIRST + i, "resource_id": FIRST + i % 50, "amount": 8},
    Limit: lambda i, now: {
        "id": FIRST + i,
        "name": f"limit {i}",
        "resource_id": FIRST + i,
        "amount": 5,
        "user_id": FIRST + i if i % 2 else None,
        "group_id": None if i % 2 else FIRST + i,
    },
    Maintenance: lambda i, now: {
        "id": FIRST + i,
        "node_id": FIRST + i,
        "starts_at": now + timedelta(hours=i),
        "ends_at": now + timedelta(hours=i + 1),
    },
    Reservation: _reservation,
    Allocation: lambda i, now: {
        "reservation_id": FIRST + i,
        "node_id": FIRST + i,
        "resource_id": FIRST + i,
        "amount": 1,
    },
    Tag: lambda i, now: {
        "id": FIRST + i,
        "name": f"tag {i}",
        "user_id": FIRST + (i if i % 2 else 0),
    },
    Notification: lambda i, now: {
        "id": FIRST + i,
        "name": f"notification {i}",
        "type": NotificationType.TASK_START,
        "time_offset": 60,
        "owner_id": FIRST + i if i % 2 else None,
    },
    Outbox: lambda i, now: {
        "id": FIRST + i,
        "key": f"key {i}",
        "kind": OutboxKind.ACCOUNT_MADE,
        "recipient_id": FIRST + i,
        "payload": {},
        "created_at": now,
        "due_at": now,
        "next_attempt_at": now,
    },
    Audit: _audit,
}
