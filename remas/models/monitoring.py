"""What is to be made good in Grafana, and how that goes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from remas.models.base import Base

ONLY = 1
"""The id of the one row of `GrafanaState`."""


class GrafanaMark(Base):
    """What a person should have in Grafana may have changed; `user_id` None: what everybody should.

    A change inserts a mark and never looks for others, so it neither waits nor collides; whoever
    makes Grafana good takes all marks of a person together, and deletes exactly those. A person
    may be gone by then: `user_id` refers to nobody for certain. `next_attempt_at` is `created_at`,
    later the end of the wait after a refusal.
    """

    __tablename__ = "grafana_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (CheckConstraint("attempts >= 0", name="attempts_not_negative"),)


class GrafanaState(Base):
    """How it goes with Grafana as a whole: one row, with the id `ONLY`.

    `edges_until`: reservations that start or end before or at this moment have been marked.
    `passed_at`: when everybody was last looked at. `failures`: how often in a row Grafana as a
    whole failed, the last time with `last_error`; it is left alone until `next_attempt_at`.
    """

    __tablename__ = "grafana_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    edges_until: Mapped[datetime | None]
    passed_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("id = 1", name="only"),
        CheckConstraint("failures >= 0", name="failures_not_negative"),
    )
