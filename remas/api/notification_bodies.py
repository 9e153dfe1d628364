"""What is asked about notifications, and what is answered; as schemas.py and answers.py."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from remas.api import queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.bodies import LARGEST_ID
from remas.api.schemas import Body, left_out
from remas.api.values import Amount, Moment, Name
from remas.models import NotificationType, Outbox, OutboxKind, OutboxState
from remas.services.notification_rows import Known
from remas.services.notification_rules import LONGEST_OFFSET, Draft
from remas.services.notifications import NotificationChange
from remas.services.previews import Preview

_MOST = LONGEST_OFFSET // timedelta(seconds=1)

TypeText = Literal[
    "task_start",
    "task_end",
    "grafana_resource_exceedance_task",
    "grafana_resource_exceedance_general",
]
Offset = Annotated[
    int, Field(ge=-_MOST, le=_MOST, description="seconds, positive before, negative after")
]
Text = Annotated[str, Field(min_length=1)]
ReservationId = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class NotificationPost(Body):
    """`task_start` and `task_end` want `time_offset`, the others `resource` and `default_amount`.

    What the type has not, is null or left out.
    """

    name: Name
    type: TypeText
    template: str = Field(
        min_length=1,
        examples=["${task_name} starts at ${task_start}."],
        description="with `${variables}`; for alerts the JSON of a rule. $$ is a dollar sign",
    )
    subject: str | None = Field(default=None, description="with variables; left out: the name")
    description: str | None = None
    time_offset: Offset | None = None
    resource: str | None = None
    default_amount: Amount | None = None
    owner: str | None = Field(
        default=None,
        description="oneself: for oneself alone. Left out by administrators: to be assigned",
    )

    def draft(self) -> Draft:
        values = {name: value for name, value in dict(self).items() if name != "owner"}
        return Draft(**{**values, "type": NotificationType(self.type)})


class DraftPreview(NotificationPost):
    reservation: ReservationId | None = Field(
        default=None, description="left out: your next one, or sample values"
    )
    made_up: bool = Field(default=False, description="with sample values, whatever there is")

    def draft(self) -> Draft:
        asides = {"owner", "reservation", "made_up"}
        values = {name: value for name, value in dict(self).items() if name not in asides}
        return Draft(**{**values, "type": NotificationType(self.type)})


class NotificationPatch(Body):
    """What a new type has not, goes by itself; null there is taken for nothing to change."""

    name: Name = left_out()
    type: TypeText = left_out()
    template: Text = left_out()
    subject: str | None = left_out()
    description: str | None = left_out()
    time_offset: Offset | None = left_out()
    resource: str | None = left_out()
    default_amount: Amount | None = left_out()

    def wish(self) -> NotificationChange:
        needed = ("time_offset", "resource", "default_amount")
        given: dict[str, Any] = {
            name: value
            for name, value in self.given().items()
            if not (name in needed and value == "")
        }
        if "type" in given:
            given["type"] = NotificationType(self.type)
        return NotificationChange(**given)


class Assignment(Body):
    """Exactly one of the two."""

    user: str | None = None
    group: str | None = None


class PreviewPost(Body):
    reservation: ReservationId | None = Field(
        default=None, description="left out: your next one, or sample values"
    )


class Notifications(queries.Paging):
    q: str | None = Field(default=None, description="looked for in name, description and template")
    type: TypeText | None = None
    owner: str | None = Field(default=None, description="empty: administrators' alone")
    user: str | None = Field(default=None, description="whom it reaches; of others: administrators")
    group: str | None = Field(default=None, description="to which it is assigned")
    waiting: bool | None = Field(default=None, description="for an administrator's approval")
    sort: str = Field(default="name", description="name, type or time_offset; - before: downwards")


class Notification(Answer):
    id: int
    name: str
    description: str | None
    type: NotificationType
    time_offset: int | None = Field(description="seconds, positive before")
    subject: str | None
    template: str | None
    resource: str | None
    default_amount: int | None
    owner: str | None = Field(description="null: an administrator's")
    approved: bool = Field(description="false: a person's alert that nobody has approved yet")
    users: list[str] = Field(description="to others than administrators: oneself, where assigned")
    groups: list[str] = Field(description="to others than administrators: one's own and above")


class NotificationList(Listing):
    items: list[Notification]


class Letter(Answer):
    """How a notification reads: text, and for alerts the JSON of the rule."""

    subject: str | None
    text: str
    reservation: int | None = Field(description="null: sample values")


class Told(Answer):
    """A letter that was sent to oneself; `sent` false: mail is off, so it is only here."""

    id: int
    kind: OutboxKind
    at: Moment
    subject: str | None
    text: str | None
    reservation: int | None
    sent: bool


class ToldList(Listing):
    items: list[Told]


def notification(known: Known) -> shapes.Shape:
    """A notification as JSON, as somebody may see it."""
    row = known.notification
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "type": row.type.value,
        "time_offset": row.time_offset,
        "subject": row.subject,
        "template": row.template,
        "resource": row.resource.name if row.resource else None,
        "default_amount": row.default_amount,
        "owner": row.owner.username if row.owner else None,
        "approved": not row.waits_for_approval,
        "users": list(known.users),
        "groups": list(known.groups),
    }


def letter(found: Preview) -> shapes.Shape:
    """A preview as JSON."""
    return {"subject": found.subject, "text": found.text, "reservation": found.reservation_id}


def told(row: Outbox) -> shapes.Shape:
    """A letter to oneself as JSON."""
    if row.done_at is None:
        raise ValueError("a letter that was not told yet is not shown")
    return {
        "id": row.id,
        "kind": row.kind.value,
        "at": shapes.moment(row.done_at),
        "subject": row.subject,
        "text": row.text,
        "reservation": row.reservation_id,
        "sent": row.state is OutboxState.SENT,
    }
