"""The drawn calendar in a real Chromium: zones, clicks, drags, and the server's word on each."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from remas.extensions import db
from remas.models import Node, Reservation, User
from tests.support import factories
from tests.support.browser import PageWatch, box_of
from tests.support.factories import make_node, make_reservation
from tests.web.walking import sign_in

PRAGUE, KATHMANDU = "Europe/Prague", "Asia/Kathmandu"


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1", {"cpu": 8})


def far_week(zone: str) -> datetime:
    """Ten in the morning on the Wednesday of a week to come."""
    today = datetime.now(ZoneInfo(zone)).date()
    wednesday = today + timedelta(days=14 + 2 - today.weekday())
    return datetime(wednesday.year, wednesday.month, wednesday.day, 10, tzinfo=ZoneInfo(zone))


def opened(page: Page, day: date, **query: str) -> None:
    extra = "".join(f"&{key}={value}" for key, value in query.items())
    with page.expect_response("**/calendar/events*"):
        page.goto(f"/calendar?view=week&on={day}{extra}")


def event(page: Page, name: str) -> Locator:
    return page.locator(".agenda-event", has_text=name)


@pytest.mark.parametrize(
    ("zone", "sunday", "hours"),
    [
        (PRAGUE, date(2027, 3, 28), 23),
        (PRAGUE, date(2027, 10, 31), 25),
        (KATHMANDU, date(2027, 3, 28), 24),
        (KATHMANDU, date(2027, 10, 31), 24),
    ],
)
def test_times_are_right_over_both_changes_of_the_clocks(
    page: Page, app: Flask, node: Node, zone: str, sunday: date, hours: int
) -> None:
    here = ZoneInfo(zone)
    midnight = datetime(sunday.year, sunday.month, sunday.day, tzinfo=here)
    with app.app_context():
        ada = factories.make_user("ada", time_zone=zone)
        for name, start, end in (
            ("Before", midnight - timedelta(hours=15), midnight - timedelta(hours=13)),
            ("After", midnight.replace(hour=9), midnight.replace(hour=11)),
        ):
            held = {node: {"cpu": 1}}
            make_reservation(
                ada, start.astimezone(UTC), ends=end.astimezone(UTC), name=name, allocations=held
            )
        whole = midnight.astimezone(UTC)
        make_reservation(
            ada,
            whole,
            name="Whole",
            ends=whole + timedelta(hours=hours),
            allocations={node: {"cpu": 1}},
        )
    sign_in(page)
    opened(page, sunday)
    expect(event(page, "Before")).to_contain_text("09:00–11:00")
    expect(event(page, "After")).to_contain_text("09:00–11:00")
    expect(event(page, "Whole")).to_have_count(1)  # it ends at midnight, not an hour beside it
    columns = [box_of(event(page, name)) for name in ("Before", "After")]
    assert columns[0]["x"] < columns[1]["x"]
    assert columns[0]["y"] == pytest.approx(columns[1]["y"], abs=2)
    for view in ("Month", "Day", "List"):
        page.get_by_role("tab", name=view).click()
        expect(page.locator("#agenda")).to_contain_text("After")


def test_a_click_opens_and_the_view_stays_in_the_address(
    page: Page, app: Flask, ada: User, node: Node
) -> None:
    start = far_week(PRAGUE)
    with app.app_context():
        make_reservation(ada, start.astimezone(UTC), name="Mine", allocations={node: {"cpu": 1}})
    sign_in(page)
    opened(page, start.date())
    page.get_by_role("tab", name="Month").click()
    page.reload()
    expect(page.get_by_role("tab", name="Month")).to_have_attribute("aria-selected", "true")
    page.locator(".agenda-event").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Mine")).to_be_visible()


def drag(page: Page, what: Locator, down: float, grip: float = 0.55) -> None:
    """`grip`: where it is taken, well inside a quarter of an hour."""
    box = box_of(what)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * grip
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + down / 2, steps=4)
    page.mouse.move(x, y + down, steps=4)
    page.mouse.up()


def hour(page: Page) -> float:
    """How high an hour is drawn."""
    rows = page.locator("#agenda").evaluate(
        """(agenda) => { const found = [...agenda.querySelectorAll("*")]
          .filter((e) => !e.children.length && /^(05|15):00$/.test(e.textContent.trim()))
          .map((e) => e.getBoundingClientRect().top); return (found[1] - found[0]) / 10; }"""
    )
    return float(rows)


def test_ones_own_moves_and_the_server_has_the_last_word(
    page: Page, app: Flask, ada: User, node: Node
) -> None:
    start = far_week(PRAGUE)
    with app.app_context():
        grace = factories.make_user("grace", surname="Hopper")
        held = {node: {"cpu": 8}}
        begin = start.astimezone(UTC)
        mine = make_reservation(ada, begin, 2, name="Mine", allocations=held).id
        make_reservation(grace, begin + timedelta(hours=6), 2, name="Hers", allocations=held)
    page.set_viewport_size({"width": 1400, "height": 1100})
    sign_in(page)
    opened(page, start.date())
    step = hour(page)
    drag(page, event(page, "Mine"), 2 * step)
    expect(page.locator("#agenda-said")).to_contain_text("Now Wed")
    quarter = timedelta(minutes=15)  # the grid it snaps to
    with app.app_context():
        first = db.session.get_one(Reservation, mine)
        assert abs(first.starts_at - begin - timedelta(hours=2)) <= quarter
        assert first.ends_at - first.starts_at == timedelta(hours=2)
        shown = f"{first.starts_at.astimezone(ZoneInfo(PRAGUE)):%H:%M}"
    expect(event(page, "Mine")).to_contain_text(f"{shown}–")
    drag(page, event(page, "Mine"), 4 * step)
    said = page.locator("#agenda-said")
    expect(said).to_contain_text("The resources are not free at that time.")
    expect(said).to_contain_text("Grace Hopper (grace@example.org)")
    expect(event(page, "Mine")).to_contain_text(f"{shown}–")
    said.get_by_role("button", name="Move to").first.click()
    expect(event(page, "Mine")).to_contain_text("18:00–20:00")
    with app.app_context():
        moved = db.session.get_one(Reservation, mine)
        assert moved.starts_at == begin + timedelta(hours=8)


def test_empty_time_leads_to_the_form_filled_in(page: Page, ada: User, node: Node) -> None:
    start = far_week(PRAGUE)
    sign_in(page)
    opened(page, start.date(), whose="node", node="n1")
    box = box_of(page.locator("#agenda"))
    step = hour(page)
    top = box_of(page.get_by_text("10:00", exact=True).first)
    x, y = box["x"] + box["width"] * 0.4, top["y"] + 5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + step, steps=3)
    page.mouse.move(x, y + 2.5 * step, steps=3)
    page.mouse.up()
    page.wait_for_url("**/reservations/new?*")
    value = page.get_by_label("From").input_value()
    assert value.split("T")[0] in {f"{start.date() + timedelta(days=d)}" for d in (-1, 0)}
    assert value.split("T")[1] in ("09:30", "10:00", "10:15")
    expect(page.get_by_text("(n1)")).to_be_visible()
    assert page.get_by_label("How long").input_value().endswith(" min")


def test_what_cannot_be_read_is_said_and_tried_again(
    page: Page, ada: User, node: Node, page_watch: PageWatch
) -> None:
    page_watch.allow("503")
    sign_in(page)
    page.route("**/calendar/events*", lambda route: route.fulfill(status=503, body=""))
    page.goto("/calendar")
    expect(page.get_by_text("The calendar could not be read.")).to_be_visible()
    page.unroute("**/calendar/events*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The calendar could not be read.")).to_be_hidden()


def test_whose_is_chosen_with_one_click(page: Page, app: Flask, ada: User, node: Node) -> None:
    start = far_week(PRAGUE)
    with app.app_context():
        grace = factories.make_user("grace", surname="Hopper")
        make_reservation(grace, start.astimezone(UTC), name="Hers", allocations={node: {"cpu": 1}})
    sign_in(page)
    opened(page, start.date())
    expect(event(page, "Hers")).to_have_count(0)
    page.get_by_text("My group", exact=True).click()
    expect(event(page, "Hers")).to_have_count(1)
    assert event(page, "Hers").get_attribute("title") == "Hers (scheduled)\nGrace Hopper\nn1: 1 cpu"
    page.get_by_text("One node", exact=True).click()
    expect(event(page, "Hers")).to_have_count(1)
