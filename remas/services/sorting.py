"""The order of a list, as somebody asks for it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from remas.errors import Invalid

Columns = Mapping[str, Any]
"""By what a list can be sorted: name to column."""


def ordered(
    query: Select[Any], columns: Columns, asked: str, tie: InstrumentedAttribute[int]
) -> Select[Any]:
    """The query in the order `asked`: a name of `columns`, with "-" before it the other way round.

    Empty values come last either way; equal ones follow `tie`, which has to be unique. Raises
    `Invalid` at `sort`.
    """
    column = columns.get(asked.removeprefix("-"))
    if column is None:
        known = ", ".join(columns)
        raise Invalid.field("sort", f"Sort by one of {known}; with - before it downwards.")
    direction = column.desc() if asked.startswith("-") else column.asc()
    return query.order_by(direction.nulls_last(), tie)
