"""Maintenance, from the administration's pages."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from remas import clock
from remas.errors import Invalid
from remas.models import User
from remas.services import audit, maintenance
from remas.services.actor import SYSTEM
from remas.services.audit import AuditFilter
from remas.services.maintenance import MaintenanceChange, MaintenanceFilter, MaintenanceNew
from tests.support import factories
from tests.web.admin_cluster import press
from tests.web.conftest import Visitor

NEW = "/admin/maintenance/new"
PRAGUE = ZoneInfo("Europe/Prague")
WINTER = {"starts_at": "2030-01-15T09:00", "ends_at": "2030-01-15T17:00", "reason": "New disks"}


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        for name in ("n1", "n2", "n3"):
            factories.make_node(name)
        root = factories.make_user("root", admin=True, time_zone="Europe/Prague")
        return sign_in(root)


def stored(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        found = maintenance.search(MaintenanceFilter(), sort="node")
        return [{"id": row.id, **maintenance.facts(row)} for row in found.items]


def test_several_nodes_get_an_entry_each_in_local_time(admin: Visitor, app: Flask) -> None:
    done = admin.post(NEW, {**WINTER, "nodes": ["n1", "n3"]}, follow_redirects=True)
    assert "The maintenance of 2 nodes is planned." in done.text
    rows = stored(app)
    assert [row["node"] for row in rows] == ["n1", "n3"]
    assert {row["starts_at"] for row in rows} == {"2030-01-15T08:00:00+00:00"}  # an hour ahead
    with app.app_context():
        made = audit.search(SYSTEM, AuditFilter(kind="maintenance", action="create"))
        assert made.total == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"nodes": []}, "Tick at least one node."),
        ({"nodes": ["n1", "n9"]}, "not a valid choice"),
        ({"ends_at": "2030-01-15T09:00"}, "The end is not after the start."),
        ({"starts_at": ""}, "Say when it starts."),
        ({"starts_at": "soon"}, "Write a day and a time"),
        ({"starts_at": "2030-03-31T02:30"}, "Clocks in Europe/Prague go forward"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field_and_nothing_is_stored(
    admin: Visitor, app: Flask, change: dict[str, Any], text: str
) -> None:
    page = admin.post(NEW, {**WINTER, "nodes": ["n1"], **change}).text
    assert text in page.replace("&#39;", "'")
    assert "New disks" in page
    assert stored(app) == []


def test_one_node_that_goes_away_meanwhile_leaves_none_planned(app: Flask, admin: Visitor) -> None:
    start = factories.soon()
    wishes = [MaintenanceNew(name, start, start + timedelta(hours=1)) for name in ("n1", "n9")]
    with app.app_context(), pytest.raises(Invalid):
        maintenance.create_all(SYSTEM, wishes)
    assert stored(app) == []


def test_a_node_s_page_leads_here_with_the_node_ticked(admin: Visitor) -> None:
    link = "/admin/maintenance/new?nodes=n2"
    assert link in admin.get("/admin/nodes/n2").text
    page = admin.get(link).text
    assert page.count("checked") == 1


def test_what_it_contradicts_is_asked_about_first(admin: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        start = factories.soon()
        node = factories.db.session.scalar(factories.select(factories.Node).filter_by(name="n1"))
        factories.make_reservation(ada, start, name="Train", allocations={node: {"cpu": 1}})
    begin, end = (
        (start + timedelta(hours=n)).astimezone(PRAGUE).strftime("%Y-%m-%dT%H:%M") for n in (-1, 1)
    )
    wish = {"nodes": ["n1", "n2"], "starts_at": begin, "ends_at": end, "reason": "Moved"}
    asked = admin.post(NEW, wish).text
    assert "n1 is closed for maintenance" in asked
    assert "Train" in asked
    assert stored(app) == []
    assert "Moved" in press(admin, NEW, asked, "back").text
    assert press(admin, NEW, asked).status_code == 302
    assert len(stored(app)) == 2
    apart = {**wish, "ends_at": begin, "starts_at": _an_hour_before(begin)}
    assert admin.post(NEW, apart).status_code == 302  # it ends before the reservation begins


def _an_hour_before(text: str) -> str:
    return (datetime.fromisoformat(text) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")


def test_one_is_moved_and_its_history_read(admin: Visitor, app: Flask) -> None:
    admin.post(NEW, {**WINTER, "nodes": ["n1"]})
    (row,) = stored(app)
    path = f"/admin/maintenance/{row['id']}"
    page = admin.get(path).text
    assert 'value="2030-01-15T09:00"' in page
    wish = {**WINTER, "node": "n2", "ends_at": "2030-01-16T17:00", "seen": admin.seen_in(page)}
    assert admin.post(path, wish).status_code == 302
    assert stored(app)[0]["node"] == "n2"
    assert "<strong>change</strong> by root" in admin.get(f"{path}/history").text


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    admin: Visitor, app: Flask
) -> None:
    admin.post(NEW, {**WINTER, "nodes": ["n1"]})
    number = stored(app)[0]["id"]
    path = f"/admin/maintenance/{number}"
    seen = admin.seen(path)
    with app.app_context():
        maintenance.change(SYSTEM, number, MaintenanceChange(reason="What the other one wrote"))
    wish = {**WINTER, "node": "n1", "seen": seen}
    refused = admin.post(path, wish).text
    assert "Somebody changed it since you opened this page" in refused
    assert "What the other one wrote" in refused
    assert admin.post(path, {**wish, "seen": admin.seen_in(refused)}).status_code == 302


def test_what_goes_on_is_ended_now_and_what_does_not_is_not(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        now = clock.ceil_minute(clock.now())
        node = factories.db.session.scalar(factories.select(factories.Node).filter_by(name="n1"))
        running = factories.make_maintenance(node, now - timedelta(hours=1), 5).id
        coming = factories.make_maintenance(node, now + timedelta(hours=9), 5).id
    for number, status in ((running, 302), (coming, 409)):
        path = f"/admin/maintenance/{number}/end"
        assert admin.post(path, {"seen": admin.seen(path)}).status_code == status
    with app.app_context():
        ended = maintenance.get(running)
        assert timedelta(0) <= ended.ends_at - now <= 2 * clock.MINUTE


def test_one_is_deleted(admin: Visitor, app: Flask) -> None:
    admin.post(NEW, {**WINTER, "nodes": ["n1"]})
    path = f"/admin/maintenance/{stored(app)[0]['id']}/delete"
    asked = admin.get(path).text
    assert "Tue 15 Jan 2030, 09:00" in asked
    assert admin.post(path, {"seen": admin.seen_in(asked)}).status_code == 302
    assert stored(app) == []


def test_coming_present_and_past_are_told_apart(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        now = clock.ceil_minute(clock.now())
        nodes = factories.db.session.scalars(
            factories.select(factories.Node).order_by(factories.Node.name)
        ).all()
        for node, start in zip(nodes, (-9, -1, 9), strict=True):
            factories.make_maintenance(node, now + timedelta(hours=start), 3)

    def shown(query: str) -> list[str]:
        lines = json.loads(admin.get(f"/admin/maintenance?format=json&{query}").text)
        return [line["node"] for line in lines]

    assert shown("") == ["n3"]
    assert shown("show=now") == ["n2"]
    assert shown("show=past") == ["n1"]
    assert shown("show=past&node=n2") == []
    assert shown("q=PLANNED") == ["n3"]
    assert admin.get("/admin/maintenance?show=nonsense&sort=nonsense").status_code == 200


@pytest.mark.parametrize("path", ["", "/new", "/4711", "/4711/delete", "/4711/end"])
def test_others_than_administrators_are_sent_away(
    as_ada: Visitor, visitor: Visitor, path: str
) -> None:
    assert as_ada.get(f"/admin/maintenance{path}").status_code == 403
    assert visitor.get(f"/admin/maintenance{path}").status_code == 302
