"""Notifications: people's own and administrators', and whom they reach directly or by a group."""

from flask import Response

from remas.compat import answers, bodies, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators, require_self
from remas.compat.errors import Refused, invalid_as, storing
from remas.errors import Invalid
from remas.models import Group, NotificationType
from remas.services import assignments, belongings, by_id, notifications
from remas.services.notification_rows import Known
from remas.services.notification_rules import Draft
from remas.services.notifications import NotificationChange, NotificationFilter

NEITHER = "Either user_id or group_id must be given!"


@bp.get("/notification")
@for_administrators
def list_notifications() -> Response:
    """All notifications by name, administrators' and people's own."""
    return bodies.listed(_found(NotificationFilter()))


@bp.get("/notification/<notification_id>")
@for_administrators
def get_notification(notification_id: int) -> Response:
    """One notification."""
    return _shown(notifications.get(actor(), notification_id))


@bp.get("/notification/owner/<user_id>")
def list_notifications_of_owner(user_id: int) -> Response:
    """Somebody's own notifications."""
    require_self(user_id)
    username = by_id.account(user_id).user.username
    return bodies.listed(_found(NotificationFilter(owner=username)))


@bp.get("/notification/user/<user_id>")
def list_notifications_of_user(user_id: int) -> Response:
    """What reaches somebody: directly, by the own group, by the one above it, and so on."""
    require_self(user_id)
    user = by_id.account(user_id).user
    reaching = notifications.reaching(actor(), user.username)
    direct = [shapes.notification(k.notification) for k in reaching if user.username in k.users]
    first = answers.GroupNotifications(group_id=None, group_name=None, notifications=direct)
    chain = belongings.chain(actor(), user.group_id)
    return bodies.listed([first, *(_of_group(group) for group in chain)])


@bp.get("/notification/group/<group_id>")
def list_notifications_of_group(group_id: int) -> Response:
    """What reaches the members of a group, from it upwards."""
    if not by_id.may_see_group(actor(), group_id):
        raise Refused(403, NOT_ALLOWED)
    by_id.any_group(group_id)
    return bodies.listed([_of_group(group) for group in belongings.chain(actor(), group_id)])


@bp.post("/notification")
def post_notification() -> Response:
    """Make one: an administrator for others, everybody else for himself."""
    body = bodies.read(schemas.NewNotification)
    kind = _kind(body.type)
    draft = Draft(
        name=body.name,
        type=kind,
        description=body.description,
        time_offset=None if kind.is_alert else body.time_offset,
        template=body.notification_template,
        resource=_resource(body) if kind.is_alert else None,
        default_amount=body.default_amount if kind.is_alert else None,
    )
    with storing("notification"), invalid_as(400):
        made = notifications.create(actor(), draft, own=not actor().is_admin)
    return _shown(made)


@bp.put("/notification")
def put_notification() -> Response:
    """Change one, as its owner or an administrator."""
    body = bodies.read(schemas.ChangedNotification)
    kind = _kind(body.type)
    wish = NotificationChange(
        name=body.name,
        type=kind,
        description=body.description or "",
        time_offset=None if kind.is_alert else body.time_offset,
        template=body.notification_template or "",
        resource=_resource(body) if kind.is_alert else None,
        default_amount=body.default_amount if kind.is_alert else None,
    )
    with storing("notification"), invalid_as(400):
        changed = notifications.change(actor(), _storable(body.id), wish)
    return _shown(changed)


@bp.delete("/notification/<notification_id>")
def delete_notification(notification_id: int) -> Response:
    """Delete one, as its owner or an administrator."""
    notifications.delete(actor(), notification_id)
    return bodies.done("Notification deleted")


@bp.post("/notification/assign")
def assign() -> Response:
    """Have it reach a user, a group, or both."""
    return _set(wanted=True)


@bp.post("/notification/unassign")
def unassign() -> Response:
    """Take it from a user, a group, or both."""
    return _set(wanted=False)


def _set(*, wanted: bool) -> Response:
    body = bodies.read(schemas.Assignment)
    if body.user_id is None and body.group_id is None:
        raise Refused(400, NEITHER)
    change = assignments.assign if wanted else assignments.unassign
    number = _storable(body.notification_id)
    user = None if body.user_id is None else by_id.account(body.user_id).user.username
    group = None if body.group_id is None else by_id.any_group(body.group_id).name
    known = None
    try:
        # The group first: where a person's own is refused to it, nothing was done yet.
        if group is not None:
            known = change(actor(), number, group=group)
        if user is not None:
            known = change(actor(), number, user=user)
    except Invalid as error:
        raise Refused(403, error.detail) from None
    if known is None:
        raise AssertionError("one of the two was given")
    return _shown(known)


def _found(wanted: NotificationFilter) -> list[answers.Notification]:
    found = notifications.search(actor(), wanted, page=1, per_page=bodies.ALL).items
    return [shapes.notification(known.notification) for known in found]


def _of_group(group: Group) -> answers.GroupNotifications:
    here = _found(NotificationFilter(group=group.name))
    return answers.GroupNotifications(group_id=group.id, group_name=group.name, notifications=here)


def _shown(known: Known) -> Response:
    return bodies.answer(shapes.notification(known.notification))


def _kind(text: str) -> NotificationType:
    try:
        return NotificationType(text)
    except ValueError:
        raise Refused(400, f"Notification type {text} is not supported!") from None


def _resource(body: schemas.NewNotification) -> str | None:
    return None if body.resource_id is None else by_id.resource(body.resource_id).name


def _storable(notification_id: int) -> int:
    return by_id.storable(notification_id, "Notification")
