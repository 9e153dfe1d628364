"""Resources, from the administration's pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from remas.models import Unit, User
from remas.services import audit, resources
from remas.services.actor import SYSTEM
from remas.services.audit import AuditFilter
from tests.support import factories
from tests.web.conftest import Visitor

GPU = {"name": "gpu", "unit": "", "aliases": "cards, a100", "description": "Whole cards"}


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


def test_one_is_made_found_by_an_alias_changed_and_its_history_read(
    admin: Visitor, app: Flask
) -> None:
    made = admin.post("/admin/new/resource", GPU, follow_redirects=True)
    assert "The resource gpu is made" in made.text
    assert ">gpu</a>" in admin.get("/admin/resources?q=A10").text
    assert "Nothing is found like this" in admin.get("/admin/resources?q=memory").text

    seen = admin.seen("/admin/resources/gpu")
    done = admin.post(
        "/admin/resources/gpu", {**GPU, "aliases": "cards", "seen": seen}, follow_redirects=True
    )
    assert "The resource gpu is saved." in done.text
    with app.app_context():
        assert resources.facts(resources.get("gpu"))["aliases"] == ["cards"]
    history = admin.get("/admin/resources/gpu/history").text
    assert "<strong>change</strong> by root" in history
    assert "a100; cards" in history


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    admin: Visitor, app: Flask
) -> None:
    with app.app_context():
        factories.make_resource("gpu")
    seen = admin.seen("/admin/resources/gpu")
    with app.app_context():
        resources.change(
            SYSTEM, "gpu", resources.ResourceChange(description="What the other one wrote")
        )
    refused = admin.post("/admin/resources/gpu", {**GPU, "seen": seen})
    assert "Somebody changed it since you opened this page" in refused.text
    assert "What the other one wrote" in refused.text  # who was faster, and with what
    assert "Whole cards" in refused.text  # nothing typed is lost
    with app.app_context():
        assert resources.get("gpu").description == "What the other one wrote"
    again = {**GPU, "seen": admin.seen_in(refused.text)}
    assert "is saved" in admin.post("/admin/resources/gpu", again, follow_redirects=True).text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "Write a name."),
        ("name", "a/b", "no slashes"),
        ("unit", "miles", "Not a valid"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    admin: Visitor, field: str, value: str, text: str
) -> None:
    page = admin.post("/admin/new/resource", {**GPU, field: value}).text
    assert text in page
    assert "Whole cards" in page


def test_a_name_that_is_taken_is_said_at_the_field(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("gpu")
    page = admin.post("/admin/new/resource", GPU).text
    assert "Another one already has this name" in page


def test_deleting_asks_first_and_refuses_what_has_history(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8, "gpu": 2})
        factories.make_reservation(factories.make_user("ada"), allocations={node: {"cpu": 1}})
    for name, status in (("gpu", 302), ("cpu", 409)):
        path = f"/admin/resources/{name}/delete"
        asked = admin.get(path).text
        assert f"Delete the resource {name}?" in asked
        answer = admin.post(path, {"seen": admin.seen_in(asked)})
        assert answer.status_code == status
    assert "of ada" in answer.text
    with app.app_context():
        assert [r.name for r in resources.search().items] == ["cpu"]
        deleted = audit.search(SYSTEM, AuditFilter(action="delete", kind="resource"))
        assert [entry.subject for entry in deleted.items] == ["gpu"]


def test_the_list_sorts_both_ways(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        factories.make_resource("cpu")
    upwards = admin.get("/admin/resources").text
    assert upwards.index(">cpu<") < upwards.index(">memory<")
    assert 'aria-sort="ascending"' in upwards
    downwards = admin.get("/admin/resources?sort=-name").text
    assert downwards.index(">memory<") < downwards.index(">cpu<")
    assert admin.get("/admin/resources?sort=nonsense").status_code == 200


def test_others_than_administrators_are_sent_away(as_ada: Visitor, visitor: Visitor) -> None:
    assert as_ada.get("/admin/resources").status_code == 403
    assert visitor.get("/admin/resources").status_code == 302
    assert 'href="/admin"' not in as_ada.get("/").text
