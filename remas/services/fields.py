"""What the fields of rows may hold, for forms, JSON and commands alike."""

import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

from remas import clock
from remas.errors import Invalid
from remas.models import MAX_AMOUNT

LONGEST_NAME = 200  # characters, as in the tables
LONGEST_TEXT = 20_000  # characters
LARGEST_UID = 2**31 - 1
NOT_IN_NAMES = "/\\"  # names are parts of addresses
_CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of pairs, line separators


class Check:
    """Takes values, gives them back as they are stored, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}

    def refuse(self, path: str, text: str) -> None:
        """Note that the field cannot be taken."""
        self.errors.setdefault(path, []).append(text)

    def done(self) -> None:
        """Raises `Invalid` when anything was refused."""
        if self.errors:
            raise Invalid(self.errors)

    def name(self, path: str, value: str) -> str:
        """A name by which something is called, trimmed: one line, in addresses as it stands."""
        value = self.line(path, value)
        if value in (".", "..") or any(sign in value for sign in NOT_IN_NAMES):
            self.refuse(path, "A name is part of addresses: no slashes, and not only dots.")
        return value

    def line(self, path: str, value: str, longest: int = LONGEST_NAME) -> str:
        """One line of text, trimmed and not empty."""
        value = value.strip()
        if not 1 <= len(value) <= longest:
            self.refuse(path, f"This has 1 to {longest} characters.")
        if any(unicodedata.category(sign) in _CONTROL for sign in value):
            self.refuse(path, "Control characters cannot be taken.")
        return value

    def optional_line(self, path: str, value: str | None) -> str | None:
        """One line of text, or None where there is nothing in it."""
        return self.line(path, value) if value and value.strip() else None

    def text(self, path: str, value: str | None) -> str | None:
        """Text of any lines, or None where there is nothing in it."""
        value = (value or "").strip()
        if len(value) > LONGEST_TEXT:
            self.refuse(path, f"This has at most {LONGEST_TEXT} characters.")
        if any(sign == "\x00" or unicodedata.category(sign) == "Cs" for sign in value):
            self.refuse(path, "Control characters cannot be taken.")
        return value or None

    def email(self, path: str, value: str) -> str:
        """An e-mail address, written the usual way; whether it exists is not asked.

        Names without a dot are taken as well: closed networks have hosts of their own.
        """
        try:
            return validate_email(
                value.strip(), check_deliverability=False, globally_deliverable=False
            ).normalized
        except EmailNotValidError as error:
            self.refuse(path, str(error))
            return value

    def uid(self, path: str, value: int) -> int:
        """A user id of the nodes."""
        if not 0 <= value <= LARGEST_UID:
            self.refuse(path, f"A uid is a whole number from 0 to {LARGEST_UID}.")
        return value

    def amount(self, path: str, value: int) -> int:
        """An amount of a resource that may be none."""
        if not 0 <= value <= MAX_AMOUNT:
            self.refuse(path, "An amount is at least 0 and at most 2^63 - 1.")
        return value

    def time_zone(self, path: str, value: str | None) -> str | None:
        """The name of an IANA time zone, or None."""
        if not value:
            return None
        try:
            return ZoneInfo(value).key
        except (KeyError, OSError, ValueError):  # unknown; a folder; not a name at all
            self.refuse(path, "This is no IANA time zone, such as Europe/Prague.")
            return None

    def span(self, starts_at: datetime, ends_at: datetime) -> None:
        """`[starts_at, ends_at)` in whole minutes."""
        for path, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
            if clock.ceil_minute(moment) != moment:
                self.refuse(path, "Give a whole minute.")
        if ends_at <= starts_at:
            self.refuse("ends_at", "The end is not after the start.")
