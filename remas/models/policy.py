"""Limits: the most that a user, or each member of a group, may hold at one instant."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.models.cluster import Node, Resource
from remas.models.people import Group, User


class Scope(StrEnum):
    EACH_NODE = "each_node"
    TOTAL = "total"


limit_node = Table(
    "limit_node",
    Base.metadata,
    Column("limit_id", ForeignKey("limit.id", ondelete="CASCADE"), primary_key=True),
    Column("node_id", ForeignKey("node.id"), primary_key=True, index=True),
)


class Limit(Base):
    """Binds one user, or each member of one group by himself. No nodes listed: all nodes."""

    __tablename__ = "limit"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("group.id"), index=True)
    scope: Mapped[Scope] = mapped_column(choice(Scope, "scope"), default=Scope.EACH_NODE)

    resource: Mapped[Resource] = relationship()
    user: Mapped[User | None] = relationship()
    group: Mapped[Group | None] = relationship()
    nodes: Mapped[list[Node]] = relationship(secondary=limit_node, order_by=Node.name)

    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint(
            "(user_id IS NULL) <> (group_id IS NULL)", name="exactly_one_of_user_and_group"
        ),
    )
