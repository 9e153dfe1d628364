"""Pages of a list as Bootstrap-Flask's `render_pagination` wants them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import request

Item = TypeVar("Item")
FARTHEST_PAGE = 100_000
EDGE, AROUND = 1, 2  # how many page numbers are shown at the ends and beside the present one


@dataclass(frozen=True, slots=True)
class Pages:
    """Page `page` (from 1) of a list with `total` entries."""

    page: int
    per_page: int
    total: int

    @property
    def pages(self) -> int:
        """How many there are, at least one."""
        return max(1, -(-self.total // self.per_page))

    @property
    def has_prev(self) -> bool:
        """Whether there is one before."""
        return self.page > 1

    @property
    def has_next(self) -> bool:
        """Whether there is one after."""
        return self.page < self.pages

    @property
    def prev_num(self) -> int:
        """The number of the one before."""
        return self.page - 1

    @property
    def next_num(self) -> int:
        """The number of the one after."""
        return self.page + 1

    def cut(self, items: Sequence[Item]) -> Sequence[Item]:
        """This page of the whole list."""
        return items[(self.page - 1) * self.per_page : self.page * self.per_page]

    def iter_pages(self) -> Iterator[int | None]:
        """The numbers to show; None where some are left out."""
        last = 0
        for number in range(1, self.pages + 1):
            near = abs(number - self.page) <= AROUND
            if number <= EDGE or number > self.pages - EDGE or near:
                if number > last + 1:
                    yield None
                yield number
                last = number


def kept_args() -> dict[str, Any]:
    """What leads to this very list, but for the page: for links to its other pages and orders.

    What stands in the path cannot be overruled by what stands behind the question mark, and names
    that mean something to `url_for` itself are left out.
    """
    asked = {
        name: values
        for name, values in request.args.lists()
        if name not in ("page", "endpoint") and not name.startswith("_")
    }
    return {**asked, **(request.view_args or {})}


def page_number(name: str = "page") -> int:
    """The page asked for; what is no number is the first."""
    asked = request.args.get(name, 1, type=int)
    return min(max(asked, 1), FARTHEST_PAGE)
