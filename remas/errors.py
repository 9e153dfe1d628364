"""What can go wrong in the domain, said so that people know what to do. No web in here.

`slug` is stable: it becomes the problem type of the JSON answers.
"""

from collections.abc import Mapping, Sequence
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


class ReadOnlyToken(Forbidden):
    slug, title = "read-only-token", "This token may only read"


class NotSignedIn(DomainError):
    slug, title = "not-signed-in", "Sign in first"


class WrongToken(NotSignedIn):
    """A refresh token where an access token is wanted, or the reverse."""


class PasswordChangeRequired(DomainError):
    slug, title = "password-change-required", "Change your one-time password first"


class Invalid(DomainError):
    """Fields that cannot be taken: path of the field to texts."""

    slug, title = "invalid", "Some fields need another value"

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str | None = None) -> None:
        self.errors = {path: list(texts) for path, texts in errors.items()}
        super().__init__(detail or " ".join(text for texts in errors.values() for text in texts))

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


class NameTaken(Conflict):
    """Another one already has this value of `field`, which has to be unique."""

    slug, title = "name-taken", "This is already taken"

    def __init__(self, field: str, detail: str | None = None) -> None:
        super().__init__(detail or f"Another one already has this {field}. Choose another.")
        self.field = field


class LastAdministrator(Conflict):
    slug, title = "last-administrator", "At least one active administrator has to remain"


class NotChangeable(Conflict):
    slug, title = "not-changeable", "The reservation can no longer be changed like this"


class IdempotencyMismatch(Conflict):
    slug, title = "idempotency-mismatch", "The key was used for another request"


class Stale(DomainError):
    slug, title = "stale", "Somebody changed it in the meantime"


class NoRoom(Exception):
    """A placement does not fit. `shortages` say why, `offers` where it would.

    `asked` is what was refused (user id, placement, reservation being moved), for whoever then
    looks for alternatives.
    """

    def __init__(
        self,
        shortages: Sequence[Any],
        offers: Sequence[Any] = (),
        asked: tuple[int, Any, int | None] | None = None,
    ) -> None:
        super().__init__(self.title)
        self.shortages, self.offers, self.asked = tuple(shortages), tuple(offers), asked
        self.only_limits = all(shortage.reason == "limit" for shortage in self.shortages)
        self.slug = "limit-exceeded" if self.only_limits else "no-capacity"
        if self.only_limits:
            self.title = "This is more than a limit allows"

    title = "The resources are not free at that time"


class Busy(DomainError):
    """Somebody else holds what is needed; worth trying again."""

    slug, title = "busy", "Too much is going on right now"
    retry_after = 1


class MeasurementsAway(DomainError):
    """Prometheus does not answer: what people use is not known right now."""

    slug, title = "measurements-away", "Prometheus does not answer"
    retry_after = 10


class GrafanaAway(DomainError):
    """Grafana does not answer, or does not have the account yet; worth trying again."""

    slug, title = "grafana-away", "Grafana cannot do this right now"
    retry_after = 60


class NoAnswerInTime(DomainError):
    """The core did not prove anything in time: never to be told as "no room"."""

    slug, title = "no-answer-in-time", "No answer in time"
    retry_after = 5
