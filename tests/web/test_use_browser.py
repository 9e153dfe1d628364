"""Reserved against used in a real Chromium: drawn, told, tried again, by keyboard."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from remas import clock
from remas.models import Measure, Unit, User
from remas.services import measuring
from tests.support import factories
from tests.support.browser import PageWatch
from tests.support.live import serving
from tests.support.prometheus_double import Mood, PrometheusDouble
from tests.web.test_accessible import FINDINGS, GRAVE, axe
from tests.web.walking import sign_in

Open = Callable[..., Page]
__all__ = ["axe"]  # a fixture of theirs


@pytest.fixture
def open_page(measured_app: Flask, browser: Browser, page_watch: PageWatch) -> Iterator[Open]:
    """Ada's page where there is a Prometheus: `open_page(color_scheme="dark")`."""
    with serving(measured_app) as url:
        contexts = []

        def begin(**options: object) -> Page:
            context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
            contexts.append(context)
            page = context.new_page()
            page_watch.attach(page)
            sign_in(page)
            return page

        yield begin
        for context in contexts:
            context.close()
    assert page_watch.problems == []


@pytest.fixture
def number(app: Flask, ada: User, meter: PrometheusDouble) -> int:
    """Ada's reservation that has been running for two hours on two nodes."""
    with app.app_context():
        factories.make_resource("cpu", measure=Measure.CPU)
        factories.make_resource("memory", Unit.BYTES_IEC, measure=Measure.MEMORY)
        nodes = [factories.make_node(name, {"cpu": 8, "memory": 2**36}) for name in ("n1", "n2")]
        held = {node: {"cpu": 4, "memory": 2**34} for node in nodes}
        start = clock.ceil_minute(clock.now()) - timedelta(hours=2)
        meter.uses(Measure.CPU, "n1", "ada", lambda at: 2 + at % 3)
        meter.uses(Measure.CPU, "n2", "ada", 1.5)
        meter.uses(Measure.MEMORY, "n1", "ada", 2**33)
        return factories.make_reservation(ada, start, 4, allocations=held).id


def inked(page: Page) -> int:
    """How many points of the first drawing are not empty."""
    found: int = page.locator(".use-plot canvas").first.evaluate(
        """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        .data.filter((value, i) => i % 4 === 3 && value).length"""
    )
    return found


def test_it_is_drawn_and_told_and_walked_along(open_page: Open, number: int, axe: str) -> None:
    page = open_page()
    page.goto(f"/reservations/{number}")
    expect(page.locator(".use-plot canvas")).to_have_count(2)
    assert inked(page) > 3000
    plot = page.get_by_role("img", name=re.compile("cpu: on n1 .* of 4 on average"))
    expect(plot).to_contain_text("reserved")
    expect(page.get_by_role("table").filter(has_text="Used of it")).to_have_count(2)
    plot.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(plot.locator(".u-legend .u-series").last).to_contain_text("1.5")
    page.evaluate(axe)
    grave = [found for found in page.evaluate(FINDINGS) if found[0] in GRAVE]
    assert grave == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_on_a_phone(open_page: Open, number: int, scheme: str, axe: str) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
    for path, ready in ((f"/reservations/{number}", ".use-plot canvas"), ("/status", ".use-note")):
        page.goto(path)
        expect(page.locator(ready).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(axe)
        assert [found for found in page.evaluate(FINDINGS) if found[0] in GRAVE] == []


def test_it_follows_the_theme(open_page: Open, number: int) -> None:
    page = open_page(color_scheme="light")
    page.goto(f"/reservations/{number}")
    expect(page.locator(".use-plot canvas")).to_have_count(2)
    page.get_by_role("button", name=re.compile("account and theme")).click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".use-plot canvas")).to_have_count(2)
    assert inked(page) > 3000


def test_while_prometheus_is_away_the_page_says_so_and_tries_again(
    open_page: Open, number: int, meter: PrometheusDouble
) -> None:
    meter.mood = Mood.STARTING
    page = open_page()
    page.goto(f"/reservations/{number}")
    part = page.locator(".use-part")
    expect(part).to_contain_text("Prometheus does not answer: it says only 503.")
    meter.mood = Mood.WELL
    measuring.memory.forget_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".use-plot canvas")).to_have_count(2)


def test_where_the_server_does_not_answer_the_rest_of_the_page_stays(
    open_page: Open, number: int, page_watch: PageWatch
) -> None:
    page_watch.allow("/use")
    page_watch.allow("Failed to fetch")
    page = open_page()
    down = True

    def answer(route: Route) -> None:
        if down:
            route.abort()
        else:
            route.continue_()

    page.route("**/use", answer)
    page.goto(f"/reservations/{number}")
    expect(page.locator(".use-part")).to_contain_text("This part did not come.")
    expect(page.get_by_role("heading", name="Change it")).to_be_visible()
    down = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".use-plot canvas")).to_have_count(2)


def test_what_fails_before_the_script_is_there_is_told_as_well(
    open_page: Open, number: int, page_watch: PageWatch
) -> None:
    page_watch.allow("Failed to fetch")
    page = open_page()
    page.add_init_script("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")

    def late(route: Route) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    page.route("**/use.js*", late)
    page.goto(f"/reservations/{number}")
    expect(page.locator(".use-part")).to_contain_text("This part did not come.")


def test_the_status_page_fetches_who_is_above(
    open_page: Open, number: int, meter: PrometheusDouble
) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 7)
    page = open_page()
    page.goto("/status")
    expect(page.locator(".above-list li")).to_contain_text("7 used, 4 held")
