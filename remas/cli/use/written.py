"""Text in a terminal: what others wrote made harmless, columns aligned, cut to the width."""

import shutil
import sys
import unicodedata
from collections.abc import Sequence

import click

WIDTH = 80  # columns where nobody can say how many there are
NARROWEST = 8  # columns to which a cell is cut at most
GAP = "  "


def clean(text: str) -> str:
    """Without control characters: a name is not to move the cursor or ring the bell."""
    return "".join(
        sign if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs") else "?"
        for sign in text
    )


def room() -> int | None:
    """The columns of the terminal; None where the output goes elsewhere and nothing is cut."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else None


def length(text: str) -> int:
    """How many columns a text takes; without colours."""
    plain = click.unstyle(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in plain)
    return len(plain) + wide - sum(bool(unicodedata.combining(sign)) for sign in plain)


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    cut: Sequence[str] = (),
) -> list[str]:
    """Lines with the columns aligned; to fit `width`, cells of the columns `cut` are cut."""
    cells = [list(heads), *[[_line(cell) for cell in row] for row in rows]]
    sizes = [max(length(row[i]) for row in cells) for i in range(len(heads))]
    if width is not None:
        left = width - len(GAP) * (len(heads) - 1)
        sizes = _fitting(sizes, left, [i for i, head in enumerate(heads) if head in cut])
    lines = [
        GAP.join(_padded(cell, size) for cell, size in zip(row, sizes, strict=True)).rstrip()
        for row in cells
    ]
    return [click.style(lines[0], bold=True), *lines[1:]]


def _line(text: str) -> str:
    """In one line; colours of our own stay, they are put on after cleaning."""
    return " ".join(text.split())


def _fitting(sizes: list[int], width: int, cut: list[int]) -> list[int]:
    """The longest is cut first, none beyond recognition."""
    sizes = list(sizes)
    while cut and sum(sizes) > width:
        longest = max(cut, key=sizes.__getitem__)
        if sizes[longest] <= NARROWEST:
            break
        sizes[longest] -= 1
    return sizes


def _padded(text: str, size: int) -> str:
    if length(text) > size:
        plain = click.unstyle(text)
        while length(plain) > size - 1:
            plain = plain[:-1]
        text = f"{plain}…"
    return text + " " * (size - length(text))
