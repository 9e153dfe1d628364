"""The pages in a real Chromium: no error in the console, no report of the security policy."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from remas import clock
from remas.extensions import db
from remas.models import Node, Unit, User
from tests.support import factories
from tests.support.browser import PageWatch

GIB = 2**30
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def cluster(app: Flask, ada: User) -> list[Node]:
    """Three nodes; one has a reservation of somebody's, one is closed tomorrow."""
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        nodes = [
            factories.make_node(name, {"cpu": 32, "gpu": 4, "memory": 256 * GIB})
            for name in ("n1", "n2", "n3")
        ]
        grace = factories.make_user("grace", surname="Hopper")
        start = clock.ceil_minute(clock.now()) - timedelta(hours=1)
        factories.make_reservation(grace, start, 20, allocations={nodes[0]: {"gpu": 6}})
        factories.make_maintenance(nodes[1])
        return nodes


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Timeline")).to_be_visible()


def ask(page: Page, name: str, nodes: int = 2) -> None:
    page.get_by_role("link", name="New reservation").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("gpu", exact=True).fill("4")
    page.get_by_label("memory", exact=True).fill("64 GiB")
    page.get_by_label("How long").fill("6h")
    page.get_by_label("How many nodes").fill(str(nodes))
    page.get_by_role("button", name="Find a slot").click()


def take_everything(app: Flask, nodes: list[Node]) -> None:
    """Somebody else books what was just offered."""
    with app.app_context():
        someone = factories.make_user("quick", surname="Hands")
        start = clock.ceil_minute(clock.now())
        held = {node: {"gpu": 4} for node in nodes}
        factories.make_reservation(someone, start, 12, allocations=held)


def walk(page: Page, app: Flask, cluster: list[Node]) -> None:
    """Sign in, ask, book, meet a conflict, change, cancel, sign out."""
    sign_in(page)
    ask(page, "First run")
    first = page.locator(".offer").first
    expect(first).to_contain_text("proven earliest")
    expect(first).to_contain_text("n2")
    page.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(page.get_by_role("heading", level=1, name="First run")).to_be_visible()
    expect(page.get_by_text("Booked.")).to_be_visible()

    ask(page, "Second run", nodes=1)
    expect(page.locator(".offer").first).to_be_visible()
    take_everything(app, cluster)
    page.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(page.get_by_text("That slot is no longer free.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Second run")
    expect(page.locator("#answer")).to_contain_text("Quick Hands")
    page.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(page.get_by_role("heading", level=1, name="Second run")).to_be_visible()

    page.get_by_label("Name", exact=True).fill("Third run")
    page.get_by_label(re.compile("^memory on ")).fill("128 GiB")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The change is saved.")).to_be_visible()
    expect(page.locator(".holds")).to_contain_text("128\u00a0GiB")

    page.get_by_role("link", name="Cancel it").click()
    page.get_by_role("button", name="Cancel the reservation").click()
    expect(page.get_by_text("its resources are free again")).to_be_visible()
    page.get_by_role("link", name="My reservations").first.click()
    page.get_by_role("link", name="Cancelled").click()
    expect(page.get_by_role("link", name="Third run")).to_be_visible()

    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_from_signing_in_to_cancelling(page: Page, app: Flask, cluster: list[Node]) -> None:
    walk(page, app, cluster)


def test_enter_in_a_field_saves_and_takes_no_offer(
    page: Page, app: Flask, ada: User, cluster: list[Node]
) -> None:
    with app.app_context():
        mine = factories.make_reservation(ada, allocations={cluster[2]: {"gpu": 1}})
    sign_in(page)
    page.goto(f"/reservations/{mine.id}")
    when = page.locator(".page-sub").inner_text()
    page.get_by_label("Start").fill(page.get_by_label("End").input_value())
    page.get_by_role("button", name="Find the next time it fits").click()
    expect(page.get_by_text("The end is not after the start.")).to_be_visible()
    page.goto(f"/reservations/{mine.id}")
    page.get_by_role("button", name="Find the next time it fits").click()
    expect(page.get_by_role("button", name=re.compile("^Take this"))).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Renamed")).to_be_visible()
    expect(page.locator(".page-sub")).to_have_text(when)


@pytest.fixture
def page_without_script(browser: Browser, base_url: str, page_watch: PageWatch) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    page = context.new_page()
    page_watch.attach(page)
    yield page
    context.close()
    assert page_watch.problems == []


def test_all_of_it_works_without_script(
    page_without_script: Page, app: Flask, cluster: list[Node]
) -> None:
    walk(page_without_script, app, cluster)


def test_a_day_of_the_calendar_opens_by_keyboard_and_leads_to_its_reservations(
    page: Page, cluster: list[Node]
) -> None:
    sign_in(page)
    page.goto("/table")
    page.get_by_role("button", name=re.compile("^n1, .*over capacity")).first.focus()
    page.keyboard.press("Enter")
    card = page.locator(".day-card:popover-open")
    expect(card).to_contain_text("6 of 4 ! over capacity")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("grace@example.org")).to_be_visible()


def test_the_filter_sends_itself_when_it_changes(page: Page, cluster: list[Node]) -> None:
    sign_in(page)
    page.goto("/table")
    page.get_by_label("Node", exact=True).select_option("n2")
    page.wait_for_url("**node=n2*")
    expect(page.locator("th.node")).to_have_count(1)


def test_the_skip_link_comes_first_and_leads_to_the_content(
    page: Page, cluster: list[Node]
) -> None:
    sign_in(page)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_theme_can_be_chosen_and_stays(page: Page, cluster: list[Node]) -> None:
    sign_in(page)
    for choice in ("Dark", "Light"):
        page.get_by_role("button", name="account and theme").click()
        page.get_by_role("button", name=choice).click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", choice.lower())
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", choice.lower())


@pytest.mark.parametrize("path", ["/", "/table", "/reservations/new", "/reservations", "/profile"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    page: Page, cluster: list[Node], path: str
) -> None:
    page.set_viewport_size(PHONE)
    sign_in(page)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#site-menu").get_by_role("link", name="My reservations")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/", "/table", "/reservations/new", "/reservations", "/profile", "/profile/password"]
)
def test_every_page_has_one_heading_and_a_label_for_every_field(
    page: Page, cluster: list[Node], path: str
) -> None:
    sign_in(page)
    page.goto(path)
    assert page.locator("h1").count() == 1
    nameless = page.evaluate(
        """[...document.querySelectorAll("input, select, textarea")]
        .filter((field) => field.type !== "hidden" && !field.closest("[aria-hidden]"))
        .filter((field) => !field.labels.length && !field.getAttribute("aria-hidden"))
        .map((field) => field.name)"""
    )
    assert nameless == []
    broken = page.evaluate(
        """[...document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for]")]
        .flatMap((element) => ["aria-describedby", "aria-labelledby", "for"]
          .map((name) => element.getAttribute(name)).filter(Boolean))
        .filter((id) => !document.getElementById(id))"""
    )
    assert broken == []


CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_against_its_ground(
    page: Page, app: Flask, cluster: list[Node], scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/login")
    assert page.evaluate(CONTRAST) == []
    sign_in(page)
    with app.app_context():
        ada = db.session.scalars(db.select(User).where(User.username == "ada")).one()
        start = clock.ceil_minute(clock.now()) - timedelta(hours=1)
        mine = factories.make_reservation(ada, start, 9, allocations={cluster[2]: {"gpu": 1}})
    for path in (
        "/",
        "/table",
        "/reservations",
        f"/reservations/{mine.id}",
        f"/reservations/{mine.id}/release",
        "/profile",
        "/profile/password",
        "/reservations/new",
    ):
        page.goto(path)
        assert page.evaluate(CONTRAST) == [], path
    ask(page, "Contrast")
    expect(page.locator(".offer").first).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    page.get_by_label("How long").fill("soon")
    page.get_by_role("button", name="Find a slot").click()
    expect(page.get_by_text("Some fields need another value.")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
