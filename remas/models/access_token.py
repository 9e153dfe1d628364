"""Tokens that people make for their own programs; only the hash of each is kept."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from remas.models.base import Base, choice
from remas.models.people import User


class TokenScope(StrEnum):
    """What a token may do: look, or all that its person may."""

    READ = "read"
    WRITE = "write"


class AccessToken(Base):
    """Good until `expires_at` or `revoked_at`; `token_hash` is SHA-256 in hexadecimal."""

    __tablename__ = "access_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    scope: Mapped[TokenScope] = mapped_column(choice(TokenScope, "scope"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_address: Mapped[str | None] = mapped_column(String(100))
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint("expires_at > created_at", name="expires_after_it_is_made"),
    )
