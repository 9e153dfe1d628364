"""`remas nodes` and `remas free`: what there is, drawn."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from remas.cli.use import chart
from remas.cli.use.chart import Axis
from remas.models import NodeState, Unit, User
from tests.api.conftest import Made
from tests.cli.conftest import Shell

UTC_ZONE = ZoneInfo("UTC")
PRAGUE = ZoneInfo("Europe/Prague")
NOON = datetime(2030, 5, 6, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def columns(count: int, step: timedelta = HOUR) -> Axis:
    return Axis(NOON, step, count, UTC_ZONE)


# Four units: all free until 1:00, two until 2:30, none until 3:00, then one.
STEPS = [(at(0), 4), (at(1), 2), (at(2.5), 0), (at(3), 1)]


def test_a_column_shows_the_least_that_is_free() -> None:
    # 4, 2, then 2 and 0: the least is 0; from 3:00 on 1.
    assert chart.strip(columns(5), STEPS, 4, (), ascii_only=False) == "█▄ ▂▂"
    assert chart.strip(columns(5), STEPS, 4, (), ascii_only=True) == "#= ::"


def test_only_all_of_it_is_full_and_anything_is_something() -> None:
    many = [(at(0), 999), (at(1), 1), (at(2), 1000), (at(3), 0)]
    assert chart.strip(columns(4), many, 1000, (), ascii_only=False) == "▇▁█ "


def test_maintenance_hides_what_is_free() -> None:
    closed = [(at(1.5), at(3))]
    assert chart.strip(columns(4), [(at(0), 4)], 4, closed, ascii_only=False) == "█╳╳█"
    assert chart.strip(columns(4), [(at(0), 4)], 4, closed, ascii_only=True) == "#xx#"


@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 9)), max_size=12),
    st.integers(0, 9),
    st.integers(0, 500),
    st.integers(1, 100),
)
def test_the_least_is_that_of_every_minute(
    changes: list[tuple[int, int]], first: int, begin: int, length: int
) -> None:
    minute = timedelta(minutes=1)
    later = sorted(dict(changes).items())
    steps = [(NOON, first), *((NOON + after * minute, amount) for after, amount in later)]
    span = NOON + begin * minute, NOON + (begin + length) * minute

    def free(number: int) -> int:
        return [amount for moment, amount in steps if moment <= NOON + number * minute][-1]

    assert chart.least(steps, span) == min(map(free, range(begin, begin + length)))


@pytest.mark.parametrize(
    ("days", "room", "step", "count"),
    [(1, 96, 0.25, 96), (1, 95, 0.5, 48), (3, 51, 2, 36), (14, 51, 12, 28), (366, 50, 168, 53)],
)
def test_columns_are_steps_of_a_clock(days: int, room: int, step: float, count: int) -> None:
    found = chart.axis(NOON, NOON + timedelta(days=days), room, UTC_ZONE)
    assert (found.step, found.columns) == (step * HOUR, count)


def test_days_and_midnights_are_where_they_begin() -> None:
    where = Axis(datetime(2030, 5, 6, 22, 0, tzinfo=UTC), HOUR, 40, UTC_ZONE)
    assert chart.hours(where).index("|") == 2
    assert chart.hours(where).index("'") == 14
    assert chart.days(where).index("Tue 7 May") > 1
    # Clocks go back: the day has 25 hours.
    autumn = Axis(datetime(2030, 10, 26, 22, 0, tzinfo=UTC), HOUR, 40, PRAGUE)
    assert [i for i, sign in enumerate(chart.hours(autumn)) if sign == "|"] == [0, 25]


def test_nodes_and_what_is_free_on_them(noon: object, shell: Shell, make: Made, ada: User) -> None:
    make.resource("memory", Unit.BYTES_IEC)
    node = make.node("n1", {"gpu": 4, "memory": 64 * 2**30})
    make.node("n2", {"gpu": 8}, state=NodeState.DRAINED)
    make.node("n3", {"gpu": 8}, state=NodeState.RETIRED)
    closed = make.node("n4", {"gpu": 1})
    make.maintenance(closed, NOON - HOUR)
    make.reservation(ada, NOON - HOUR, hours=2, allocations={node: {"gpu": 3, "memory": 2**34}})
    lines = [line.split() for line in shell.ok("nodes").splitlines()]
    assert lines[1] == ["n1", "available", "1/4", "48", "GiB/64", "GiB"]
    assert lines[2] == ["n2", "drained", "8/8", "–"]
    assert lines[3] == ["n4", "maintenance", "1/1", "–"]
    assert len(lines) == 4
    assert [row["name"] for row in json.loads(shell.ok("nodes --json"))] == ["n1", "n2", "n4"]


def test_the_next_days_drawn(noon: object, shell: Shell, make: Made, ada: User) -> None:
    node = make.node("n1", {"gpu": 4, "cpu": 8})
    make.node("n2", {"gpu": 4})
    make.reservation(ada, NOON + HOUR, hours=2, allocations={node: {"gpu": 4}})
    told = shell.ok("free --days 1 --resource gpu --on n1")
    lines = told.splitlines()
    # 80 columns less heading and amount leave room for half hours: 48 of them.
    assert lines[2] == f"n1 gpu  4/4  ██    {'█' * 42}"
    assert "Mon 6 May" in lines[0]
    assert "A column is 30 min" in lines[-1]
    assert "Europe/Prague" in lines[-1]
    assert "n2" not in told
    assert "cpu" not in told
    plain = shell.ok("free --days 1 --resource gpu --on n1 --ascii")
    assert f"n1 gpu  4/4  ##    {'#' * 42}" in plain
    assert plain.isascii()


def test_the_drawing_fits_the_width(noon: object, shell: Shell, make: Made) -> None:
    make.node("a-node-with-a-rather-long-name", {"gpu": 4})
    for days in (1, 3, 14, 100):
        told = shell.ok(f"free --days {days}")
        assert max(map(len, told.splitlines())) <= 80


def test_nothing_to_draw(shell: Shell, make: Made) -> None:
    make.node("n1", {"gpu": 4})
    make.node("n2", {"cpu": 4})
    assert "nothing of this" in shell.refused("free --on n1 --resource cpu", 1)
    assert "There is no node nope." in shell.refused("free --on nope", 2)
    assert "no resource" in shell.refused("free --resource floppy", 2)


def test_json_is_the_timetable(noon: object, shell: Shell, make: Made) -> None:
    make.node("n1", {"gpu": 4})
    found = json.loads(shell.ok("free --json --days 2"))
    assert found["free"] == [
        {"node": "n1", "resource": "gpu", "steps": [["2030-05-06T11:00:00Z", 4]]}
    ]
    assert found["to"] == "2030-05-08T11:00:00Z"


def test_output_that_takes_no_blocks_gets_letters(shell: Shell, make: Made) -> None:
    make.node("n1", {"gpu": 4})
    shell.environ["PYTHONIOENCODING"] = "ascii"
    result = shell.process("free --days 1")
    assert result.returncode == 0, result.stderr
    assert "####" in result.stdout


def test_no_colour_without_a_terminal(shell: Shell, make: Made) -> None:
    make.node("n1", {"gpu": 4})
    assert "\x1b" not in shell.process("nodes").stdout
