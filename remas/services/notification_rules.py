"""What a notification has to be: which type wants which fields, and which variables it knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from remas.letters import alert, alert_shape, template
from remas.models import NotificationType
from remas.services.fields import LONGEST_NAME, Check

LONGEST_OFFSET = timedelta(days=30)
TYPES = (
    NotificationType.TASK_START,
    NotificationType.TASK_END,
    NotificationType.EXCEEDANCE_TASK,
    NotificationType.EXCEEDANCE_GENERAL,
)
"""The types that can be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A notification as it is to be. `resource` is a name, `default_amount` in its base unit."""

    name: str
    type: NotificationType
    description: str | None = None
    time_offset: int | None = None  # seconds, positive before
    subject: str | None = None
    template: str | None = None
    resource: str | None = None
    default_amount: int | None = None


def check(draft: Draft) -> Draft:
    """The draft as it is stored. Raises `Invalid`."""
    checks = Check()
    if draft.type not in TYPES:
        checks.refuse("type", f"This is one of {', '.join(kind.value for kind in TYPES)}.")
    alerts = draft.type.is_alert
    known = alert.VARIABLES if alerts else template.VARIABLES
    checked = Draft(
        name=checks.line("name", draft.name),
        type=draft.type,
        description=checks.text("description", draft.description),
        time_offset=None if alerts else _offset(checks, draft.time_offset),
        subject=None if alerts else _subject(checks, draft.subject),
        template=_template(checks, draft.template, known, as_rule=alerts),
        resource=_resource(checks, draft.resource) if alerts else None,
        default_amount=_amount(checks, draft.default_amount) if alerts else None,
    )
    _refuse_foreign(checks, draft, alerts=alerts)
    checks.done()
    return checked


def _offset(checks: Check, seconds: int | None) -> int | None:
    if seconds is None:
        checks.refuse("time_offset", "Say how long before it is to be sent, or after.")
        return None
    if abs(seconds) > LONGEST_OFFSET.total_seconds():
        checks.refuse("time_offset", f"This is at most {LONGEST_OFFSET.days} days, in seconds.")
    return seconds


def _subject(checks: Check, text: str | None) -> str | None:
    subject = checks.optional_line("subject", text)
    _refuse_unknown(checks, "subject", subject or "", template.VARIABLES)
    return subject


def _template(
    checks: Check, text: str | None, known: Mapping[str, str], *, as_rule: bool
) -> str | None:
    text = checks.text("template", text)
    if text is None:
        checks.refuse("template", "Write what it is to say.")
        return None
    _refuse_unknown(checks, "template", text, known)
    if as_rule:
        try:
            told = alert_shape.faults(alert.parse(text))
        except ValueError as wrong:
            told = [str(wrong)]
        for fault in told:
            checks.refuse("template", fault)
    return text


def _refuse_unknown(checks: Check, path: str, text: str, known: Mapping[str, str]) -> None:
    if not template.is_closed(text):
        checks.refuse(path, "A variable is not closed: write ${task_name}, with both braces.")
        return
    unknown = [name for name in template.names_in(text) if name not in known]
    if unknown:
        told = ", ".join(f"${{{name}}}"[:LONGEST_NAME] for name in unknown)
        verb = "is no variable" if len(unknown) == 1 else "are no variables"
        names = ", ".join(f"${{{name}}}" for name in known)
        checks.refuse(path, f"{told} {verb}. Known are {names}. Write $$ for a dollar sign.")


def _resource(checks: Check, name: str | None) -> str | None:
    if not name:
        checks.refuse("resource", "Say which resource is watched.")
    return name


def _amount(checks: Check, amount: int | None) -> int | None:
    if amount is None:
        checks.refuse("default_amount", "Say which amount may be used, 0 for none at all.")
        return None
    return checks.amount("default_amount", amount)


def _refuse_foreign(checks: Check, draft: Draft, *, alerts: bool) -> None:
    """Fields that the type has not."""
    for name in ("time_offset", "subject") if alerts else ("resource", "default_amount"):
        if getattr(draft, name) not in (None, ""):
            other = "letters at a time" if alerts else "alerts"
            checks.refuse(name, f"Only notifications that are {other} have this.")
