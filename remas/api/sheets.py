"""Lists as sheets: their JSON, flattened for CSV."""

import json
from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel

from remas.api.tabular import Flatten
from remas.table import Sheet

RESERVATION = (
    "id",
    "name",
    "description",
    "owner",
    "starts_at",
    "ends_at",
    "status",
    "tags",
    "created_at",
    "updated_at",
)
ALLOCATION = ("node", "resource", "amount")


def reservations(listing: dict[str, Any]) -> Sheet:
    """A line for each allocation; what is about the reservation repeats."""
    return Sheet(
        (*RESERVATION, *ALLOCATION),
        [
            [*_facts(item), *(held[name] for name in ALLOCATION)]
            for item in listing["items"]
            for held in item["allocations"] or [dict.fromkeys(ALLOCATION)]
        ],
    )


def _facts(item: dict[str, Any]) -> list[Any]:
    return [item[name] if name != "owner" else item["owner"]["username"] for name in RESERVATION]


def of(shape: type[BaseModel]) -> Flatten:
    """For any list: a line for each item, a column for each of its fields.

    What a field holds of one thing has columns of its own, such as `owner.username`; of several
    things it is a text, each as JSON. A list without anything in it is empty, and "[]" where the
    field could also be null, which is empty then.
    """
    columns = list(_columns(_item(shape)))

    def flatten(listing: dict[str, Any]) -> Sheet:
        rows = [[_cell(item, *column) for column in columns] for item in listing["items"]]
        return Sheet([".".join(names) for names, _ in columns], rows)

    return flatten


def _item(shape: type[BaseModel]) -> type[BaseModel]:
    """The model of what is listed; of several, the first, which has all fields."""
    (item,) = get_args(shape.model_fields["items"].annotation)
    model: type[BaseModel] = next(iter(get_args(item)), item)
    return model


def _columns(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The names that lead to each field, and whether it may be null."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (((name, *rest), may_be_null) for rest, may_be_null in _columns(kind))
        else:
            yield (name,), NoneType in get_args(kind)


def _cell(item: Any, column: tuple[str, ...], may_be_null: bool) -> Any:
    for name in column:
        item = item.get(name)
    if item == [] and may_be_null:
        return "[]"
    if isinstance(item, list):
        return [_text(part) for part in item]
    return _text(item)


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
