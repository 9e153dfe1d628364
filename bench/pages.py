"""How soon the pages are painted in a Chromium, and what they weigh.

`python -m bench.pages [--quick]`: a server of its own on loopback, once on the demo and once on 200
nodes with some 5,000 reservations in the range. *painted*: from the start of the navigation to
the largest contentful paint; *whole*: until all that the page asks for by itself has arrived (the
timeline's further nodes); medians. The weight is that of the page alone, gzipped.
"""

import argparse
import gzip
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from flask import Flask
from flask_migrate import upgrade
from playwright.sync_api import Page, sync_playwright

from bench.fill import fill
from remas import create_app, paths
from remas.config import Settings
from remas.extensions import db
from remas.models import User
from remas.services import demo, passwords, setup
from tests.support.browser import ARGUMENTS, chromium
from tests.support.live import serving

STORED = 10_000
PASSWORD = "only for this measurement"
WIDE, HIGH = 1400, 900
PAGES = {
    "timeline": "/",
    "timeline, 2 weeks": "/?view=weeks",
    "timeline, month": "/?view=month",
    "table": "/table",
    "calendar": "/calendar",
    "form": "/reservations/new",
}

# When something, when the largest thing was painted; looked at a little later.
PAINTED = """() => new Promise((done) => {
  let last = 0;
  new PerformanceObserver((list) => { for (const e of list.getEntries()) last = e.startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
  setTimeout(() => done([
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0, last]), 400);
})"""
# When the last request that the page makes by itself at the beginning was answered.
WHOLE = """() => new Promise((done) => {
  const look = () => {
    if (document.querySelector(".tl-more")) return setTimeout(look, 50);
    const ends = performance.getEntriesByType("resource").map((entry) => entry.responseEnd);
    return done(Math.max(performance.getEntriesByType("navigation")[0].responseEnd, ...ends));
  };
  look();
})"""


def fill_demo(settings: Settings) -> None:
    """The demo, as `remas demo` makes it."""
    setup.initialise(settings)
    demo.load()


def fill_large(settings: Settings) -> None:
    """200 nodes, 10,000 stored reservations."""
    fill(STORED)


@contextmanager
def serving_filled(make: Callable[[Settings], None]) -> Iterator[tuple[str, str]]:
    """The URL of a server on a fresh database, and somebody who can sign in."""
    with tempfile.TemporaryDirectory() as instance:
        environ = {**os.environ, "DATABASE_URL": "", "REMAS_INSTANCE": instance}
        settings = Settings.load({"REMAS_TIMEZONE": "Europe/Prague", **environ})
        app: Flask = create_app(settings)
        with app.app_context():
            upgrade(directory=str(paths.MIGRATIONS))
            make(settings)
            person = db.session.scalars(db.select(User).order_by(User.id.desc())).first()
            assert person is not None
            person.password_hash = passwords.hash_password(PASSWORD)
            person.password_change_required = False
            db.session.commit()
            name = person.username
        with serving(app) as url:
            yield url, name
        with app.app_context():
            db.engine.dispose()


def sign_in(page: Page, name: str) -> None:
    page.goto("/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def measure(page: Page, path: str, times: int) -> list[str] | None:
    """First and largest paint, all nodes there, kilobytes; None where there is no such page."""
    first, largest, whole, weight = [], [], [], 0
    for _ in range(times + 1):  # the first one fills the browser's cache and does not count
        answer = page.goto(path, wait_until="load")
        if answer is None or not answer.ok:
            return None
        weight = len(gzip.compress(answer.body(), 6))
        one, other = page.evaluate(PAINTED)
        first.append(one)
        largest.append(other)
        whole.append(page.evaluate(WHOLE))
    seconds = [f"{median(values[1:]) / 1000:.2f}" for values in (first, largest, whole)]
    return [*seconds, f"{weight / 1000:.0f}"]


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once instead of five times")
    times = 1 if parser.parse_args().quick else 5
    head = ["on", "page", "first paint s", "painted s", "whole s", "kB gzipped"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for label, make in (("demo", fill_demo), ("200 nodes", fill_large)):
            with serving_filled(make) as (url, name):
                page = browser.new_page(base_url=url, viewport={"width": WIDE, "height": HIGH})
                sign_in(page, name)
                for what, path in PAGES.items():
                    if figures := measure(page, path, times):
                        print("| " + " | ".join([label, what, *figures]) + " |", flush=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
