"""Calendar feeds: secret addresses at which calendars of other programs look."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.models.cluster import Node
from remas.models.people import Group, User


class FeedKind(StrEnum):
    """Whose reservations a feed shows."""

    OWN = "own"
    GROUP = "group"
    NODE = "node"


class Feed(Base):
    """A feed of `user`, who sees in it what they may see; `token_hash` is SHA-256 in hexadecimal.

    `group` is given for feeds of a group alone, `node` for feeds of a node alone; a feed goes with
    its group or node.
    """

    __tablename__ = "feed"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    kind: Mapped[FeedKind] = mapped_column(choice(FeedKind, "kind"))
    group_id: Mapped[int | None] = mapped_column(
        ForeignKey("group.id", ondelete="CASCADE"), index=True
    )
    node_id: Mapped[int | None] = mapped_column(
        ForeignKey("node.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    group: Mapped[Group | None] = relationship()
    node: Mapped[Node | None] = relationship()

    __table_args__ = (
        CheckConstraint("(kind = 'group') = (group_id IS NOT NULL)", name="group_where_asked"),
        CheckConstraint("(kind = 'node') = (node_id IS NOT NULL)", name="node_where_asked"),
    )
