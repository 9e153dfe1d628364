"""The pages of notifications, letters and the outbox before axe, as test_accessible.py does it."""

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page

from remas import clock
from remas.extensions import db
from remas.models import EVERYONE, Group, NotificationType, Outbox, OutboxKind, User
from tests.support import factories
from tests.web.test_accessible import SIZES, axe, grave
from tests.web.walking import sign_in

__all__ = ["axe"]  # a fixture

ALERT = {
    "resource_id": 1,
    "default_amount": 0,
    "template": '{"title": "${user_username}"}',
}


@pytest.fixture
def letters(app: Flask) -> list[str]:
    """The pages, with something of everything on them."""
    with app.app_context():
        root = factories.make_user("root", admin=True)
        root.created_at = clock.now() - timedelta(days=2)
        node = factories.make_node("n1", {"cpu": 8})
        reservation = factories.make_reservation(root, allocations={node: {"cpu": 1}})
        everyone = db.session.get(Group, EVERYONE)
        assert everyone is not None
        reaching = factories.make_notification("Ten minutes before", groups=[everyone])
        factories.make_notification("Mine", owner=root, users=[root])
        kind = NotificationType.EXCEEDANCE_TASK
        cpu = {**ALERT, "resource_id": factories.make_resource("cpu").id}
        waiting = factories.make_notification("An alert", kind, owner=root, users=[root], **cpu)
        numbers = _rows(root, reservation.id)
    return [
        *("/profile/notifications", "/profile/notifications/new"),
        *("/profile/notifications/new?kind=alert", f"/profile/notifications/{waiting.id}"),
        *(f"/profile/notifications/{waiting.id}/delete", "/profile/letters"),
        *("/admin/notifications", f"/admin/notifications/{waiting.id}"),
        *(f"/admin/notifications/{reaching.id}/people", "/admin/notifications/new"),
        *(f"/admin/notifications/{reaching.id}/history", "/admin/outbox"),
        *(f"/admin/notifications/{reaching.id}/delete", f"/admin/outbox/{numbers[1]}"),
    ]


def _rows(root: User, reservation_id: int) -> list[int]:
    """A letter in each state."""
    now = clock.now()
    facts: list[dict[str, object]] = [
        {},
        {"last_error": "The mail server does not answer.", "attempts": 3},
        {"last_error": "550 No such user", "dead_at": now},
        {"done_at": now, "subject": "Hello", "text": "Text"},
        {"done_at": now, "reason": "mail is off", "subject": "Hello", "text": "Text"},
        {"dropped_at": now, "reason": "The reservation was cancelled."},
    ]
    moments = dict.fromkeys(("created_at", "due_at", "next_attempt_at"), now)
    rows = [
        Outbox(
            key=str(i),
            kind=OutboxKind.RESERVATION_CHANGED,
            recipient_id=root.id,
            reservation_id=reservation_id,
            **{**moments, **more},
        )
        for i, more in enumerate(facts)
    ]
    db.session.add_all(rows)
    db.session.commit()
    return [row.id for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_keeps_anybody_out(
    page: Page,
    axe: str,
    letters: list[str],
    size: str,
    scheme: str,
) -> None:
    page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    page.goto("/password/forgotten")
    found = {"/password/forgotten": grave(page, axe)}
    sign_in(page, "root")
    for path in letters:
        page.goto(path)
        found[path] = grave(page, axe)
        if path == "/profile/notifications/new":
            page.get_by_role("button", name="Make it").click()
            found["mistakes"] = grave(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    told = [f"{path}: {finding}" for path, these in found.items() for finding in these]
    assert not told, "\n".join(told)
