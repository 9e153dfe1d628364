"""Walks through the administration and the pages around an account, for the pictures."""

from collections.abc import Iterator

from playwright.sync_api import Page

ADMINISTRATION = (
    ("home", ""),
    ("users", "users"),
    ("users-nothing", "users?q=nowhere"),
    ("user-new", "new/user"),
    ("user", "users/bruno"),
    ("user-limits", "users/maya/limits"),
    ("user-reservations", "users/bruno/reservations"),
    ("user-sessions", "users/bruno/sessions"),
    ("user-history", "users/olga/history"),
    ("user-password", "users/bruno/password"),
    ("user-active", "users/bruno/active"),
    ("user-delete", "users/bruno/delete"),
    ("groups", "groups"),
    ("group-new", "new/group"),
    ("group", "groups/Vision"),
    ("group-members", "groups/Vision/members"),
    ("group-history", "groups/Vision/history"),
    ("group-delete", "groups/Vision/delete"),
    ("group-limits", "limits/of-group/Students"),
    ("nodes", "nodes"),
    ("node-new", "new/node"),
    ("node", "nodes/h2"),
    ("node-reservations", "nodes/h2/reservations"),
    ("node-history", "nodes/h2/history"),
    ("node-delete", "nodes/h2/delete"),
    ("resources", "resources"),
    ("resource-new", "new/resource"),
    ("resource", "resources/gpu"),
    ("aliases", "aliases"),
    ("limits", "limits"),
    ("limit-new", "limits/new"),
    ("limit", "limits/1"),
    ("maintenance", "maintenance"),
    ("maintenance-new", "maintenance/new"),
    ("reservations", "reservations"),
    ("tags", "tags"),
    ("contradictions", "contradictions"),
    ("notifications", "notifications"),
    ("notification", "notifications/1"),
    ("notification-people", "notifications/1/people"),
    ("outbox", "outbox"),
    ("outbox-dead", "outbox?state=dead"),
    ("audit", "audit"),
)


def walk_the_administration(page: Page) -> Iterator[str]:
    """Every part, and what a change would mean; somebody who may is signed in."""
    page.goto("/status")
    page.locator(".above-list, .above-none").wait_for()
    yield "status-administrator"
    for name, path in ADMINISTRATION:
        page.goto(f"/admin/{path}".rstrip("/"))
        yield f"admin-{name}"
    page.goto("/admin/outbox?state=dead")
    page.locator("tbody th a").first.click()
    yield "admin-outbox-one"
    page.goto("/admin/nodes/h3")
    page.get_by_label("gpu").fill("2")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Save anyway").wait_for()
    yield "admin-effect"
    page.goto("/admin/limits/new")
    page.get_by_role("button", name="Make it").click()
    yield "admin-errors"


def walk_what_is_measured(page: Page) -> Iterator[str]:
    """What the open reservation's holder used, as a page of its own; and how they stand."""
    page.goto(f"{page.url}/use")
    page.locator(".use-plot canvas").first.wait_for()
    yield "use-alone"
    page.goto("/status")
    page.locator(".above-list, .above-none").wait_for()
    yield "status"


def walk_the_account(page: Page) -> Iterator[str]:
    """One's own account with its tokens, sessions, feeds, notifications and letters."""
    page.goto("/profile")
    yield "profile"
    page.get_by_role("button", name="account and theme").click()
    yield "menu"
    page.keyboard.press("Escape")
    if (places := page.get_by_role("button", name="Menu", exact=True)).is_visible():
        places.click()
        yield "menu-places"
    page.goto("/profile/password")
    yield "password"
    page.goto("/profile/grafana")
    yield "profile-grafana"
    page.goto("/profile/tokens/new")
    yield "token-new"
    page.get_by_label("Name").fill("Sweeps")
    page.get_by_role("button", name="Make the token").click()
    yield "token-made"
    page.goto("/profile/notifications")
    yield "notifications"
    page.goto("/profile/notifications/new")
    page.get_by_label("Name").fill("Two hours before")
    page.get_by_label("Text").fill("${task_name} starts at ${task_start}.")
    page.get_by_role("button", name="Show it").click()
    yield "notification"
    page.goto("/profile/letters")
    yield "letters"
    page.goto("/profile/feeds/new")
    yield "feed-new"
    page.get_by_role("button", name="Make the feed").click()
    yield "feed-made"
