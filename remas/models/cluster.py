"""The cluster: resources with their aliases, nodes with capacities, maintenance."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.units import Unit


class NodeState(StrEnum):
    AVAILABLE = "available"
    DRAINED = "drained"  # takes no new reservations
    RETIRED = "retired"  # gone, its history stays


class Measure(StrEnum):
    """What Prometheus can tell about the use of a resource."""

    CPU = "cpu"  # cores
    MEMORY = "memory"  # bytes
    GPU = "gpu"  # GPUs on which processes run
    GPU_MEMORY = "gpu_memory"  # bytes
    CUSTOM = "custom"  # whatever the resource's own query says


resource_alias = Table(
    "resource_alias",
    Base.metadata,
    Column("resource_id", ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True),
    Column("alias_id", ForeignKey("alias.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Resource(Base):
    """`measure` None: nobody can tell how much of it is used. `usage_query` is PromQL, for CUSTOM
    only, and gives units of the resource."""

    __tablename__ = "resource"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[Unit] = mapped_column(choice(Unit, "unit"), default=Unit.NONE)
    measure: Mapped[Measure | None] = mapped_column(choice(Measure, "measure"))
    usage_query: Mapped[str | None] = mapped_column(Text)

    aliases: Mapped[list[Alias]] = relationship(
        secondary=resource_alias, back_populates="resources", order_by="Alias.name"
    )

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint(
            "(measure IS NOT NULL AND measure = 'custom') = (usage_query IS NOT NULL)",
            name="query_where_custom",
        ),
    )


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
    """`address`: where its exporters answer; None: under its name. `exporters`: its own, as
    `{"job", "port", "path"}` each; None: the ones that are set for all nodes."""

    __tablename__ = "node"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    state: Mapped[NodeState] = mapped_column(
        choice(NodeState, "state"), default=NodeState.AVAILABLE, server_default="available"
    )

    address: Mapped[str | None] = mapped_column(String(255))
    exporters: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))

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
