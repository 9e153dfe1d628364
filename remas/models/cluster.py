"""The cluster: resources with their aliases, nodes with capacities, maintenance."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.units import Unit


class NodeState(StrEnum):
    AVAILABLE = "available"
    DRAINED = "drained"  # takes no new reservations
    RETIRED = "retired"  # gone, its history stays


resource_alias = Table(
    "resource_alias",
    Base.metadata,
    Column("resource_id", ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True),
    Column("alias_id", ForeignKey("alias.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Resource(Base):
    __tablename__ = "resource"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[Unit] = mapped_column(choice(Unit, "unit"), default=Unit.NONE)

    aliases: Mapped[list[Alias]] = relationship(
        secondary=resource_alias, back_populates="resources", order_by="Alias.name"
    )

    __table_args__ = (CheckConstraint("name <> ''", name="name_not_empty"),)


class Alias(Base):
    """Another name under which a resource is found; one alias may serve several resources."""

    __tablename__ = "alias"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)

    resources: Mapped[list[Resource]] = relationship(
        secondary=resource_alias, back_populates="aliases", order_by="Resource.name"
    )

    __table_args__ = (CheckConstraint("name <> ''", name="name_not_empty"),)


class Node(Base):
    __tablename__ = "node"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    state: Mapped[NodeState] = mapped_column(
        choice(NodeState, "state"), default=NodeState.AVAILABLE, server_default="available"
    )

    capacities: Mapped[list[Capacity]] = relationship(
        back_populates="node", cascade="all, delete-orphan", order_by="Capacity.resource_id"
    )

    __table_args__ = (CheckConstraint("name <> ''", name="name_not_empty"),)


class Capacity(Base):
    """Units of one resource that one node provides."""

    __tablename__ = "capacity"

    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), primary_key=True)
    resource_id: Mapped[int] = mapped_column(
        ForeignKey("resource.id"), primary_key=True, index=True
    )
    amount: Mapped[int] = mapped_column(BigInteger)

    node: Mapped[Node] = relationship(back_populates="capacities")
    resource: Mapped[Resource] = relationship()

    __table_args__ = (CheckConstraint("amount >= 0", name="amount_not_negative"),)


class Maintenance(Base):
    """A node closed for `[starts_at, ends_at)`."""

    __tablename__ = "maintenance"

    id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(Text)

    node: Mapped[Node] = relationship()

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index(None, "node_id", "ends_at"),
    )
