"""Settings of the letters that REMAS writes by itself."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from remas.environment import Reader, SettingError

CAN_BE_OFF = ("account_made", "reservation_made", "reservation_changed", "reservation_cancelled")
"""Kinds without which people still find out; a forgotten password needs its letter."""


@dataclass(frozen=True, kw_only=True)
class LetterSettings:
    """`off`: kinds that are not written at all. `reset_expire`: how long a new password waits."""

    off: frozenset[str]
    reset_expire: timedelta

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Raises SettingError."""
        kinds = [kind.strip() for kind in read.text("REMAS_LETTERS_OFF").split(",")]
        off = frozenset(kind for kind in kinds if kind)
        if unknown := sorted(off.difference(CAN_BE_OFF)):
            known = ", ".join(CAN_BE_OFF)
            raise SettingError(f"REMAS_LETTERS_OFF can list {known}, not {unknown[0]!r}.")
        return cls(off=off, reset_expire=read.minutes("REMAS_PASSWORD_RESET_MINUTES", 60))
