"""How a notification reads before anybody gets it."""

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from remas import clock
from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.letters import alert, reminder
from remas.models import Capacity, Node, Notification, Reservation, Resource, User
from remas.services import notification_rows, notification_rules
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.delivery import letterhead
from remas.services.notification_rules import Draft
from remas.services.transaction import DbSession

SAMPLE_LENGTH = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Preview:
    """`text`: as it would be sent; for alerts the rule as JSON. `subject` None: it has none.

    `reservation_id` None: no reservation was there to show it with, so values are made up.
    """

    subject: str | None
    text: str
    reservation_id: int | None


def of_stored(actor: Actor, notification_id: int, reservation_id: int | None = None) -> Preview:
    """How a stored notification reads, with a reservation of one's own (administrators: anybody's).

    Without one it is the next one of the actor's. Raises `NotFound`, `Forbidden`.
    """
    session = db.session()
    notification = notification_rows.load(session, notification_id)
    if not notification_rows.may_see(session, actor, notification):
        raise notification_rows.missing(notification_id)
    return _preview(session, actor, notification, reservation_id)


def of_draft(
    actor: Actor, draft: Draft, reservation_id: int | None = None, *, made_up: bool = False
) -> Preview:
    """As `of_stored`, of what is not stored; `made_up`: without a reservation. Raises `Invalid`."""
    checked = notification_rules.check(draft)
    session = db.session()
    resource = None
    if checked.resource:
        resource = session.scalar(select(Resource).where(Resource.name == checked.resource))
    notification = Notification(
        name=checked.name,
        type=checked.type,
        subject=checked.subject,
        template=checked.template,
        default_amount=checked.default_amount,
    )
    if made_up and checked.type.is_time_based:
        return _letter(session, actor, notification, None)
    return _preview(session, actor, notification, reservation_id, resource)


def choices(actor: Actor, most: int = 20) -> list[Reservation]:
    """One's own reservations to preview with: what is to come first, then the latest."""
    return _own(db.session(), actor, most)


def _preview(
    session: DbSession,
    actor: Actor,
    notification: Notification,
    reservation_id: int | None,
    resource: Resource | None = None,
) -> Preview:
    if notification.type.is_alert:
        return _rule(session, actor, notification, notification.resource or resource)
    return _letter(session, actor, notification, _reservation(session, actor, reservation_id))


def _letter(
    session: DbSession, actor: Actor, notification: Notification, reservation: Reservation | None
) -> Preview:
    owner = reservation.owner if reservation else session.get(User, actor.id or 0)
    if owner is None:
        raise Forbidden("Only a person gets letters.")
    shown = reservation or _sample()
    values = reminder.values_of(shown, owner, letterhead(settings()))
    subject, text = reminder.words_of(notification, values)
    return Preview(subject, text, reservation.id if reservation else None)


def _sample() -> Reservation:
    """A reservation that is nowhere stored."""
    start = clock.ceil_minute(clock.now() + timedelta(hours=1))
    return Reservation(
        id=1,
        name="Sample reservation",
        description="What it is for.",
        starts_at=start,
        ends_at=start + SAMPLE_LENGTH,
    )


def _reservation(
    session: DbSession, actor: Actor, reservation_id: int | None
) -> Reservation | None:
    if reservation_id is None:
        return next(iter(_own(session, actor, 1)), None)
    reservation = session.get(Reservation, reservation_id)
    if reservation is None:
        raise NotFound(f"There is no reservation {reservation_id}.")
    if not actor.may_act_for(reservation.owner_id):
        raise Forbidden("A preview shows reservations of your own.")
    return reservation


def _own(session: DbSession, actor: Actor, most: int) -> list[Reservation]:
    """What ends in the future by its start, then what is over, latest first."""
    own = select(Reservation).where(
        Reservation.owner_id == actor.id, Reservation.cancelled_at.is_(None)
    )
    now = clock.now()
    coming = own.where(Reservation.ends_at > now).order_by(Reservation.starts_at, Reservation.id)
    past = own.where(Reservation.ends_at <= now).order_by(
        Reservation.ends_at.desc(), Reservation.id
    )
    found = list(session.scalars(coming.limit(most)))
    if len(found) < most:
        found += session.scalars(past.limit(most - len(found)))
    return found


def _rule(
    session: DbSession, actor: Actor, notification: Notification, resource: Resource | None
) -> Preview:
    """The alert of the actor on the first node that has the resource."""
    values = dict(alert.SAMPLE)
    if person := session.get(User, actor.id or 0):
        values |= alert.values_of_user(person)
    if resource is not None:
        values |= alert.values_of_resource(resource)
        offering = select(Capacity).join(Capacity.node).where(Capacity.resource_id == resource.id)
        if capacity := session.scalar(offering.order_by(Node.name).limit(1)):
            values |= alert.values_of_capacity(capacity)
    values["allocation_amount"] = notification.default_amount or 0
    rule = alert.fill(alert.parse(notification.template or "{}"), values)
    return Preview(None, json.dumps(rule, indent=2, ensure_ascii=False), None)
