"""The administration of the cluster in a real Chromium, by keyboard alone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from remas.models import User
from remas.services import limit_admin, maintenance, nodes
from remas.services.actor import SYSTEM
from remas.services.limit_admin import LimitFilter
from remas.services.maintenance import MaintenanceFilter
from tests.support import factories
from tests.web.walking import sign_in

MOST_TABS = 120


@pytest.fixture
def cluster(app: Flask, ada: User) -> None:
    """Ada holds 4 cpu on n1."""
    with app.app_context():
        factories.make_user("root", admin=True, time_zone="Europe/Prague")
        node = factories.make_node("n1", {"cpu": 8})
        held = {node: {"cpu": 4}}
        factories.make_reservation(ada, name="Train", allocations=held)


def go_to(page: Page, name: str) -> None:
    """Press the tabulator until the thing of this name has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement;
              const label = e.labels && e.labels[0] ? e.labels[0].textContent : "";
              return (e.getAttribute("aria-label") || label || e.textContent || "").trim(); }"""
        )
        if here.replace("\u00a0", " ").startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def press(page: Page, name: str) -> None:
    """A link or a button that leads to another page."""
    go_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, name: str, text: str) -> None:
    go_to(page, name)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_a_capacity_is_lowered_by_keyboard(page: Page, app: Flask, cluster: None) -> None:
    sign_in(page, "root")
    press(page, "Administration")
    press(page, "Nodes")
    press(page, "n1")
    write(page, "cpu", "3")
    press(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change the node n1?")
    expect(page.get_by_text("n1 has 1 cpu too few")).to_be_visible()
    press(page, "Back to the form")
    expect(page.get_by_label("cpu")).to_have_value("3")
    press(page, "Save")
    press(page, "Save anyway")
    expect(page.get_by_text("The node n1 is saved.")).to_be_visible()
    with app.app_context():
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"cpu": 3}


def test_a_limit_is_made_by_keyboard(page: Page, app: Flask, cluster: None) -> None:
    sign_in(page, "root")
    page.goto("/admin/limits")
    press(page, "New limit")
    write(page, "Name", "Few cores")
    write(page, "Group", "Users")
    write(page, "Resource", "cpu")
    page.keyboard.press("Escape")  # what is suggested is not looked at
    write(page, "At most", "2")
    press(page, "Make it")
    expect(page.get_by_text("1 existing reservation stands against this")).to_be_visible()
    press(page, "Save anyway")
    expect(page.get_by_text("It is in force for one person.")).to_be_visible()
    with app.app_context():
        (limit,) = limit_admin.search(SYSTEM, LimitFilter()).items
        assert (limit.group.name, limit.amount) == ("Users", 2)


def test_maintenance_is_planned_by_keyboard(page: Page, app: Flask, cluster: None) -> None:
    day = datetime.now(ZoneInfo("Europe/Prague")) + timedelta(days=40)
    sign_in(page, "root")
    page.goto("/admin/maintenance")
    press(page, "Plan maintenance")
    go_to(page, "n1")
    page.keyboard.press("Space")
    for name, hour in (("From", 9), ("Until", 17)):
        go_to(page, name)
        # What the field shows depends on the language of the browser; its value does not.
        page.locator(":focus").fill(f"{day:%Y-%m-%d}T{hour:02}:00")
    write(page, "Reason", "New disks")
    press(page, "Plan it")
    expect(page.get_by_text("The maintenance of n1 is planned.")).to_be_visible()
    with app.app_context():
        (row,) = maintenance.search(MaintenanceFilter()).items
        assert (row.ends_at - row.starts_at, row.reason) == (timedelta(hours=8), "New disks")


def test_a_phone_shows_every_list_without_scrolling_sideways(page: Page, cluster: None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, "root")
    for path in (
        *("nodes", "nodes/n1", "nodes/n1/reservations", "new/node", "resources", "aliases"),
        *("limits", "limits/new", "limits/of-group/Users", "maintenance", "maintenance/new"),
        *("reservations", "tags", "contradictions"),
    ):
        page.goto(f"/admin/{path}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, path
