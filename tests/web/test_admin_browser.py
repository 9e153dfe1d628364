"""The administration of people with the keyboard alone, in a real browser."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.support import factories
from tests.web.walking import sign_in

MOST_STEPS = 80  # of the Tab key, to whatever is on a page


@pytest.fixture
def root(app: Flask, page: Page) -> Page:
    """An administrator, signed in."""
    with app.app_context():
        ada = factories.make_user("ada", surname="Byron")
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_reservation(ada, name="Coming", allocations={node: {"cpu": 1}})
        factories.make_user("root", admin=True)
    sign_in(page, "root")
    return page


def go_to(page: Page, target: Locator) -> None:
    """With the Tab key, as somebody without a mouse has to."""
    for _ in range(MOST_STEPS):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached with the Tab key")


def press(page: Page, target: Locator) -> None:
    """Whatever the focus is on does what Enter means."""
    go_to(page, target)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def write(page: Page, label: str, text: str) -> None:
    go_to(page, page.get_by_label(label, exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_a_person_is_made_closed_and_deleted_by_keyboard(root: Page) -> None:
    root.goto("/admin")
    press(
        root,
        root.get_by_role("navigation", name="Administration").get_by_role("link", name="Users"),
    )
    press(root, root.get_by_role("link", name="New user"))
    write(root, "Username", "eve")
    write(root, "Name", "Eve")
    write(root, "E-mail", "eve@example.org")
    root.keyboard.press("Enter")
    expect(root.locator("h1")).to_have_text("The account eve is made")
    expect(root.locator(".told-once")).to_have_text(re.compile(r"\S{16}"))
    press(root, root.get_by_role("link", name="To the account"))
    expect(root.locator("h1")).to_contain_text("eve")
    press(root, root.get_by_role("link", name="Delete"))
    press(root, root.get_by_role("button", name="Delete"))
    expect(root.get_by_role("status")).to_contain_text("The account eve is deleted.")


def test_an_account_is_closed_with_what_is_to_come_by_keyboard(root: Page) -> None:
    root.goto("/admin/users?q=ada")
    press(root, root.get_by_role("link", name="ada", exact=True))
    press(root, root.get_by_role("link", name="Deactivate"))
    go_to(root, root.get_by_label(re.compile("^Keep")))
    root.keyboard.press("ArrowDown")
    expect(root.get_by_label(re.compile("^Cancel 1 reservation"))).to_be_checked()
    press(root, root.get_by_role("button", name="Deactivate"))
    expect(root.get_by_role("status")).to_contain_text("1 reservation is cancelled.")
    press(root, root.get_by_role("link", name="History"))
    expect(root.locator(".history")).to_contain_text("active")


def test_a_group_is_made_filled_and_deleted_by_keyboard(root: Page) -> None:
    root.goto("/admin/groups")
    press(root, root.get_by_role("link", name="New group"))
    write(root, "Name", "Vision")
    root.keyboard.press("Enter")
    expect(root.get_by_role("status")).to_contain_text("The group Vision is made")
    write(root, "Find", "byron")
    root.keyboard.press("Enter")
    root.wait_for_url("**who=byron")
    go_to(root, root.get_by_label(re.compile("ada, Ada Byron")))
    root.keyboard.press("Space")
    press(root, root.get_by_role("button", name="Move here"))
    expect(root.get_by_role("status")).to_contain_text("Moved into Vision: ada.")
    press(root, root.get_by_role("link", name="Details"))
    press(root, root.get_by_role("link", name="Delete"))
    expect(root.locator("form")).to_contain_text(["Its one member moves to Everyone."])
    press(root, root.get_by_role("button", name="Delete"))
    expect(root.get_by_role("status")).to_contain_text("The group Vision is deleted.")


def test_the_record_is_searched_by_keyboard(root: Page) -> None:
    root.goto("/admin/audit")
    write(root, "By", "nobody")
    root.keyboard.press("Enter")
    expect(root.locator("main")).to_contain_text("Nothing is found like this")
    press(root, root.get_by_role("link", name="Show all").first)
    expect(root).to_have_url(re.compile(r"/admin/audit$"))
