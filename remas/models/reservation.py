"""Reservations with their allocations and tags, and remembered answers to repeated requests."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    func,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from remas.models.base import Base, UtcDateTime
from remas.models.cluster import Node, Resource
from remas.models.people import User


class Status(StrEnum):
    """Where a reservation stands: derived from its facts and the clock, never stored."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


reservation_tag = Table(
    "reservation_tag",
    Base.metadata,
    Column("reservation_id", ForeignKey("reservation.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Reservation(Base):
    """A granted request for `[starts_at, ends_at)`. Never deleted."""

    __tablename__ = "reservation"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    owner: Mapped[User] = relationship()
    allocations: Mapped[list[Allocation]] = relationship(
        back_populates="reservation",
        cascade="all, delete-orphan",
        order_by="(Allocation.node_id, Allocation.resource_id)",
    )
    tags: Mapped[list[Tag]] = relationship(secondary=reservation_tag, order_by="Tag.name")

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index(None, "ends_at", "starts_at"),
        Index(None, "starts_at", "id"),
        Index(None, "owner_id", "ends_at"),
    )

    def status(self, now: datetime) -> Status:
        """The status at `now`; cancelling and releasing decide over the clock."""
        if self.cancelled_at is not None:
            return Status.CANCELLED
        if self.released_at is not None or self.ends_at <= now:
            return Status.FINISHED
        return Status.RUNNING if self.starts_at <= now else Status.SCHEDULED


# PostgreSQL finds what overlaps a window by its range index, and, what matters as much, knows how
# little that is: two conditions on two columns it takes for independent, and reads whole tables.
Index(
    "ix_reservation_span",
    func.tstzrange(Reservation.starts_at, Reservation.ends_at),
    postgresql_using="gist",
).ddl_if(dialect="postgresql")


class overlaps(FunctionElement[bool]):
    """Whether a reservation overlaps `[start, end)`; said as each database answers it best."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, start: datetime, end: datetime) -> None:
        window = (bindparam(None, moment, UtcDateTime()) for moment in (start, end))
        super().__init__(Reservation.starts_at, Reservation.ends_at, *window)


@compiles(overlaps)
def _by_columns(element: overlaps, compiler: SQLCompiler, **options: Any) -> str:
    starts_at, ends_at, start, end = element.clauses
    return compiler.process(and_(ends_at > start, starts_at < end), **options)


@compiles(overlaps, "postgresql")
def _by_range(element: overlaps, compiler: SQLCompiler, **options: Any) -> str:
    starts_at, ends_at, start, end = element.clauses
    held, window = func.tstzrange(starts_at, ends_at), func.tstzrange(start, end)
    return compiler.process(held.op("&&")(window), **options)


class epoch(FunctionElement[int]):
    """The whole seconds since 1970-01-01 UTC of a column with moments, rounded down.

    For reading many rows: making a datetime of each costs more than all the rest.
    """

    inherit_cache = True
    type = BigInteger()


@compiles(epoch, "sqlite")
def _epoch_of_text(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _epoch_of_moment(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {moment})) AS BIGINT)"


class Allocation(Base):
    """Units of one resource on one node held by one reservation."""

    __tablename__ = "allocation"

    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservation.id"), primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), primary_key=True, index=True)
    resource_id: Mapped[int] = mapped_column(
        ForeignKey("resource.id"), primary_key=True, index=True
    )
    amount: Mapped[int] = mapped_column(BigInteger)

    reservation: Mapped[Reservation] = relationship(back_populates="allocations")
    node: Mapped[Node] = relationship()
    resource: Mapped[Resource] = relationship()

    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)


class Tag(Base):
    """A person's own label for own reservations."""

    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    user: Mapped[User] = relationship()

    __table_args__ = (
        UniqueConstraint("user_id", "name"),
        CheckConstraint("name <> ''", name="name_not_empty"),
    )


class IdempotencyKey(Base):
    """The first answer to a request that carried this key, kept for a day."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(index=True)
