"""Columns in a terminal."""

import click
import pytest

from remas.cli.use.written import clean, length, table


def plain(heads: list[str], rows: list[list[str]], width: int | None = None) -> list[str]:
    return [click.unstyle(line) for line in table(heads, rows, width, cut=["NAME"])]


def test_columns_are_aligned() -> None:
    lines = plain(["ID", "NAME"], [["1", "a"], ["100", "b c"]])
    assert lines == ["ID   NAME", "1    a", "100  b c"]


def test_colours_and_wide_signs_take_the_room_they_take() -> None:
    lines = plain(["A", "B"], [[click.style("ab", fg="red"), "x"], ["日本", "y"], ["é", "z"]])
    assert lines == ["A     B", "ab    x", "日本  y", "é     z"]
    assert length("e\u0301") == 1


def test_the_longest_column_is_cut() -> None:
    lines = plain(["ID", "NAME"], [["1", "a very long name indeed"], ["2", "short"]], 20)
    assert lines == ["ID  NAME", "1   a very long nam…", "2   short"]


def test_other_columns_are_left_alone() -> None:
    assert plain(["WHEN", "NAME"], [["Mon 6 May 15:00 – 17:00", "a"]], 12) == [
        "WHEN                     NAME",
        "Mon 6 May 15:00 – 17:00  a",
    ]


def test_nothing_is_cut_beyond_recognition() -> None:
    lines = plain(["ID", "NAME"], [["1", "a very long name indeed"]], 4)
    assert lines[1] == "1   a very …"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "?[31mred"),
        ("bell\a", "bell?"),
        ("left\u202eright", "left?right"),
        ("two\nlines", "two\nlines"),
        ("Novák 日本 🙂", "Novák 日本 🙂"),
    ],
)
def test_what_others_wrote_moves_no_cursor(text: str, shown: str) -> None:
    assert clean(text) == shown
