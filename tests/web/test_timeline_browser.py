"""The timeline in a real Chromium: pointer, keyboard, and what others do meanwhile."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from remas import clock
from remas.extensions import db
from remas.models import Node, Reservation, User
from remas.services import booking
from remas.services.requests import AllocationSpec, BookingRequest
from tests.support import factories
from tests.support.browser import PageWatch, box_of

PRAGUE = ZoneInfo("Europe/Prague")
SIZES = [(1400, 900), (390, 844)]


def day(number: int, hour: int = 0) -> datetime:
    """That hour so many days from now in Prague, in UTC."""
    date = clock.now().astimezone(PRAGUE).date() + timedelta(days=number)
    there = datetime(date.year, date.month, date.day, hour, tzinfo=PRAGUE)
    return there.astimezone(ZoneInfo("UTC"))


@pytest.fixture
def nodes(app: Flask) -> list[Node]:
    with app.app_context():
        return [factories.make_node(name, {"cpu": 8, "gpu": 2}) for name in ("n1", "n2", "n3")]


@pytest.fixture
def mine(app: Flask, ada: User, nodes: list[Node]) -> Reservation:
    """Four hours on n1, the day after tomorrow."""
    with app.app_context():
        held = {nodes[0]: {"cpu": 6}}
        return factories.make_reservation(ada, day(2, 8), 4, allocations=held, name="My run")


@pytest.fixture
def theirs(app: Flask, nodes: list[Node]) -> Reservation:
    """Eight hours of Grace's on n1, right after `mine`."""
    with app.app_context():
        grace = factories.make_user("grace", surname="Hopper")
        held = {nodes[0]: {"cpu": 6}}
        return factories.make_reservation(grace, day(2, 12), 8, allocations=held)


def open_timeline(page: Page, address: str = "/?view=week") -> None:
    page.goto("/login")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Timeline")).to_be_visible()
    page.goto(address)


def bar(page: Page, reservation: Reservation) -> Locator:
    return page.locator(f'.b[href="/reservations/{reservation.id}"]').first


def times(app: Flask, reservation: Reservation) -> tuple[datetime, datetime]:
    with app.app_context():
        now = db.session.get_one(Reservation, reservation.id)
        return now.starts_at, now.ends_at


def x_of(page: Page, moment: datetime) -> float:
    """Where on the screen a moment is."""
    origin = int(page.locator(".tl").get_attribute("data-origin") or 0)
    minutes = int(page.locator(".tl").get_attribute("data-minutes") or 1)
    box = box_of(page.locator(".tl-days"))
    return box["x"] + box["width"] * (moment.timestamp() / 60 - origin) / minutes


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def middle(locator: Locator) -> tuple[float, float]:
    box = box_of(locator)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_dragging_along_a_row_opens_the_form_filled_in(
    page: Page, ada: User, nodes: list[Node]
) -> None:
    open_timeline(page)
    _, y = middle(page.locator('.tl-row[data-node="n2"]'))
    drag(page, (x_of(page, day(2, 9)) + 1, y), (x_of(page, day(2, 15)) - 1, y))
    expect(page.get_by_role("heading", level=1, name="New reservation")).to_be_visible()
    there = day(2, 9).astimezone(PRAGUE)
    expect(page.get_by_label("From", exact=True)).to_have_value(f"{there:%Y-%m-%dT09:00}")
    expect(page.get_by_label("Until", exact=True)).to_have_value(f"{there:%Y-%m-%dT15:00}")
    expect(page.get_by_label("How long")).to_have_value(re.compile("^6 ?h$"))
    expect(page.get_by_label("n2", exact=True)).to_be_checked()


def test_ones_own_bar_moves_and_resizes_by_mouse(page: Page, app: Flask, mine: Reservation) -> None:
    open_timeline(page)
    x, y = middle(bar(page, mine).locator("rect"))
    hour = x_of(page, day(2, 9)) - x_of(page, day(2, 8))
    drag(page, (x, y), (x + 24 * hour, y))
    expect(page.locator(".tl-notice")).to_contain_text("My run is now")
    assert times(app, mine) == (day(3, 8), day(3, 12))
    expect(bar(page, mine)).to_have_attribute("data-v", "2")
    box = box_of(bar(page, mine).locator("rect"))
    drag(page, (box["x"] + box["width"] - 2, y), (box["x"] + box["width"] - 2 + 3 * hour, y))
    expect(bar(page, mine)).to_have_attribute("data-v", "3")
    assert times(app, mine) == (day(3, 8), day(3, 15))
    page.get_by_role("button", name="Undo").click()
    expect(bar(page, mine)).to_have_attribute("data-v", "4")
    assert times(app, mine) == (day(3, 8), day(3, 12))


def test_a_bar_can_be_dropped_on_another_node(page: Page, app: Flask, mine: Reservation) -> None:
    open_timeline(page)
    start = middle(bar(page, mine).locator("rect"))
    drag(page, start, (start[0], middle(page.locator('.tl-row[data-node="n3"]'))[1]))
    expect(page.locator('.tl-row[data-node="n3"] .b')).to_have_count(1)
    expect(page.locator('.tl-row[data-node="n1"] .b')).to_have_count(0)


def test_escape_leaves_a_dragged_bar_where_it_was(
    page: Page, app: Flask, mine: Reservation
) -> None:
    open_timeline(page)
    x, y = middle(bar(page, mine).locator("rect"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y, steps=3)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".tl-notice")).to_be_hidden()
    assert times(app, mine) == (day(2, 8), day(2, 12))


def test_ones_own_bar_moves_by_keyboard_and_a_conflict_says_why_and_where(
    page: Page, app: Flask, mine: Reservation, theirs: Reservation
) -> None:
    open_timeline(page)
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    expect(bar(page, mine)).to_be_focused()
    expect(page.locator(".tl-card")).to_contain_text("My run")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".tl-notice")).to_contain_text("Enter to confirm")
    page.keyboard.press("Escape")
    assert times(app, mine) == (day(2, 8), day(2, 12))
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".tl-notice")).to_contain_text("My run is now")
    expect(bar(page, mine)).to_be_focused()
    assert times(app, mine) == (day(2, 7), day(2, 11))

    for _ in range(4):
        page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Why it does not fit")
    expect(dialog).to_contain_text("4 cpu too few")
    expect(dialog).to_contain_text("grace@example.org")
    assert times(app, mine) == (day(2, 7), day(2, 11))
    dialog.get_by_role("button", name=re.compile("^Move there")).first.click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".tl-notice")).to_contain_text("My run is now")
    start, end = times(app, mine)
    assert end - start == timedelta(hours=6)


def test_a_whole_reservation_by_keyboard(
    page: Page, app: Flask, ada: User, nodes: list[Node]
) -> None:
    open_timeline(page)
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".tl-ghost")).to_be_visible()
    expect(page.locator(".tl-notice")).to_contain_text("n2, ")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1, name="New reservation")).to_be_visible()
    expect(page.get_by_label("n2", exact=True)).to_be_checked()
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("By hand")
    page.get_by_label("cpu", exact=True).focus()
    page.keyboard.type("4")
    page.get_by_role("button", name="Find a slot").focus()
    page.keyboard.press("Enter")
    book = page.get_by_role("button", name=re.compile("^Book ")).first
    expect(book).to_be_visible()
    book.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="By hand")).to_be_visible()
    with app.app_context():
        made = db.session.scalars(db.select(Reservation)).one()
        assert [a.node.name for a in made.allocations] == ["n2"]


def test_arrows_walk_over_bars_and_rows(
    page: Page, app: Flask, ada: User, nodes: list[Node], mine: Reservation, theirs: Reservation
) -> None:
    with app.app_context():
        below = factories.make_reservation(ada, day(2, 14), allocations={nodes[2]: {"cpu": 1}})
    open_timeline(page)
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(bar(page, theirs)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(bar(page, mine)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tl-notice")).to_contain_text("n2, ")
    page.keyboard.press("ArrowDown")
    expect(bar(page, below)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/reservations/{below.id}$"))


def test_what_others_book_arrives_without_moving_what_one_is_doing(
    page: Page, app: Flask, nodes: list[Node], mine: Reservation, theirs: Reservation
) -> None:
    open_timeline(page)
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    with app.app_context():
        grace = db.session.get_one(User, theirs.owner_id)
        held = (AllocationSpec("n1", "gpu", 1),)
        booked = booking.create(
            factories.actor_of(grace), BookingRequest("New", day(1, 8), day(1, 20), held)
        ).reservation
        assert booked
    expect(bar(page, booked)).to_be_attached(timeout=10_000)
    expect(bar(page, mine)).to_be_focused()


def test_a_connection_that_fails_is_told(
    page: Page, page_watch: PageWatch, mine: Reservation
) -> None:
    page_watch.allow("ERR_FAILED")
    open_timeline(page)
    expect(page.locator(".tl-state-text")).to_have_text("Up to date")
    page.route("**/timeline/rows*", lambda route: route.abort())
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".tl-state-text")).to_contain_text("No answer from the server")
    page.unroute("**/timeline/rows*")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".tl-state-text")).to_have_text("Up to date")


SHOWS_NOW = """() => {
  const [line, names, box] = [".tl-now line", ".tl-corner", ".tl-scroll"]
    .map((part) => document.querySelector(part).getBoundingClientRect());
  return names.right < line.x && line.x < box.right;
}"""


def test_zoom_keeps_the_moment_under_the_pointer(page: Page, mine: Reservation) -> None:
    open_timeline(page)
    before = x_of(page, day(4, 12))
    _, y = middle(page.locator('.tl-row[data-node="n2"]'))
    page.mouse.move(before, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function("() => document.querySelector('.tl-scroll').scrollLeft > 0")
    assert abs(x_of(page, day(4, 12)) - before) < 3
    assert not page.evaluate(SHOWS_NOW)
    page.keyboard.press("t")
    page.wait_for_function(SHOWS_NOW)


def test_the_sheet_of_keys_opens_and_closes(page: Page, mine: Reservation) -> None:
    open_timeline(page)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys of the timeline")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_the_other_nodes_follow_by_themselves(
    page: Page, app: Flask, ada: User, nodes: list[Node]
) -> None:
    with app.app_context():
        db.session.add_all(Node(name=f"x{i}") for i in range(110))
        db.session.commit()
    open_timeline(page, "/")
    expect(page.locator(".tl-row")).to_have_count(113)
    expect(page.locator(".tl-more")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_hovering_or_focusing_shows_the_card_at_every_size(
    page: Page, theirs: Reservation, mine: Reservation, size: tuple[int, int], scheme: str
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_timeline(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    card = page.locator(".tl-card")
    expect(card).to_contain_text("Grace Hopper")
    expect(card.get_by_role("link", name="grace@example.org")).to_be_visible()
    box = box_of(card)
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]


@pytest.fixture
def plain_page(browser: Browser, base_url: str, page_watch: PageWatch) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    page = context.new_page()
    page_watch.attach(page)
    yield page
    context.close()
    assert page_watch.problems == []


def test_it_is_whole_without_script(
    plain_page: Page, mine: Reservation, theirs: Reservation
) -> None:
    open_timeline(plain_page, "/")
    plain_page.get_by_role("link", name="Week", exact=True).click()
    plain_page.get_by_label("Mine").check()
    plain_page.get_by_role("button", name="Show", exact=True).click()
    expect(plain_page.locator(".b")).to_have_count(1)
    plain_page.locator(".b rect").click()
    expect(plain_page.get_by_role("heading", level=1, name="My run")).to_be_visible()
