"""A report for other programs: as JSON, and that as a sheet; the same from pages and the API."""

from decimal import Decimal
from typing import Any

from remas import clock
from remas.services.reports import NOT_SHARED, By, Held, Report, ReportRow
from remas.table import Sheet

MINUTES_AN_HOUR = 60
CENT_OF_AN_HOUR = Decimal("0.01")
Shape = dict[str, Any]


def as_json(found: Report) -> Shape:
    """The report as JSON."""
    return {
        "from": clock.written(found.start),
        "to": clock.written(found.end),
        "time_zone": found.zone,
        "by": [one.value for one in found.by],
        "total": _totals(found.total),
        "rows": [
            {
                "keys": {key.by.value: key.name for key in row.keys},
                "node_share": row.node_share,
                **_totals(row),
            }
            for row in found.rows
        ],
    }


def _totals(row: ReportRow) -> Shape:
    return {
        "node_minutes": row.node_minutes,
        "node_hours": float(hours(row.node_minutes)),
        "resources": [_held(held) for held in row.held],
    }


def _held(held: Held) -> Shape:
    return {
        "resource": held.resource,
        "unit": held.unit.value,
        "minutes": held.minutes,
        "hours": float(hours(held.minutes)),
        "share": held.share,
        "capacity_minutes": held.capacity_minutes,
        "utilisation": held.utilisation,
    }


def hours(minutes: int) -> Decimal:
    """In hundredths."""
    return (Decimal(minutes) / MINUTES_AN_HOUR).quantize(CENT_OF_AN_HOUR)


def sheet(shape: dict[str, Any]) -> Sheet:
    """A line for each row and resource; a row without any has one line."""
    by = shape["by"]
    columns = [
        *by,
        "node_minutes",
        "node_hours",
        "node_share",
        *_more(by, "resource"),
        "unit",
        "unit_minutes",
        "unit_hours",
        "share",
        "capacity_unit_minutes",
        "utilisation",
    ]
    return Sheet(columns, [line for row in shape["rows"] for line in _lines(by, row)])


def _lines(by: list[str], row: dict[str, Any]) -> list[list[Any]]:
    names = [row["keys"][one] or f"({NOT_SHARED})" for one in by]
    start = [*names, row["node_minutes"], hours(row["node_minutes"]), row["node_share"]]
    return [
        [
            *start,
            *_more(by, held["resource"]),
            held["unit"],
            held["minutes"],
            hours(held["minutes"]),
            held["share"],
            held["capacity_minutes"],
            held["utilisation"],
        ]
        for held in row["resources"]
    ] or [[*start, *_more(by, None), *[None] * 6]]


def _more(by: list[str], resource: str | None) -> list[str | None]:
    """Told apart by resource, a line says already which it is."""
    return [] if By.RESOURCE in by else [resource]
