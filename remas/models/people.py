"""People: users, the tree of groups, and their signed-in sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from remas.models.base import Base

EVERYONE, ADMINISTRATORS, USERS = 1, 2, 3
"""Ids of the three groups that always exist."""
DOTTED_I = "\u0130"


def folded(text: str) -> str:
    """The text as it is compared where capital and small letters, of any script, are the same.

    A capital I with a dot is "i": so programs have it that take letter for letter, as Grafana does.
    """
    return text.replace(DOTTED_I, "i").casefold()


class Group(Base):
    __tablename__ = "group"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    users_share_statistics: Mapped[bool] = mapped_column(default=True, server_default=true())
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("group.id"), index=True)

    parent: Mapped[Group | None] = relationship(remote_side=[id], back_populates="children")
    children: Mapped[list[Group]] = relationship(back_populates="parent", order_by="Group.name")
    members: Mapped[list[User]] = relationship(back_populates="group", order_by="User.username")

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="not_its_own_parent"),
    )


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(200), unique=True)
    username_folded: Mapped[str] = mapped_column(String(600), index=True)
    name: Mapped[str | None] = mapped_column(String(200))
    surname: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320), unique=True)
    email_folded: Mapped[str] = mapped_column(String(960), index=True)
    uid: Mapped[int] = mapped_column(BigInteger, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    password_change_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    time_zone: Mapped[str | None] = mapped_column(String(100))
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id"), index=True)
    created_at: Mapped[datetime]
    calendar_letters: Mapped[bool] = mapped_column(default=False, server_default=false())
    letters_seen_at: Mapped[datetime | None]

    group: Mapped[Group] = relationship(back_populates="members")

    __table_args__ = (
        CheckConstraint("username <> ''", name="username_not_empty"),
        CheckConstraint("uid >= 0", name="uid_not_negative"),
    )

    @validates("username", "email")
    def _fold(self, column: str, value: str) -> str:
        # Kept beside it, as not every database knows the small letter of every capital one.
        setattr(self, f"{column}_folded", folded(value))
        return value

    @property
    def full_name(self) -> str:
        """Name and surname, or the username where neither is given."""
        return " ".join(part for part in (self.name, self.surname) if part) or self.username


class AuthSession(Base):
    """One sign-in, from a browser or by a program; ended by `revoked_at` or `expires_at`.

    `refresh_id` is the id of the one refresh token that is still good: using it replaces it.
    """

    __tablename__ = "auth_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    refresh_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(String(100))
    agent: Mapped[str | None] = mapped_column(String(100))

    user: Mapped[User] = relationship()

    __table_args__ = (CheckConstraint("kind IN ('web', 'token')", name="kind"),)
