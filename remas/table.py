"""Tables for other programs: rows under named columns, as CSV or as JSON.

What people typed may begin like a formula, and spreadsheets would run it: such a text gets an
apostrophe before it, the mark by which they all take a cell for text. Numbers are left as they are.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

CSV_TYPE = "text/csv; charset=utf-8; header=present"
BYTE_ORDER_MARK = "\ufeff"
"""Without it at the beginning, Excel takes a file for the code page of its machine."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MINUTE = timedelta(minutes=1)


class Sheet(NamedTuple):
    """Names of columns, and rows with a value for each."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180: a header, then a line for each row, CRLF, quotes only where they are needed.

    A row has a value for each column: text, a number, a truth value, a moment (aware), a day, a
    duration (whole minutes), an enumeration, a list of those (joined by "; "), or None (empty).
    Raises `ValueError` for a row of another length.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_safe(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(value) for value in _as_long(row, columns)])
    return text.getvalue()


def json_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same rows as a list of objects; numbers stay numbers, lists stay lists."""
    objects = [
        {
            column: _value(value)
            for column, value in zip(columns, _as_long(row, columns), strict=True)
        }
        for row in rows
    ]
    return json.dumps(objects, ensure_ascii=False)


def _as_long(row: Sequence[Any], columns: Sequence[str]) -> Sequence[Any]:
    if len(row) != len(columns):
        raise ValueError(f"{len(row)} values for {len(columns)} columns")
    return row


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)  # exactly, with its last zeros
    value = _value(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return _safe("; ".join(str(part) for part in value))
    return _safe(str(value))


def _safe(text: str) -> str:
    # A space before a formula does not keep all spreadsheets from running it.
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def _value(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // MINUTE
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(part) for part in value]
    return value
