"""Notifications: what is told to whom, when a reservation starts or ends or is exceeded."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.models.cluster import Resource
from remas.models.people import Group, User


class NotificationType(StrEnum):
    TASK_START = "task_start"
    TASK_END = "task_end"
    EXCEEDANCE_TASK = "grafana_resource_exceedance_task"
    EXCEEDANCE_GENERAL = "grafana_resource_exceedance_general"
    OTHER = "other"

    @property
    def is_time_based(self) -> bool:
        """Whether it is a letter before or after the start or the end of a reservation."""
        return self in (NotificationType.TASK_START, NotificationType.TASK_END)

    @property
    def is_alert(self) -> bool:
        """Whether it is the template of an alert in Grafana."""
        return self in (NotificationType.EXCEEDANCE_TASK, NotificationType.EXCEEDANCE_GENERAL)


notification_user = Table(
    "notification_user",
    Base.metadata,
    Column("notification_id", ForeignKey("notification.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("user.id"), primary_key=True, index=True),
)

notification_group = Table(
    "notification_group",
    Base.metadata,
    Column("notification_id", ForeignKey("notification.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("group.id"), primary_key=True, index=True),
)


class Notification(Base):
    """`time_offset` in seconds, positive before; `owner` none: made by an administrator.

    A person's own is for that person alone; one about alerts counts once an administrator, whose
    username is kept, has approved it.
    """

    __tablename__ = "notification"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    type: Mapped[NotificationType] = mapped_column(choice(NotificationType, "type"))
    time_offset: Mapped[int | None]
    subject: Mapped[str | None] = mapped_column(Text)
    template: Mapped[str | None] = mapped_column(Text)
    default_amount: Mapped[int | None] = mapped_column(BigInteger)
    resource_id: Mapped[int | None] = mapped_column(ForeignKey("resource.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(String(200))

    resource: Mapped[Resource | None] = relationship()
    owner: Mapped[User | None] = relationship()
    users: Mapped[list[User]] = relationship(secondary=notification_user)
    groups: Mapped[list[Group]] = relationship(secondary=notification_group)

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint("default_amount >= 0", name="default_amount_not_negative"),
        # Names are unique among the administrators' and among each person's own.
        UniqueConstraint("owner_id", "name"),
        Index(
            "ix_notification_name",
            "name",
            unique=True,
            postgresql_where=text("owner_id IS NULL"),
            sqlite_where=text("owner_id IS NULL"),
        ),
    )

    @property
    def waits_for_approval(self) -> bool:
        """Whether it does nothing until an administrator has approved it."""
        return self.type.is_alert and self.owner_id is not None and self.approved_at is None
