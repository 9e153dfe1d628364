"""What the lists of the administration have in common: columns that sort, a filter, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from remas.services.paging import Page
from remas.web.paging import Pages, kept_args, page_number

PER_PAGE = 50
ALL = 1_000_000  # on one page: to take a list along


@dataclass(frozen=True, slots=True)
class Column:
    """`sort`: what the service calls it, where the list can be sorted by it."""

    title: str
    sort: str | None = None
    number: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list as it is shown, with the order and the filters that are in force."""

    columns: Sequence[Column]
    found: Page[Any]
    sort: str
    exportable: bool = False  # the view answers `?format=`, see remas/web/export.py

    @property
    def pages(self) -> Pages:
        """For `render_pagination`."""
        return Pages(self.found.page, self.found.per_page, self.found.total)

    def taken_as(self, form: str) -> str:
        """All of the list as a file: csv or json."""
        return same_list(format=form)

    def direction(self, column: Column) -> str | None:
        """How it is sorted by the column now, in the words of `aria-sort`; None: it is not."""
        if column.sort is None or column.sort != self.sort.removeprefix("-"):
            return None
        return "descending" if self.sort.startswith("-") else "ascending"

    def link(self, column: Column) -> str:
        """The same list sorted by the column; again: the other way round."""
        prefix = "-" if self.direction(column) == "ascending" else ""
        return same_list(sort=f"{prefix}{column.sort}")


def same_list(**changed: str | None) -> str:
    """This list with other arguments, from its first page."""
    return url_for(request.endpoint or "", **{**kept_args(), **changed})


def asked_sort(columns: Sequence[Column], default: str) -> str:
    """The order asked for; what no column offers is the default."""
    sort = request.args.get("sort", default)
    known = {column.sort for column in columns if column.sort}
    return sort if sort.removeprefix("-") in known else default


__all__ = ["ALL", "PER_PAGE", "Column", "Listing", "asked_sort", "page_number", "same_list"]
