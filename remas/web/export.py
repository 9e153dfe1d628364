"""Lists to take along: `?format=csv` or `?format=json` on a page that shows a list.

A view that shows a list asks `wanted()` before it renders, and answers with all that was found:

    if form := export.wanted():
        return export.answer(form, "users", COLUMNS, (row_of(user) for user in found))

CSV begins with a byte order mark, because people open these files in spreadsheets; the API's has
none, because programs read it. What may be seen is decided where the rows come from, not here.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from flask import Response, request

from remas import clock
from remas.table import BYTE_ORDER_MARK, CSV_TYPE, csv_text, json_text
from remas.web import current


class Format(StrEnum):
    """As what a list is taken along."""

    CSV = "csv"
    JSON = "json"


def wanted() -> Format | None:
    """What `?format=` asks for; None for the page itself, also where it asks for nonsense."""
    try:
        return Format(request.args.get("format", ""))
    except ValueError:
        return None


def answer(
    form: Format, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Response:
    """A file with these rows for the browser to save.

    Values as `table.csv_text` takes them.
    """
    write = csv_text if form is Format.CSV else json_text
    return saved(form, name, write(columns, rows))


def saved(form: Format, name: str, text: str) -> Response:
    """The text as a file named `remas-NAME-DAY`. Nobody keeps a copy on the way."""
    if form is Format.CSV:
        response = Response(BYTE_ORDER_MARK + text, content_type=CSV_TYPE)
    else:
        response = Response(text, content_type="application/json")
    today = clock.now().astimezone(current.zone()).date()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
    file = f"remas-{plain or 'list'}-{today}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    response.headers["Cache-Control"] = "no-store, private"
    return response
