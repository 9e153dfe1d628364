"""Notifications: people's own for themselves, administrators' for anybody."""

from flask import Response

from remas.api import answers, queries
from remas.api import notification_bodies as bodies
from remas.api.blueprint import actor, bp
from remas.api.etags import address, created, if_match, shown
from remas.api.shapes import listing
from remas.api.spec import LETTERS, Who, describe
from remas.errors import Invalid
from remas.models import NotificationType
from remas.services import alert_sources, assignments, notifications, previews
from remas.services.notification_rows import Known
from remas.services.notifications import NotificationFilter

ANY = "/notifications/<int:notification_id>"


@bp.get("/notifications")
@describe(LETTERS, bodies.NotificationList, cached=True)
def list_notifications(query: bodies.Notifications, headers: queries.IfNoneMatch) -> Response:
    """Your own and those that reach you; all of them to administrators."""
    wanted = NotificationFilter(
        text=query.q,
        type=NotificationType(query.type) if query.type else None,
        owner=query.owner,
        user=query.user,
        group=query.group,
        waiting=query.waiting,
    )
    if query.user not in (None, actor().username):
        actor().require_admin()
    found = notifications.search(actor(), wanted, query.page, query.per_page, query.sort)
    return shown(listing(found, bodies.notification))


@bp.post("/notifications")
@describe(LETTERS, bodies.Notification, 201, conflict=answers.TakenProblem)
def post_notification(json: bodies.NotificationPost) -> Response:
    """Make a notification. Your own is assigned to you at once.

    An alert whose data sources could not be looked up in Grafana is made all the same, and the
    header `Remas-Unchecked` says so.
    """
    if json.owner not in (None, actor().username):
        raise Invalid.field("owner", "A notification is everybody's (null) or your own.")
    own = json.owner is not None or not actor().is_admin
    made = notifications.create(actor(), json.draft(), own=own)
    where = address(".get_notification", notification_id=made.notification.id)
    return _told(created(bodies.notification(made), where), made)


@bp.get(ANY)
@describe(LETTERS, bodies.Notification, cached=True)
def get_notification(notification_id: int, headers: queries.IfNoneMatch) -> Response:
    """One notification that you may see."""
    return shown(bodies.notification(notifications.get(actor(), notification_id)))


@bp.patch(ANY)
@describe(LETTERS, bodies.Notification, conflict=answers.TakenProblem, stale=True)
def patch_notification(
    notification_id: int, json: bodies.NotificationPatch, headers: queries.IfMatch
) -> Response:
    """Change a notification. What was sent stays; what is to come is planned afresh.

    An alert whose data sources could not be looked up in Grafana is changed all the same, and the
    header `Remas-Unchecked` says so.
    """
    seen = if_match(bodies.notification)
    changed = notifications.change(actor(), notification_id, json.wish(), seen)
    return _told(shown(bodies.notification(changed)), changed)


@bp.delete(ANY)
@describe(LETTERS, status=204, stale=True)
def delete_notification(notification_id: int, headers: queries.IfMatch) -> tuple[str, int]:
    """Delete a notification. What waits to be sent is not sent."""
    notifications.delete(actor(), notification_id, if_match(bodies.notification))
    return "", 204


@bp.post(f"{ANY}/assign")
@describe(LETTERS, bodies.Notification, stale=True)
def assign_notification(
    notification_id: int, json: bodies.Assignment, headers: queries.IfMatch
) -> Response:
    """Have it reach a user or a group; a group's reaches its subgroups. Again: no change."""
    seen = if_match(bodies.notification)
    known = assignments.assign(actor(), notification_id, **dict(json), seen=seen)
    return shown(bodies.notification(known))


@bp.post(f"{ANY}/unassign")
@describe(LETTERS, bodies.Notification, stale=True)
def unassign_notification(
    notification_id: int, json: bodies.Assignment, headers: queries.IfMatch
) -> Response:
    """Take an assignment away. Whom it still reaches by another way keeps it."""
    seen = if_match(bodies.notification)
    known = assignments.unassign(actor(), notification_id, **dict(json), seen=seen)
    return shown(bodies.notification(known))


@bp.post(f"{ANY}/approve")
@describe(LETTERS, bodies.Notification, who=Who.ADMINS, conflict=answers.TakenProblem, stale=True)
def approve_notification(notification_id: int, headers: queries.IfMatch) -> Response:
    """Let a person's own alert take effect as it stands."""
    seen = if_match(bodies.notification)
    return shown(bodies.notification(notifications.approve(actor(), notification_id, seen)))


@bp.post("/notifications/preview")
@describe(LETTERS, bodies.Letter, more=(404,))
def preview_draft(json: bodies.DraftPreview) -> Response:
    """How a notification that is not stored reads. Nothing is stored or sent."""
    found = previews.of_draft(actor(), json.draft(), json.reservation, made_up=json.made_up)
    return shown(bodies.letter(found))


@bp.post(f"{ANY}/preview")
@describe(LETTERS, bodies.Letter)
def preview_notification(notification_id: int, json: bodies.PreviewPost) -> Response:
    """How it reads, with one of your reservations or with sample values. Nothing is sent."""
    found = previews.of_stored(actor(), notification_id, json.reservation)
    return shown(bodies.letter(found))


def _told(answer: Response, saved: Known) -> Response:
    """A header, not a part of the notification: it is about this one moment."""
    if saved.unchecked:
        answer.headers["Remas-Unchecked"] = alert_sources.UNCHECKED
    return answer
