"""Rows as CSV and JSON: what every reader makes of them, and what no spreadsheet may run."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remas.models import Status
from remas.table import csv_text, json_text

COLUMNS = ("name", "value")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_every_kind_of_value_has_one_way_to_be_written() -> None:
    at = datetime(2026, 3, 29, 9, tzinfo=ZoneInfo("Europe/Prague"))
    values = [
        None,
        True,
        -5,
        2**62,
        Decimal("1.50"),
        at,
        date(2026, 3, 29),
        timedelta(hours=1),
        Status.RUNNING,
        ("n1", "n2"),
    ]
    written = read(csv_text(COLUMNS, [("x", value) for value in values]))
    assert [row[1] for row in written[1:]] == [
        "",
        "true",
        "-5",
        "4611686018427387904",
        "1.50",
        "2026-03-29T07:00:00Z",
        "2026-03-29",
        "60",
        "running",
        "n1; n2",
    ]
    as_json = [row["value"] for row in json.loads(json_text(COLUMNS, [("x", v) for v in values]))]
    assert as_json == [
        None,
        True,
        -5,
        2**62,
        1.5,
        "2026-03-29T07:00:00Z",
        "2026-03-29",
        60,
        "running",
        ["n1", "n2"],
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "|x", "%x", "＝1"]
)
def test_no_text_is_a_formula(text: str) -> None:
    assert read(csv_text(COLUMNS, [(text, 1)]))[1][0] == f"'{text}"
    assert read(csv_text(COLUMNS, [([text, "b"], 1)]))[1][0].startswith("'")
    assert read(csv_text((text, "value"), []))[0][0] == f"'{text}"
    assert json.loads(json_text(COLUMNS, [(text, 1)]))[0]["name"] == text


@given(st.lists(st.tuples(st.text(), st.integers()), max_size=5))
def test_whatever_is_written_is_read_back(rows: list[tuple[str, int]]) -> None:
    back = read(csv_text(COLUMNS, rows))
    assert back[0] == list(COLUMNS)
    assert len(back) == len(rows) + 1
    for (text, number), (first, second) in zip(rows, back[1:], strict=True):
        assert first in (text, f"'{text}")
        assert int(second) == number


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        csv_text(COLUMNS, [("x",)])
    with pytest.raises(ValueError, match="3 values for 2 columns"):
        json_text(COLUMNS, [("x", 1, 2)])


def test_lines_end_as_the_standard_says() -> None:
    assert csv_text(COLUMNS, [('a "b", c', datetime(2026, 1, 1, tzinfo=UTC))]) == (
        'name,value\r\n"a ""b"", c",2026-01-01T00:00:00Z\r\n'
    )
