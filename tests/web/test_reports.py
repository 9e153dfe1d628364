"""The page of reports: what is asked, what is refused, what is shown, and what is taken along."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Page, expect

from remas.models import Unit, User
from tests.support.factories import (
    make_group,
    make_node,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.queries import counted
from tests.web import walking
from tests.web.conftest import Visitor

MAY = "/reports?from=2026-05-01&to=2026-05-31"


class Table(HTMLParser):
    """The texts of the cells of the page's table, row by row; and what is to be drawn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.plot: dict[str, Any] = {}
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True
        if plot := dict(attributes).get("data-plot"):
            self.plot = json.loads(plot)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data.strip()


@pytest.fixture
def used(app: Flask, ada: User) -> None:
    """n1 has 4 cpu and 64 GiB; Ada holds half of it for 10 hours, silent Grace 1 cpu for 5."""
    with app.app_context():
        make_resource("memory", Unit.BYTES_IEC)
        node = make_node("n1", {"cpu": 4, "memory": 64 * 2**30})
        make_node("n2", {"cpu": 4})
        grace = make_user("grace", group=make_group("Quiet", users_share_statistics=False))
        start = datetime(2026, 5, 5, 8, tzinfo=UTC)
        held = {node: {"cpu": 2, "memory": 32 * 2**30}}
        make_reservation(ada, start, 10, allocations=held)
        make_reservation(grace, start, 5, allocations={node: {"cpu": 1}})


@pytest.mark.usefixtures("used")
def test_hours_shares_and_utilisation_are_shown(as_ada: Visitor) -> None:
    page = Table(as_ada.get(f"{MAY}&by=person&show=cpu").text)
    head, ada, others, total = page.rows
    assert [text.replace("\u202f", " ") for text in ada] == [
        "Ada Byron",
        "20.0",
        "80.0\u00a0%",
        "0.3\u00a0%",  # of 8 cpu for 744 hours
        "10.0",
        "320.0",
    ]
    assert head[1:] == [
        "cpu hours",
        "Shareof all reserved",
        "Usedof all there is",
        "Node hours",
        "memory hoursGiB·h",
    ]
    assert others[:3] == ["others who do not share", "5.0", "20.0\u00a0%"]
    assert total[:3] == ["All together", "25.0", "100.0\u00a0%"]
    assert page.plot["bars"] == ["Ada Byron", "others who do not share"]
    assert page.plot["series"] == [{"name": "cpu hours", "hours": [20, 5]}]


@pytest.mark.usefixtures("used")
def test_two_groupings_are_stacked(as_ada: Visitor) -> None:
    page = Table(as_ada.get("/reports?from=2026-04-10&to=2026-06-20&by=node&and=month").text)
    assert page.rows[1][:3] == ["n1", "May 2026", "15.0"]
    assert page.plot["bars"] == ["Apr 2026", "May 2026", "Jun 2026"]
    assert page.plot["series"] == [{"name": "n1", "hours": [0, 15, 0]}]


@pytest.mark.usefixtures("used")
def test_by_resource_each_row_is_about_one(as_ada: Visitor) -> None:
    for show in ("cpu", "memory", "", "nothing"):
        assert as_ada.get(f"{MAY}&by=resource&show={show}").status_code == 200
        assert as_ada.get(f"{MAY}&by=resource&and=person&show={show}").status_code == 200
    page = Table(as_ada.get(f"{MAY}&by=resource&show=cpu").text)
    assert [row[:2] for row in page.rows[1:3]] == [["cpu", "25.0"], ["memory", ""]]


@pytest.mark.usefixtures("used")
def test_what_is_left_out_has_a_default(ada: User, sign_in: Callable[[User], Visitor]) -> None:
    with time_machine.travel(datetime(2026, 5, 20, tzinfo=UTC), tick=True):
        page = sign_in(ada).get("/reports?endpoint=x&_external=1").text
        assert Table(page).rows[1][:2] == ["n1", "15.0"]
        assert 'value="2026-05-01"' in page
        assert 'value="2026-05-31"' in page


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("from=2026-05-40&to=2026-05-31", "Write a day such as"),
        ("from=2026-05-31&to=2026-05-01", "This is before the first day."),
        ("from=1812-05-31&to=2026-05-01", "Give a year from 1971 to 2198."),
        ("from=2026-05-31&to=9999-12-31", "Give a year from 1971 to 2198."),
        ("from=2000-05-31&to=2026-05-01", "The range is at most 3660 days"),
        ("from=2026-05-01&to=2026-05-31&by=node&and=node", "Choose something else"),
        ("from=2026-05-01&to=2026-05-31&by=colour", "Not a valid choice"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(as_ada: Visitor, query: str, text: str) -> None:
    page = as_ada.get(f"/reports?{query}&format=csv")
    assert page.status_code == 200
    assert text in page.text
    assert page.mimetype == "text/html"


@pytest.mark.usefixtures("used")
def test_a_report_is_taken_along(as_ada: Visitor) -> None:
    answer = as_ada.get(f"{MAY}&by=person&and=node&format=csv")
    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="remas-report-by-person-node-'
    )
    assert answer.headers["Cache-Control"] == "no-store, private"
    text = answer.data.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert lines[0]["person"] == "ada"
    assert lines[0]["unit_minutes"] == "1200"
    assert lines[1]["unit_minutes"] == str(600 * 32 * 2**30)
    assert lines[2]["person"] == "(others who do not share)"
    report = as_ada.get(f"{MAY}&by=person&and=node&format=json").json
    assert report["rows"][1]["keys"] == {"person": None, "node": "n1"}
    assert report["from"] == "2026-04-30T22:00:00Z"  # midnight in Prague


@pytest.mark.usefixtures("used")
def test_administrators_see_every_name(app: Flask, sign_in: Callable[[User], Visitor]) -> None:
    with app.app_context():
        root = make_user("root", admin=True)
    assert Table(sign_in(root).get(f"{MAY}&by=person").text).rows[2][0] == "Grace Tester"


def test_the_page_costs_the_same_however_much_is_in_it(
    as_ada: Visitor, app: Flask, ada: User
) -> None:
    def cost() -> int:
        with counted(app) as statements:
            assert as_ada.get(f"{MAY}&by=person&and=group").status_code == 200
        return len(statements)

    start = datetime(2026, 5, 5, tzinfo=UTC)
    with app.app_context():
        make_reservation(ada, start, allocations={make_node("n1"): {"cpu": 1}})
    before = cost()
    with app.app_context():
        for _ in range(4):
            person = make_user(group=make_group())
            make_reservation(person, start, allocations={make_node(): {"cpu": 1}})
    assert cost() == before


@pytest.mark.usefixtures("used")
def test_the_report_is_drawn_and_says_what_is_under_the_hand(page: Page) -> None:
    walking.sign_in(page)
    page.get_by_role("link", name="Reports").first.click()
    page.get_by_label("From").fill("2026-04-01")
    page.get_by_label("To, with that day").fill("2026-06-30")
    page.get_by_label("And by").select_option("month")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("rowheader", name="n1")).to_be_visible()
    drawn = page.locator("#report-plot canvas")
    expect(drawn).to_be_visible()
    painted = drawn.evaluate(
        """(canvas) => { const { data } = canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, i) => i % 4 === 3 && value > 0).length; }"""
    )
    assert painted > 1000
    page.locator("#report-plot .u-over").hover()  # the middle: May
    expect(page.locator("#report-plot .u-legend")).to_contain_text("May 2026")
    expect(page.locator("#report-plot .u-legend")).to_contain_text("15 h")
    page.get_by_label("What is shown").select_option("memory")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("columnheader", name="memory hours")).to_be_visible()
    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(drawn).to_be_visible()
