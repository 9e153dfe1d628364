"""What pages say of notifications, in a few words."""

from datetime import timedelta
from typing import Any

from remas.durations import format_duration
from remas.forms.notifications import LETTERS, STATES
from remas.letters import alert, template
from remas.models import Notification, NotificationType


def when(row: Notification) -> str:
    """Such as "10 min before the start", or what an alert watches."""
    if row.type.is_alert:
        during = row.type is NotificationType.EXCEEDANCE_TASK
        return "More used than reserved" if during else "More used than a fixed amount"
    moment = "start" if row.type is NotificationType.TASK_START else "end"
    seconds = row.time_offset or 0
    if not seconds:
        return f"At the {moment}"
    length = timedelta(seconds=abs(seconds))
    whole = length % timedelta(minutes=1) == timedelta()
    words = format_duration(length) if whole else f"{abs(seconds)} s"
    return f"{words} {'before' if seconds > 0 else 'after'} the {moment}"


def words() -> dict[str, Any]:
    """For templates that show notifications or letters."""
    return {
        "when": when,
        "letter_kinds": LETTERS,
        "letter_states": STATES,
        "timed_variables": template.VARIABLES,
        "alert_variables": alert.VARIABLES,
    }
