"""The reminder: so long before or after a reservation starts or ends."""

from collections.abc import Mapping

from remas.letters import template
from remas.letters.letter import Letter, Letterhead, Link, compose, moment, zone_of
from remas.models import Notification, NotificationType, Outbox, Reservation, User

FOOTER = "You get this because you have asked for it, or an administrator has for you."
# Where a notification says nothing of its own.
PLAIN = {
    NotificationType.TASK_START: "Your reservation ${task_name} starts at ${task_start}.",
    NotificationType.TASK_END: "Your reservation ${task_name} ends at ${task_end}.",
}


def build(row: Outbox, head: Letterhead) -> Letter:
    """The letter of a row that has its reservation, notification and recipient."""
    if row.reservation is None or row.notification is None or row.recipient is None:
        raise ValueError("a reminder needs its reservation, notification and recipient")
    return letter_of(row.notification, row.reservation, row.recipient, head)


def letter_of(
    notification: Notification, reservation: Reservation, owner: User, head: Letterhead
) -> Letter:
    """What `owner` gets of this notification about this reservation; for previews as well."""
    subject, body = words_of(notification, values_of(reservation, owner, head))
    settings = head.url("/profile/notifications")
    return compose(
        subject,
        body,
        link=Link("Open the reservation", head.url(f"/reservations/{reservation.id}")),
        footer=f"{FOOTER}\nChoose what you get: {settings}",
        headers={"List-Unsubscribe": _unsubscribe(head, settings)},
    )


def words_of(notification: Notification, values: Mapping[str, str]) -> tuple[str, str]:
    """Subject and body of this notification with these values."""
    body = notification.template or PLAIN.get(notification.type, "${task_name}")
    subject = template.substitute(notification.subject or notification.name, values)
    return subject, template.substitute(body, values)


def values_of(reservation: Reservation, owner: User, head: Letterhead) -> dict[str, str]:
    """What the variables of templates stand for; times in the owner's zone."""
    zone = zone_of(owner, head)
    return {
        "user_id": str(owner.id),
        "user_name": owner.name or "",
        "user_surname": owner.surname or "",
        "user_username": owner.username,
        "user_uid": str(owner.uid),
        "user_email": owner.email,
        "task_id": str(reservation.id),
        "task_name": reservation.name,
        "task_description": reservation.description or "",
        "task_start": moment(reservation.starts_at, zone),
        "task_end": moment(reservation.ends_at, zone),
    }


def _unsubscribe(head: Letterhead, settings: str) -> str:
    by_mail = f"<mailto:{head.address}?subject=unsubscribe>, " if head.address else ""
    return f"{by_mail}<{settings}>"
