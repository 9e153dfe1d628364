"""What can go wrong in the domain, said so that people know what to do. No web in here.

`slug` is stable: it becomes the problem type of the JSON answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class DomainError(Exception):
    """`detail` is one sentence for the person who asked."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "The request cannot be carried out"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(DomainError):
    slug, title = "not-found", "There is no such thing"


class Forbidden(DomainError):
    slug, title = "forbidden", "You may not do this"


class NotSignedIn(DomainError):
    slug, title = "not-signed-in", "Sign in first"


class PasswordChangeRequired(DomainError):
    slug, title = "password-change-required", "Change your one-time password first"


class Invalid(DomainError):
    """Fields that cannot be taken: path of the field to texts."""

    slug, title = "invalid", "Some fields need another value"

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str | None = None) -> None:
        self.errors = {path: list(texts) for path, texts in errors.items()}
        super().__init__(detail or "; ".join(text for texts in errors.values() for text in texts))

    @classmethod
    def field(cls, path: str, text: str) -> "Invalid":
        return cls({path: [text]})


class Conflict(DomainError):
    slug, title = "conflict", "This contradicts what is stored"


class InUse(Conflict):
    """It cannot be deleted: `things` hang on it, each told in a few words."""

    slug, title = "in-use", "Other things hang on it"

    def __init__(self, detail: str, things: Sequence[str]) -> None:
        super().__init__(detail)
        self.things = list(things)


class NotChangeable(Conflict):
    slug, title = "not-changeable", "The reservation can no longer be changed like this"


class IdempotencyMismatch(Conflict):
    slug, title = "idempotency-mismatch", "The key was used for another request"


class Stale(DomainError):
    slug, title = "stale", "Somebody changed it in the meantime"


@dataclass
class NoRoom(Exception):
    """A placement does not fit. `shortages` say why, `offers` where it would."""

    shortages: Sequence[Any]
    offers: Sequence[Any] = ()

    @property
    def only_limits(self) -> bool:
        """Whether nothing but the owner's limits stands in the way."""
        return all(shortage.reason == "limit" for shortage in self.shortages)

    slug = property(lambda self: "limit-exceeded" if self.only_limits else "no-capacity")

    @property
    def title(self) -> str:
        if self.only_limits:
            return "This is more than a limit allows"
        return "The resources are not free at that time"


class Busy(DomainError):
    """Somebody else holds what is needed; worth trying again."""

    slug, title = "busy", "Too much is going on right now"
    retry_after = 1


class NoAnswerInTime(DomainError):
    """The core did not prove anything in time: never to be told as "no room"."""

    slug, title = "no-answer-in-time", "No answer in time"
    retry_after = 5
