"""Typing into the form in a real Chromium: the answer follows, and nothing typed is lost."""

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, Request, Route, expect

from remas import clock
from remas.models import Node, Unit, User
from tests.support import factories
from tests.support.browser import PageWatch, box_of
from tests.web.walking import sign_in

GIB = 2**30
ASKED = "**/reservations/new/suggestions"


@pytest.fixture
def nodes(app: Flask, ada: User) -> list[Node]:
    """Two nodes of 8 cpu, 2 gpu and 64 GiB."""
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        amounts = {"cpu": 8, "gpu": 2, "memory": 64 * GIB}
        return [factories.make_node(name, amounts) for name in ("n1", "n2")]


@pytest.fixture
def form(page: Page, nodes: list[Node]) -> Page:
    """Ada at the empty form."""
    sign_in(page)
    page.goto("/reservations/new")
    return page


def fill(page: Page, gpus: str = "2", duration: str = "6h") -> None:
    page.get_by_label("gpu", exact=True).fill(gpus)
    page.get_by_label("How long").fill(duration)


def test_the_answer_follows_what_is_typed_and_one_click_books(form: Page) -> None:
    expect(form.locator("#suggestions")).to_contain_text("The earliest slot")
    fill(form)
    first = form.locator(".offer").first
    expect(first).to_contain_text("proven earliest")
    expect(first.get_by_role("img", name=re.compile("gpu: this takes 2 of 2 free"))).to_be_visible()
    form.get_by_label("memory", exact=True).fill("16 GiB")
    expect(first).to_contain_text("16\u00a0GiB")
    form.get_by_label("Name", exact=True).fill("Live run")
    form.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(form.get_by_role("heading", level=1, name="Live run")).to_be_visible()


@pytest.mark.alone  # a busy machine would make pauses between the keys
def test_one_request_a_pause(form: Page) -> None:
    asked: list[Request] = []
    form.on("request", lambda r: asked.append(r) if r.url.endswith("/suggestions") else None)
    form.get_by_label("gpu", exact=True).press_sequentially("2", delay=20)
    form.get_by_label("How long").press_sequentially("90 min", delay=40)
    expect(form.locator(".offer").first).to_contain_text("1 h 30 min")
    assert len(asked) == 1


def test_an_older_answer_never_overwrites_a_newer_one(form: Page) -> None:
    def slow_for_six(route: Route) -> None:
        if "duration=6h" in (route.request.post_data or ""):
            time.sleep(1.2)
        route.continue_()

    form.route(ASKED, slow_for_six)
    with form.expect_request(ASKED):
        fill(form, duration="6h")
    form.get_by_label("How long").fill("2h")
    expect(form.locator(".offer").first).to_contain_text("for 2 h")
    form.wait_for_timeout(1500)
    expect(form.locator(".offer").first).to_contain_text("for 2 h")
    expect(form.get_by_label("How long")).to_have_value("2h")


def test_while_it_looks_the_old_offers_cannot_be_pressed_and_keep_their_place(form: Page) -> None:
    fill(form)
    expect(form.locator(".offer").first).to_be_visible()
    height = box_of(form.locator("#suggestions"))
    gate: list[Route] = []
    form.route(ASKED, lambda route: gate.append(route))
    form.get_by_label("How long").fill("3h")
    expect(form.locator("#suggestions")).to_have_attribute("aria-busy", "true")
    assert form.locator("#suggestions").evaluate("(box) => box.inert")
    expect(form.locator(".answer-thinking")).to_have_css("visibility", "visible")
    during = box_of(form.locator("#suggestions"))
    assert during["height"] == pytest.approx(height["height"], abs=1)
    gate[0].continue_()
    expect(form.locator(".offer").first).to_contain_text("for 3 h")
    assert not form.locator("#suggestions").evaluate("(box) => box.inert")


def test_a_field_is_only_called_wrong_once_it_was_left(form: Page) -> None:
    fill(form, duration="so")
    expect(form.locator("#suggestions")).to_contain_text("How long: Write a duration")
    field = form.get_by_label("How long")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    field.blur()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = field.get_attribute("aria-describedby") or ""
    expect(form.locator(f"#{described.split()[0]}")).to_contain_text("Write a duration")
    field.fill("4h")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(form.locator(".offer").first).to_be_visible()


def test_without_the_server_nothing_is_lost_and_the_answer_comes_later(
    form: Page, page_watch: PageWatch
) -> None:
    page_watch.allow("ERR_INTERNET_DISCONNECTED")
    page_watch.allow("htmx:error")
    fill(form, duration="5h")
    expect(form.locator(".offer").first).to_be_visible()
    form.context.set_offline(True)
    form.get_by_label("How long").fill("7h")
    expect(form.get_by_text("The server cannot be reached.")).to_be_visible()
    form.context.set_offline(False)
    expect(form.locator(".offer").first).to_contain_text("for 7 h")
    expect(form.get_by_label("How long")).to_have_value("7h")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, "Something went wrong here."),
        (503, "Too much is going on right now."),
        (429, "Too much is going on right now."),
        (400, "This page is too old."),
    ],
)
def test_an_error_is_told_in_the_box(
    form: Page, page_watch: PageWatch, status: int, said: str
) -> None:
    page_watch.allow(str(status))
    form.route(ASKED, lambda route: route.fulfill(status=status, body="<h1>A whole page</h1>"))
    fill(form)
    expect(form.get_by_text(said)).to_be_visible()
    expect(form.locator("h1")).to_have_count(1)
    form.unroute(ASKED)
    if status != 400:
        form.get_by_role("button", name="Try again").click()
        expect(form.locator(".offer").first).to_be_visible()


def test_an_answer_that_takes_too_long_is_given_up(form: Page, page_watch: PageWatch) -> None:
    page_watch.allow("htmx:error: timeout")
    form.locator("#suggestions").evaluate(
        """(box) => box.setAttribute("hx-config", '{"timeout": 300}')"""
    )
    form.route(ASKED, lambda route: None)
    fill(form)
    expect(form.get_by_text("No answer in time.")).to_be_visible()


def test_whoever_was_signed_out_is_told_and_loses_nothing(form: Page) -> None:
    fill(form)
    expect(form.locator(".offer").first).to_be_visible()
    form.context.clear_cookies()
    form.route(ASKED, lambda route: route.continue_())
    form.route(ASKED, lambda route: route.fulfill(status=302, headers={"Location": "/login"}))
    form.get_by_label("How long").fill("8h")
    expect(form.get_by_text("You are no longer signed in.")).to_be_visible()
    expect(form.get_by_label("How long")).to_have_value("8h")


def test_a_name_is_asked_for_before_the_way_to_the_server(form: Page) -> None:
    fill(form)
    form.get_by_role("button", name=re.compile("^Book ")).first.click()
    name = form.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(form.get_by_text("Give it a name, then book.")).to_be_visible()
    name.fill("Named")
    form.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(form.get_by_role("heading", level=1, name="Named")).to_be_visible()


def test_an_offer_that_is_gone_is_said_and_fresh_ones_are_shown(
    form: Page, app: Flask, nodes: list[Node]
) -> None:
    fill(form)
    form.get_by_label("Name", exact=True).fill("Late")
    expect(form.locator(".offer").first).to_be_visible()
    with app.app_context():
        someone = factories.make_user("quick", surname="Hands")
        start = clock.ceil_minute(clock.now())
        held = {node: {"gpu": 2} for node in nodes}
        factories.make_reservation(someone, start, 12, allocations=held)
    form.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(form.get_by_text("That slot is no longer free.")).to_be_visible()
    expect(form.locator("#answer")).to_contain_text("Quick Hands")
    form.wait_for_timeout(500)  # no question of its own wipes this away
    expect(form.get_by_text("That slot is no longer free.")).to_be_visible()
    form.get_by_role("button", name=re.compile("^Book ")).first.click()
    expect(form.get_by_role("heading", level=1, name="Late")).to_be_visible()


def test_a_preset_fills_the_form_and_asks_at_once(
    page: Page, app: Flask, ada: User, nodes: list[Node]
) -> None:
    with app.app_context():
        held = {nodes[0]: {"gpu": 1, "memory": 32 * GIB}}
        factories.make_reservation(ada, name="As ever", hours=3, allocations=held)
    sign_in(page)
    page.goto("/reservations/new")
    page.get_by_role("link", name=re.compile("^As ever")).click()
    expect(page.get_by_label("memory", exact=True)).to_have_value("32 GiB")
    expect(page.locator(".offer").first).to_contain_text("for 3 h")


def test_a_change_is_tried_while_it_is_typed(
    page: Page, app: Flask, ada: User, nodes: list[Node]
) -> None:
    with app.app_context():
        mine = factories.make_reservation(ada, allocations={nodes[0]: {"gpu": 1}})
    sign_in(page)
    page.goto(f"/reservations/{mine.id}")
    page.get_by_label("gpu on n1").fill("2")
    expect(page.get_by_text("It fits like this.")).to_be_visible()
    page.get_by_label("gpu on n1").fill("3")
    expect(page.get_by_text("It does not fit like this")).to_be_visible()
    page.get_by_label("gpu on n1").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The change is saved.")).to_be_visible()


def tab_to(page: Page, wanted: Callable[[str], bool]) -> None:
    """Press Tab until what has the focus is named like this."""
    name = """(() => { const e = document.activeElement;
      return (e.labels?.[0]?.innerText ?? e.ariaLabel ?? e.innerText ?? "").trim(); })()"""
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted(page.evaluate(name)):
            return
    raise AssertionError("Tab does not lead there")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_whole_reservation_by_keyboard_alone(page: Page, nodes: list[Node], scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/login")
    tab_to(page, lambda name: name == "Username")
    page.keyboard.type("ada")
    tab_to(page, lambda name: name == "Password")
    page.keyboard.type(factories.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    tab_to(page, lambda name: name.startswith("New"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/reservations/new")
    for label, text in (("Name", "By hand"), ("gpu", "2"), ("How long", "4h")):
        tab_to(page, lambda name, label=label: name == label)
        page.keyboard.type(text)
    expect(page.locator(".offer").first).to_be_visible()
    tab_to(page, lambda name: name.startswith("Book"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="By hand")).to_be_visible()
    tab_to(page, lambda name: name == "Cancel it")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cancel")
    tab_to(page, lambda name: name == "Cancel the reservation")
    page.keyboard.press("Enter")
    expect(page.get_by_text("its resources are free again")).to_be_visible()
