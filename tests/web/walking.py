"""What walks through the pages have in common."""

from playwright.sync_api import Page

from tests.support import factories


def sign_in(page: Page, username: str = "ada") -> None:
    """From the form to the start page."""
    page.goto("/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
