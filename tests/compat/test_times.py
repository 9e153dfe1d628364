"""Local times without a zone, at this edge only; both changes of the clocks in Prague."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask

from remas.extensions import db
from remas.models import Reservation
from tests.api.conftest import Made
from tests.compat.conftest import Caller, signed_in

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SPRING, AUTUMN = "2026-03-29", "2026-10-25"  # at 02:00 on to 03:00, at 03:00 back to 02:00


@pytest.fixture
def prague(make_app: Callable[..., Flask]) -> Flask:
    """The service of a house in Prague."""
    return make_app(REMAS_TIMEZONE="Europe/Prague")


@pytest.fixture
def make(prague: Flask) -> Made:
    return Made(prague)


class Planner:
    """eve, who books on n1."""

    def __init__(self, app: Flask, make: Made) -> None:
        self.app = app
        self.node = make.node("n1")
        self.cpu = make.resource("cpu")
        self.eve = make.user("eve")
        self.caller = signed_in(app, "eve")

    def book(self, start: Any, end: Any, task_id: int | None = None) -> Any:
        held = {"node_id": self.node.id, "resource_id": self.cpu.id, "amount": 1}
        return self.caller.post(
            "/task",
            {
                "id": task_id,
                "name": "a task",
                "description": None,
                "tag_ids": [],
                "start_time": start,
                "end_time": end,
                "resource_allocations": [held],
            },
        )

    def stored(self, task_id: int) -> tuple[str, str]:
        """Start and end as moments."""
        with self.app.app_context():
            row = db.session.get_one(Reservation, task_id)
            return tuple(f"{at:%d %H:%M}" for at in (row.starts_at, row.ends_at))  # type: ignore[return-value]


@pytest.fixture
def planner(prague: Flask, make: Made) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield Planner(prague, make)


@pytest.mark.parametrize(
    ("start", "end", "moments", "told"),
    [
        # as the front end writes them
        ("2026-07-01 09:00", "2026-07-01 10:30", ("01 07:00", "01 08:30"), ("09:00", "10:30")),
        ("2026-02-01 09:00:00", "2026-02-01T10:30", ("01 08:00", "01 09:30"), ("09:00", "10:30")),
        # a day alone is its midnight
        ("2026-02-01", "2026-02-02", ("31 23:00", "01 23:00"), ("00:00", "00:00")),
        # moments, with an offset or as seconds since 1970
        (
            "2026-07-01T09:00:00+00:00",
            "2026-07-01 12:30+02:00",
            ("01 09:00", "01 10:30"),
            ("11:00", "12:30"),
        ),
        ("2026-07-01T09:00Z", 1782900000, ("01 09:00", "01 10:00"), ("11:00", "12:00")),
        # seconds: rounded outwards
        (
            "2026-07-01 09:00:40",
            "2026-07-01 10:00:01",
            ("01 07:00", "01 08:01"),
            ("09:00", "10:01"),
        ),
    ],
)
def test_times_are_read_and_told(
    planner: Planner, start: Any, end: Any, moments: Any, told: Any
) -> None:
    answer = planner.book(start, end)
    assert answer.status_code == 200, answer.text
    assert planner.stored(answer.json["id"]) == moments
    for name, clock in zip(("start_time", "end_time"), told, strict=True):
        text = answer.json[name]
        assert datetime.fromisoformat(text).tzinfo is None
        assert text[10:] == f"T{clock}:00"


@pytest.mark.parametrize(
    ("start", "end", "moments"),
    [
        # around the hour that is left out
        (f"{SPRING} 01:30", f"{SPRING} 03:30", ("29 00:30", "29 01:30")),
        # in it: as much later as the clocks go forward
        (f"{SPRING} 01:30", f"{SPRING} 02:30", ("29 00:30", "29 01:30")),
        (f"{SPRING} 02:00", f"{SPRING} 04:00", ("29 01:00", "29 02:00")),
        (f"{SPRING} 02:30", f"{SPRING} 02:45", ("29 01:30", "29 01:45")),
        # around the hour that comes twice
        (f"{AUTUMN} 01:30", f"{AUTUMN} 03:30", ("24 23:30", "25 02:30")),
        # in it: a start means the first, an end the second
        (f"{AUTUMN} 02:30", f"{AUTUMN} 03:30", ("25 00:30", "25 02:30")),
        (f"{AUTUMN} 01:30", f"{AUTUMN} 02:30", ("24 23:30", "25 01:30")),
        (f"{AUTUMN} 02:30", f"{AUTUMN} 02:30", ("25 00:30", "25 01:30")),
        (f"{AUTUMN} 03:00", f"{AUTUMN} 03:30", ("25 02:00", "25 02:30")),
    ],
)
def test_around_the_changes_of_the_clocks(
    planner: Planner, start: str, end: str, moments: tuple[str, str]
) -> None:
    answer = planner.book(start, end)
    assert answer.status_code == 200, answer.text
    assert planner.stored(answer.json["id"]) == moments


def test_an_hour_that_is_nothing_but_left_out(planner: Planner) -> None:
    answer = planner.book(f"{SPRING} 02:30", f"{SPRING} 03:30")
    assert (answer.status_code, answer.json["detail"]) == (
        400,
        "Task start time must be before its end time!",
    )


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC)),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_what_comes_back_as_it_was_told_is_not_moved(
    planner: Planner, make: Made, starts_at: datetime, ends_at: datetime
) -> None:
    held = {planner.node: {"cpu": 1}}
    made = make.reservation(planner.eve, starts_at, ends=ends_at, allocations=held)
    before = planner.stored(made.id)
    task = planner.caller.get(f"/task/{made.id}").json
    answer = planner.book(task["start_time"], task["end_time"], made.id)
    assert answer.status_code == 200, answer.text
    assert planner.stored(made.id) == before
    longer = planner.book(task["start_time"], f"{AUTUMN} 23:00", made.id)
    assert longer.status_code == 200, longer.text
    assert planner.stored(made.id) == (before[0], "25 22:00")


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-13-01", "2026-02-30 10:00", "0001-01-01", "9999-12-31", "", None, []]
)
def test_what_is_no_time(planner: Planner, text: Any) -> None:
    answer = planner.book(text, "2026-07-01 10:00")
    assert answer.status_code == 422
    assert answer.json["detail"].startswith("start_time: ")


def test_periods_are_told_in_local_time_and_clipped_to_the_range(
    planner: Planner, make: Made
) -> None:
    held = {planner.node: {"cpu": 3}}
    start, end = datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)
    make.reservation(planner.eve, start, ends=end, allocations=held)
    asked = {"start_time": f"{AUTUMN} 00:00", "end_time": f"{AUTUMN} 12:00"}
    (period,) = planner.caller.post("/task/get_scheduling", asked).json
    assert (period["start_time"], period["end_time"]) == (
        f"{AUTUMN}T00:00:00",
        f"{AUTUMN}T12:00:00",
    )
    assert [one["amount"] for one in period["available_resources"]] == [5]


def test_the_house_stays_in_utc_where_nothing_is_set(app: Flask) -> None:
    with time_machine.travel(NOW, tick=False):
        planner = Planner(app, Made(app))
        answer = planner.book("2026-07-01 09:00", "2026-07-01 10:00")
        assert planner.stored(answer.json["id"]) == ("01 09:00", "01 10:00")


def test_other_callers_are_told_moments(planner: Planner, prague: Flask) -> None:
    number = planner.book("2026-07-01 09:00", "2026-07-01 10:00").json["id"]
    headers = {"Authorization": f"Bearer {planner.caller.token}"}
    answer = prague.test_client().get(f"/api/v1/reservations/{number}", headers=headers)
    assert answer.json["starts_at"] == "2026-07-01T07:00:00Z"
    assert isinstance(planner.caller, Caller)
