"""Everybody's reservations and tags, aliases, and what contradicts what is stored."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.models import User
from remas.services import audit, resources, tags
from remas.services.actor import SYSTEM
from remas.services.audit import AuditFilter
from tests.support import factories
from tests.web.conftest import Visitor


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


@pytest.fixture
def cluster(app: Flask, ada: User) -> dict[str, int]:
    """Name of a reservation to its id: two of Ada's, one of a group that does not share."""
    with app.app_context():
        n1, n2 = factories.make_node("n1"), factories.make_node("n2")
        quiet = factories.make_group("quiet", users_share_statistics=False)
        bob = factories.make_user("bob", group=quiet)
        now = clock.ceil_minute(clock.now())
        tag = factories.make_tag(ada, "paper", description="For the journal")
        factories.make_tag(bob, "secret")
        rows = {
            "Train": (ada, n1, now - timedelta(hours=1), [tag]),
            "Test": (ada, n2, now + timedelta(hours=9), []),
            "Hidden": (bob, n1, now + timedelta(hours=30), []),
        }
        return {
            name: factories.make_reservation(
                owner, start, 3, name=name, allocations={node: {"cpu": 2}}, tags=labels
            ).id
            for name, (owner, node, start, labels) in rows.items()
        }


def shown(admin: Visitor, query: str) -> list[str]:
    lines = json.loads(admin.get(f"/admin/reservations?format=json&sort=starts&{query}").text)
    return [line["name"] for line in lines]


def test_reservations_are_found_by_owner_node_status_and_time(
    admin: Visitor, cluster: dict[str, int]
) -> None:
    assert shown(admin, "") == ["Train", "Test", "Hidden"]
    assert shown(admin, "owner=ada") == ["Train", "Test"]
    assert shown(admin, "node=n1") == ["Train", "Hidden"]
    assert shown(admin, "status=running") == ["Train"]
    assert shown(admin, "q=HID") == ["Hidden"]
    tomorrow = f"{clock.now() + timedelta(hours=20):%Y-%m-%dT%H:%M}"
    assert shown(admin, f"from={tomorrow}") == ["Hidden"]
    assert shown(admin, f"to={tomorrow}") == ["Train", "Test"]
    assert shown(admin, "from=nonsense") == ["Train", "Test", "Hidden"]
    assert "Write a day and a time" in admin.get("/admin/reservations?from=nonsense").text


def test_each_leads_to_where_it_is_changed_and_cancelled(
    admin: Visitor, cluster: dict[str, int]
) -> None:
    page = admin.get("/admin/reservations").text
    assert f'"/reservations/{cluster["Test"]}/cancel"' in page
    assert f'"/reservations/{cluster["Train"]}/release"' in page
    assert f'"/reservations/{cluster["Hidden"]}#change"' in page
    assert admin.post(f"/reservations/{cluster['Test']}/cancel").status_code == 302
    assert shown(admin, "status=cancelled") == ["Test"]


def test_tags_are_listed_by_owner_with_how_often_they_are_used(
    admin: Visitor, cluster: dict[str, int]
) -> None:
    page = admin.get("/admin/tags").text
    assert page.index("paper") < page.index("secret")
    assert "1 reservation<" in page
    lines = json.loads(admin.get("/admin/tags?format=json&owner=ada").text)
    assert lines == [
        {"owner": "ada", "name": "paper", "reservations": 1, "description": "For the journal"}
    ]
    assert "paper" in admin.get("/admin/tags?q=JOURNAL").text
    assert "secret" not in admin.get("/admin/tags?q=JOURNAL").text


def test_deleting_a_tag_that_is_used_says_so(
    app: Flask, ada: User, cluster: dict[str, int]
) -> None:
    with app.app_context():
        assert tags.delete(factories.actor_of(ada), "paper") == 1
        (entry,) = audit.search(SYSTEM, AuditFilter(kind="tag", action="delete")).items
        assert entry.before == {
            "name": "paper",
            "description": "For the journal",
            "reservations": 1,
        }


def test_an_alias_is_deleted_and_resources_stay(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        wish = resources.ResourceNew("gpu", aliases=("cards", "a100"))
        resources.create(SYSTEM, wish)
    page = admin.get("/admin/aliases").text
    assert "cards" in page
    assert "a100" not in admin.get("/admin/aliases?q=card").text
    asked = admin.get("/admin/aliases/cards/delete").text
    assert "gpu is found under it now." in asked
    done = admin.post("/admin/aliases/cards/delete", {"seen": admin.seen_in(asked)})
    assert done.status_code == 302
    with app.app_context():
        assert resources.facts(resources.get("gpu"))["aliases"] == ["a100"]
        with pytest.raises(resources.NotFound):
            resources.get_alias("cards")
    assert json.loads(admin.get("/admin/aliases?format=json").text) == [
        {"alias": "a100", "resources": ["gpu"]}
    ]


def test_an_alias_outlives_its_last_resource(app: Flask) -> None:
    with app.app_context():
        resources.create(SYSTEM, resources.ResourceNew("gpu", aliases=("cards",)))
        resources.delete(SYSTEM, "gpu")
        assert resources.alias_facts(resources.get_alias("cards"))["resources"] == []


def test_what_contradicts_what_is_stored_is_listed(
    admin: Visitor, app: Flask, ada: User, cluster: dict[str, int]
) -> None:
    assert "Nothing contradicts anything" in admin.get("/admin/contradictions").text
    with app.app_context():
        factories.make_limit(1, "cpu", user=ada, name="few")
    page = admin.get("/admin/contradictions").text
    assert "limit “few”: 1 cpu too many on n1" in page
    lines = json.loads(admin.get("/admin/contradictions?format=json").text)
    assert {line["reservation"] for line in lines} == {cluster["Train"], cluster["Test"]}


@pytest.mark.parametrize(
    "path", ["reservations", "tags", "aliases", "aliases/cards/delete", "contradictions"]
)
def test_others_than_administrators_are_sent_away(
    as_ada: Visitor, visitor: Visitor, path: str
) -> None:
    assert as_ada.get(f"/admin/{path}").status_code == 403
    assert visitor.get(f"/admin/{path}").status_code == 302
