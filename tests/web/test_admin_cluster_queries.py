"""The lists of the administration of the cluster ask a constant number of queries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert

from remas import clock
from remas.extensions import db
from remas.models import (
    EVERYONE,
    Alias,
    Allocation,
    Capacity,
    Limit,
    Maintenance,
    Node,
    Reservation,
    Tag,
    User,
)
from remas.models.cluster import resource_alias
from remas.models.policy import limit_node
from remas.models.reservation import reservation_tag
from tests.support import factories
from tests.support.queries import counted
from tests.web.conftest import Visitor

PATHS = (
    *("/admin/nodes", "/admin/nodes/n0/reservations", "/admin/resources", "/admin/aliases"),
    *("/admin/limits", "/admin/maintenance", "/admin/reservations", "/admin/tags"),
    *("/admin/contradictions",),
)


def fill(first: int, last: int) -> None:
    """So many of everything, each with something that hangs on it."""
    numbers = range(first, last)
    now = clock.ceil_minute(clock.now())
    user = db.session.scalar(db.select(User.id).filter_by(username="ada"))
    cpu = factories.make_resource("cpu").id
    spans = {"starts_at": now + timedelta(hours=1), "ends_at": now + timedelta(hours=2)}
    made = {"created_at": now, "updated_at": now, "owner_id": user, **spans}
    ids = [1_000 + n for n in numbers]
    rows: tuple[tuple[object, list[dict[str, object]]], ...] = (
        (Node, [{"id": i, "name": f"n{i - 1_000}"} for i in ids]),
        (Capacity, [{"node_id": i, "resource_id": cpu, "amount": 8} for i in ids]),
        (Alias, [{"id": i, "name": f"alias {i}"} for i in ids]),
        (resource_alias, [{"alias_id": i, "resource_id": cpu} for i in ids]),
        (
            Limit,
            [
                {"id": i, "name": "l", "resource_id": cpu, "amount": 0, "group_id": EVERYONE}
                for i in ids
            ],
        ),
        (limit_node, [{"limit_id": i, "node_id": i} for i in ids]),
        (Maintenance, [{"id": i, "node_id": i, **spans} for i in ids]),
        (Tag, [{"id": i, "name": f"tag {i}", "user_id": user} for i in ids]),
        (Reservation, [{"id": i, "name": "r", **made} for i in ids]),
        (
            Allocation,
            [{"reservation_id": i, "node_id": 1_000, "resource_id": cpu, "amount": 1} for i in ids],
        ),
        (reservation_tag, [{"reservation_id": i, "tag_id": i} for i in ids]),
    )
    for table, values in rows:
        db.session.execute(insert(table), values)  # type: ignore[call-overload]
    db.session.commit()


@pytest.mark.slow
def test_lists_with_five_thousand_rows_ask_no_more_than_with_two(
    app: Flask, ada: User, sign_in: Callable[[User], Visitor]
) -> None:
    with app.app_context():
        admin = sign_in(factories.make_user("root", admin=True))
        fill(0, 2)

    def asked() -> dict[str, int]:
        found: dict[str, int] = {}
        for path in PATHS:
            admin.get(path)
            with counted(app) as statements:
                assert admin.get(path).status_code == 200
            found[path] = len(statements)
        return found

    few = asked()
    with app.app_context():
        fill(2, 5_000)
    assert asked() == few
