"""Lists in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select

from remas.services.transaction import DbSession

Row = TypeVar("Row")
PER_PAGE, MOST_PER_PAGE = 50, 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`items` of page `page` (from 1); `total` of all pages together."""

    items: Sequence[Row]
    page: int
    per_page: int
    total: int

    @classmethod
    def cut(cls, rows: Sequence[Row], page: int, per_page: int) -> "Page[Row]":
        """One page of a list that is there as a whole."""
        return cls(rows[(page - 1) * per_page : page * per_page], page, per_page, len(rows))

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.per_page))


def page_of(
    session: DbSession, query: Select[Any], page: int = 1, per_page: int = PER_PAGE
) -> Page[Any]:
    """One page of the entities that `query` selects, in its order, and how many there are."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    rows = session.scalars(query.offset((page - 1) * per_page).limit(per_page))
    return Page(rows.all(), page, per_page, total or 0)
