"""Notifications: letters at a time, and alerts when more is used than reserved."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from remas.durations import format_duration, parse_duration
from remas.forms.base import Form
from remas.forms.edit import EditForm
from remas.forms.fields import DurationField
from remas.forms.filters import Filter
from remas.models import Notification, NotificationType, OutboxKind, OutboxState, Unit
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.notification_rules import Draft
from remas.services.notifications import NotificationChange
from remas.units import format_amount, parse_amount

SIDES = {
    "before-start": "before the start",
    "after-start": "after the start",
    "before-end": "before the end",
    "after-end": "after the end",
}
"""When a letter is sent, as one chooses it."""
KINDS = {
    NotificationType.EXCEEDANCE_TASK: "More than is reserved: while a reservation runs, what is "
    "reserved may be used, at other times the amount below",
    NotificationType.EXCEEDANCE_GENERAL: "More than the amount below, at any time",
}
LETTERS = {
    OutboxKind.REMINDER: "reminder",
    OutboxKind.RESERVATION_MADE: "reservation made",
    OutboxKind.RESERVATION_CHANGED: "reservation changed",
    OutboxKind.RESERVATION_CANCELLED: "reservation cancelled",
    OutboxKind.CONTRADICTED: "reservation no longer fits",
    OutboxKind.ACCOUNT_MADE: "account made",
    OutboxKind.PASSWORD_RESET: "new password",
}
"""The kinds of letters."""
STATES = {
    OutboxState.WAITING: "waiting",
    OutboxState.RETRYING: "retrying",
    OutboxState.DEAD: "given up",
    OutboxState.SENT: "sent",
    OutboxState.NOT_SENT: "not sent, mail is off",
    OutboxState.DROPPED: "dropped",
}
"""Where letters stand, what needs somebody first."""
SAMPLE = "sample"
_SECOND = timedelta(seconds=1)
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class OffsetField(DurationField):
    """`data`: a timedelta from 0 on; written in minutes, hours and days, or seconds as "90 s"."""

    def read(self, text: str) -> timedelta:
        number = text.lower().removesuffix("s").strip()
        if number.isdecimal() and (number != text or number == "0"):
            return timedelta(seconds=min(int(number[:9]), 10**9))
        return parse_duration(text)

    def write(self, value: timedelta) -> str:
        whole = value % timedelta(minutes=1) == timedelta()
        return format_duration(value) if value and whole else f"{value // _SECOND} s"


class _NotificationForm(EditForm):
    name = StringField(
        "Name",
        [DataRequired("Write a name."), Length(max=LONGEST_NAME)],
        render_kw={"autocomplete": "off"},
    )
    description = StringField("Description", [Length(max=LONGEST_TEXT)], render_kw=_PLAIN)
    shown_with = SelectField("Show it with", [Optional()], validate_choice=False)

    def offer(self, reservations: Sequence[tuple[int, str]]) -> None:
        """The reservations (number and title) with which a preview can be shown."""
        self.shown_with.choices = [
            *(SelectChoice(value=str(number), label=title) for number, title in reservations),
            SelectChoice(value=SAMPLE, label="made-up values"),
        ]

    @property
    def reservation_id(self) -> int | None:
        """With which reservation it is to be shown; None: with the next, or made-up values."""
        chosen = self.shown_with.data or ""
        return int(chosen) if chosen.isdecimal() and len(chosen) < 10 else None

    @property
    def made_up(self) -> bool:
        """Whether made-up values are asked for."""
        return bool(self.shown_with.data == SAMPLE)

    def draft(self) -> Draft:
        """The notification as it is written."""
        raise NotImplementedError

    def change(self) -> NotificationChange:
        """What it is to become."""
        draft = self.draft()
        names = ("description", "subject")
        texts: dict[str, Any] = {name: getattr(draft, name) or "" for name in names}
        if draft.type.is_alert:
            del texts["subject"]
        rest = ("name", "type", "time_offset", "template", "resource", "default_amount")
        return NotificationChange(**texts, **{name: getattr(draft, name) for name in rest})


class LetterForm(_NotificationForm):
    paths: ClassVar[Mapping[str, str]] = {"time_offset": "offset", "type": "side"}
    offset = OffsetField(
        "Sent",
        [InputRequired('Write how long, such as "10 min"; "0" is that very moment.')],
        description="Such as 10 min, 2h or 1 d; 0 is that very moment.",
        render_kw=_PLAIN,
    )
    side = SelectField(
        "When", choices=[SelectChoice(value=side, label=text) for side, text in SIDES.items()]
    )
    subject = StringField(
        "Subject",
        [Length(max=LONGEST_NAME)],
        description="Left empty, it is the name.",
        render_kw={"autocomplete": "off"},
    )
    template = TextAreaField(
        "Text", [DataRequired("Write what it is to say.")], render_kw={"rows": 8}
    )

    @classmethod
    def of(cls, stored: Notification | None) -> "LetterForm":
        """Filled in with what is stored, unless the request has a form with it."""
        if stored is None:
            return cls(data={"offset": timedelta(minutes=10), "side": "before-start"})
        seconds = stored.time_offset or 0
        moment = "start" if stored.type is NotificationType.TASK_START else "end"
        data = {
            **{name: getattr(stored, name) for name in ("name", "description")},
            **{name: getattr(stored, name) for name in ("subject", "template")},
            "offset": timedelta(seconds=abs(seconds)),
            "side": f"{'after' if seconds < 0 else 'before'}-{moment}",
        }
        return cls(data=data)

    def draft(self) -> Draft:
        way, _, moment = self.side.data.partition("-")
        seconds = self.offset.data // _SECOND if self.offset.data is not None else None
        start, end = NotificationType.TASK_START, NotificationType.TASK_END
        return Draft(
            name=self.name.data,
            description=self.description.data,
            type=start if moment == "start" else end,
            time_offset=-seconds if seconds is not None and way == "after" else seconds,
            subject=self.subject.data,
            template=self.template.data,
        )


class AlertForm(_NotificationForm):
    type = RadioField(
        "When",
        choices=[SelectChoice(value=kind.value, label=text) for kind, text in KINDS.items()],
        default=NotificationType.EXCEEDANCE_TASK.value,
    )
    resource = SelectField("Resource", [DataRequired("Choose a resource.")], validate_choice=False)
    default_amount = StringField(
        "Amount",
        [InputRequired("Write an amount; 0 is nothing at all.")],
        description="In the unit of the resource, such as 8 or 64 GiB. 0 is nothing at all.",
        render_kw=_PLAIN,
    )
    template = TextAreaField(
        "Rule, as JSON",
        [DataRequired("Write the rule.")],
        description="As Grafana exports an alert rule, with variables in it.",
        render_kw={"rows": 16, "spellcheck": "false", "class": "code"},
    )

    def __init__(self, *args: Any, units: Mapping[str, Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.units = units
        self.resource.choices = [SelectChoice(value=name, label=name) for name in units]

    @classmethod
    def of(cls, stored: Notification | None, units: Mapping[str, Unit]) -> "AlertForm":
        """As `LetterForm.of`. `units`: the resources that can be chosen."""
        if stored is None:
            return cls(units=units)
        resource = stored.resource
        if resource is not None:
            units = {**units, resource.name: resource.unit}
        data = {
            **{name: getattr(stored, name) for name in ("name", "description", "template")},
            "type": stored.type.value,
            "resource": resource.name if resource else None,
            "default_amount": format_amount(
                stored.default_amount or 0, resource.unit if resource else Unit.NONE
            ),
        }
        return cls(data=data, units=units)

    def validate_default_amount(self, field: StringField) -> None:
        """Raises `ValidationError` for what is no amount of the resource."""
        try:
            self._amount()
        except ValueError as wrong:
            raise ValidationError(str(wrong)) from None

    def _amount(self) -> int:
        unit = self.units.get(self.resource.data or "", Unit.NONE)
        return parse_amount(self.default_amount.data or "", unit)

    def draft(self) -> Draft:
        return Draft(
            name=self.name.data,
            description=self.description.data,
            type=NotificationType(self.type.data),
            template=self.template.data,
            resource=self.resource.data,
            default_amount=self._amount(),
        )


class NotificationFilterForm(Filter):
    kind = SelectField(
        "What it is",
        [Optional()],
        choices=[
            SelectChoice(value="", label="Of any kind"),
            SelectChoice(value="task_start", label="Letters about a start"),
            SelectChoice(value="task_end", label="Letters about an end"),
            SelectChoice(value="grafana_resource_exceedance_task", label="More than reserved"),
            SelectChoice(value="grafana_resource_exceedance_general", label="More than fixed"),
        ],
    )
    user = StringField("Reaches", [Length(max=LONGEST_NAME)], render_kw=_PLAIN)
    waiting = BooleanField("Waiting for approval")


class OutboxFilterForm(Filter):
    state = SelectField(
        "State",
        [Optional()],
        choices=[
            SelectChoice(value="", label="In any state"),
            *(SelectChoice(value=state.value, label=text) for state, text in STATES.items()),
        ],
    )
    kind = SelectField(
        "Kind",
        [Optional()],
        choices=[
            SelectChoice(value="", label="Of any kind"),
            *(SelectChoice(value=kind.value, label=text) for kind, text in LETTERS.items()),
        ],
    )
    recipient = StringField("To", [Length(max=LONGEST_NAME)], render_kw=_PLAIN)


class AssignForm(EditForm):
    """Whom a notification is to reach: one user or one group."""

    user = StringField(
        "A user", [Length(max=LONGEST_NAME)], render_kw={**_PLAIN, "list": "usernames"}
    )
    group = StringField(
        "Or a group, with those below it",
        [Length(max=LONGEST_NAME)],
        render_kw={**_PLAIN, "list": "group-names"},
    )

    def chosen(self) -> dict[str, str | None]:
        """The subject, as services take it."""
        return {name: (self[name].data or "").strip() or None for name in ("user", "group")}


class CalendarForm(Form):
    """Nothing but a button, and what it asks for."""

    wanted = SelectField(
        "Calendar files",
        choices=[
            SelectChoice(value="yes", label="Send me a calendar file"),
            SelectChoice(value="no", label="No letters of what I do myself"),
        ],
    )
