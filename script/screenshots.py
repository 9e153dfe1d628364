"""Pictures of the demo cluster's pages, in a Chromium on a server of its own.

`screenshots.py [--all [--names PART…]] [FOLDER]`; the demo is made afresh in a temporary instance.
Prometheus and Grafana are the doubles of the tests.
"""

import argparse
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask_migrate import upgrade
from playwright.sync_api import Browser, Page, sync_playwright

from remas import create_app, paths
from remas.config import Settings
from remas.extensions import db
from remas.services import demo, setup
from script import screenshots_watched as watched
from script.screenshots_stage import ADMINISTRATOR, actor_of, furnish
from script.screenshots_walks import (
    walk_the_account,
    walk_the_administration,
    walk_what_is_measured,
)
from tests.support.browser import ARGUMENTS, chromium
from tests.support.live import serving

WIDE, PHONE = (1400, 900), (390, 844)
PERSON = "alice"
FIRST_USE = """() => {
  const card = document.querySelector("section.use").getBoundingClientRect();
  const { bottom } = document.querySelector(".use-of").getBoundingClientRect();
  return { x: card.x + scrollX, y: card.y + scrollY, width: card.width, height: bottom - card.y };
}"""  # the head and the first resource of what was used
SHARP = 1.5  # device pixels per pixel in the README's pictures


@contextmanager
def demo_server(furnished: bool) -> Iterator[tuple[str, str]]:
    """The URL of a fresh demo, with an administrator's work if `furnished`; its password."""
    with tempfile.TemporaryDirectory() as instance, watched.watching() as (prometheus, grafana):
        environ = {**os.environ, "DATABASE_URL": "", "REMAS_INSTANCE": instance}
        environ |= watched.settings_of(prometheus, grafana)
        settings = Settings.load({"REMAS_TIMEZONE": "Europe/Prague", **environ})
        app = create_app(settings)
        with app.app_context():
            upgrade(directory=str(paths.MIGRATIONS))
            setup.initialise(settings)
            password = demo.load().password
            own = watched.book(PERSON)
            if furnished:
                furnish(password)
                watched.follow(settings, grafana, actor_of(ADMINISTRATOR))
            watched.measure(prometheus, own)
        with serving(app) as url:
            yield url, password
        with app.app_context():
            db.engine.dispose()


def sign_in(page: Page, password: str, username: str = PERSON) -> None:
    page.goto("/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def ask(page: Page, gpus: str = "4", nodes: str = "2") -> None:
    """The question of the README, answered."""
    page.goto("/reservations/new")
    page.get_by_label("Name").fill("Train the segmentation model")
    page.get_by_label("cpu").fill("32")
    page.get_by_label("gpu").fill(gpus)
    page.get_by_label("How long").fill("6h")
    page.get_by_label("How many nodes").fill(nodes)
    page.get_by_role("button", name="Find a slot").click()
    page.wait_for_load_state()


def pictures_for_the_readme(browser: Browser, url: str, password: str, folder: Path) -> None:
    context = browser.new_context(
        base_url=url,
        viewport={"width": 1280, "height": 800},
        device_scale_factor=SHARP,
        timezone_id="Europe/Prague",
        locale="en-GB",
    )
    page = context.new_page()
    sign_in(page, password)
    page.goto("/?view=week")
    page.wait_for_load_state("networkidle")
    page.locator(".b", has_text="gpu").nth(8).locator("rect").hover()
    page.locator(".tl-card a").wait_for()
    page.screenshot(path=folder / "timeline.png")
    page.mouse.move(0, 0)
    page.goto("/table")
    page.screenshot(path=folder / "table.png")
    ask(page)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=folder / "offers.png")
    show_own(page)
    page.screenshot(path=folder / "use.png", clip=page.evaluate(FIRST_USE), full_page=True)
    context.close()


def show_own(page: Page) -> None:
    """The reservation that runs, with what was used."""
    page.goto("/reservations")
    page.get_by_role("link", name=watched.OWN, exact=True).click()
    page.locator(".use-plot canvas").first.wait_for()
    page.wait_for_load_state("networkidle")


def all_pictures(
    browser: Browser, url: str, password: str, folder: Path, wanted: Sequence[str] = ("",)
) -> None:
    """Those whose names begin with one of `wanted`."""
    for scheme in ("light", "dark"):
        for kind, (width, height) in (("wide", WIDE), ("phone", PHONE)):
            context = browser.new_context(
                base_url=url,
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                timezone_id="Europe/Prague",
                locale="en-GB",
            )
            page = context.new_page()
            for name in walk(page, password):
                if name.startswith(tuple(wanted)):
                    page.screenshot(path=folder / f"{name}-{kind}-{scheme}.png", full_page=True)
            context.close()


def walk(page: Page, password: str) -> Iterator[str]:
    """Every page once; gives its name when it is there to be seen."""
    page.goto("/login")
    yield "login"
    page.goto("/password/forgotten")
    yield "password-forgotten"
    page.goto("/login")
    page.get_by_label("Username").fill(PERSON)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    yield "login-wrong"
    sign_in(page, password)
    yield from walk_the_timeline(page)
    page.goto("/table")
    yield "table"
    page.locator("button.cell-face").nth(3).click()
    yield "table-day"
    page.goto("/reservations")
    yield "mine"
    page.locator(".entry-name").first.click()
    yield "one"
    page.get_by_role("link", name="History").click()
    yield "one-history"
    page.goto("/reservations?show=past")
    page.locator(".entry-name").first.click()
    yield "one-past"
    yield from walk_the_calendar(page)
    yield from walk_the_reports(page)
    show_own(page)
    yield "use"
    yield from walk_what_is_measured(page)
    page.goto("/reservations/new")
    yield "new"
    yield from walk_while_typing(page)
    ask(page)
    yield "offers"
    ask(page, gpus="64")
    yield "never"
    page.get_by_label("gpu").fill("8 GiB")
    page.get_by_label("How long").fill("soon")
    page.get_by_role("button", name="Find a slot").click()
    page.locator(".invalid-feedback").first.wait_for()
    page.wait_for_load_state()
    yield "errors"
    page.goto("/reservations")
    page.locator("a", has_text="Cancel").filter(has=page.locator(".visually-hidden")).last.click()
    yield "confirm"
    yield from walk_the_account(page)
    page.goto("/nowhere")
    yield "missing"
    page.context.clear_cookies()
    sign_in(page, password, ADMINISTRATOR)
    yield from walk_the_administration(page)


def walk_the_timeline(page: Page) -> Iterator[str]:
    """The timeline in its views and states."""
    yield "timeline"
    for view in ("day", "week", "month"):
        page.goto(f"/?view={view}")
        yield f"timeline-{view}"
    page.goto("/?view=week")
    page.locator(".tl-scroll").focus()
    page.keyboard.press("ArrowDown")
    page.locator(".tl-card a").first.wait_for()
    yield "timeline-card"
    page.keyboard.press("?")
    yield "timeline-keys"
    page.goto("/?mine=1&resource=gpu")
    yield "timeline-mine"
    page.goto("/?node=nowhere")
    yield "timeline-nothing"


def walk_the_calendar(page: Page) -> Iterator[str]:
    """The calendar in its views."""
    for view in ("month", "week", "day", "list"):
        page.goto(f"/calendar?view={view}&whose=group")
        page.wait_for_load_state("networkidle")
        yield f"calendar-{view}"
    page.goto("/calendar?whose=node")
    page.wait_for_load_state("networkidle")
    yield "calendar-node"


def walk_the_reports(page: Page) -> Iterator[str]:
    """What is reserved of the nodes, and by whom month by month."""
    for name, query in (("report", "by=node&show=gpu"), ("report-people", "by=person&and=month")):
        page.goto(f"/reports?{query}")
        page.locator("#report-plot canvas").wait_for()
        yield name


def walk_while_typing(page: Page) -> Iterator[str]:
    """What the form says while somebody fills it in, and when the server is away."""
    page.get_by_label("gpu").fill("2")
    page.get_by_label("How long").fill("6h")
    page.locator(".offer").first.wait_for()
    yield "live-offers"
    page.get_by_label("How long").fill("soon")
    page.get_by_label("How long").blur()
    page.get_by_text("Not to be understood yet").wait_for()
    yield "live-errors"
    page.context.set_offline(True)
    page.get_by_label("How long").fill("7h")
    page.get_by_text("The server cannot be reached").wait_for()
    yield "live-offline"
    page.context.set_offline(False)
    page.locator(".offer").first.wait_for()


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="docs/pictures", type=Path)
    parser.add_argument("--all", action="store_true", help="every page, all widths and themes")
    parser.add_argument("--names", nargs="+", default=[""], help="with --all: how they begin")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with demo_server(arguments.all) as (url, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=list(ARGUMENTS),
            env={**os.environ, "LANGUAGE": "en_GB"},  # how the fields for times are written
        )
        if arguments.all:
            all_pictures(browser, url, password, arguments.folder, arguments.names)
        else:
            pictures_for_the_readme(browser, url, password, arguments.folder)
        browser.close()


if __name__ == "__main__":
    main()
