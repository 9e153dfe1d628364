"""Notifications in a browser: by keyboard alone, on a phone, and the bell."""

from datetime import timedelta

from flask import Flask
from playwright.sync_api import Page, expect

from remas import clock
from remas.extensions import db
from remas.models import Notification, Outbox, OutboxKind, User
from tests.support import factories
from tests.web.walking import sign_in


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called `name`."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if focused == name:
            return
    raise AssertionError(f"{name} is not reached")


def test_one_is_made_by_keyboard_alone(page: Page, app: Flask, ada: User) -> None:
    with app.app_context():
        factories.make_reservation(ada, name="Train a model")
    sign_in(page)
    page.goto("/profile/notifications/new")
    tab_to(page, "Name")
    page.keyboard.type("Soon")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("2h")
    page.keyboard.press("Tab")
    page.keyboard.press("End")  # after the end
    tab_to(page, "Text")
    page.keyboard.type("${task_name} is over.")
    tab_to(page, "Show it")
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_contain_text("Train a model is over.")
    assert page.url.endswith("#preview")
    page.get_by_label("Name").focus()
    tab_to(page, "Make it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Soon is made, and yours.")
    expect(page.get_by_text("2 h after the end")).to_be_visible()
    with app.app_context():
        assert db.session.query(Notification).one().time_offset == -7200


def test_a_mistake_is_heard_at_its_field(page: Page, ada: User) -> None:
    sign_in(page)
    page.goto("/profile/notifications/new")
    page.get_by_label("Name").fill("Soon")
    page.get_by_label("Text").fill("${task_nmae}")
    page.get_by_role("button", name="Make it").click()
    field = page.get_by_label("Text")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#template-note")).to_contain_text("${task_nmae} is no variable.")
    expect(field).to_have_attribute("aria-describedby", "template-note")


def test_the_bell_on_a_phone(page: Page, app: Flask, ada: User) -> None:
    with app.app_context():
        db.session.get_one(User, ada.id).created_at = clock.now() - timedelta(days=1)
        at = clock.now() - timedelta(minutes=1)
        moments = dict.fromkeys(("created_at", "due_at", "next_attempt_at", "done_at"), at)
        row = Outbox(key="x", kind=OutboxKind.CONTRADICTED, recipient_id=ada.id, **moments)
        row.subject, row.text = "It no longer fits", "n1 is closed.\nOn Friday."
        db.session.add(row)
        db.session.commit()
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page)
    bell = page.get_by_role("link", name="Letters to you, 1 new")
    expect(bell).to_be_visible()
    bell.click()
    expect(page.get_by_text("n1 is closed.")).to_be_visible()
    page.get_by_text("It no longer fits").click()
    expect(page.get_by_text("n1 is closed.")).to_be_hidden()
    expect(page.get_by_role("link", name="Letters to you", exact=True)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.goto("/profile/notifications")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_administrator_assigns_and_drops(page: Page, app: Flask, ada: User) -> None:
    with app.app_context():
        factories.make_user("root", admin=True)
        factories.make_reservation(ada)
        number = factories.make_notification("Soon").id
    sign_in(page, "root")
    page.goto(f"/admin/notifications/{number}/people")
    page.get_by_label("A user").fill("ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It reaches ada from now on.")
    page.goto("/admin/outbox?state=waiting")
    page.get_by_role("button", name="Drop letter").click()
    expect(page.get_by_text("It is taken out and will not be sent.")).to_be_visible()
    page.goto(f"/admin/notifications/{number}/people")
    page.get_by_role("button", name="Remove ada").click()
    expect(page.get_by_text("No user directly.")).to_be_visible()
