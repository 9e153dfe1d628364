"""Limits, from the administration's pages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import EVERYONE, Outbox, Scope, Unit, User
from remas.services import limit_admin, resources
from remas.services.actor import SYSTEM
from remas.services.limit_admin import LimitChange, LimitFilter
from tests.support import factories
from tests.web.admin_cluster import press
from tests.web.conftest import Visitor

NEW = "/admin/limits/new"
GPUS: dict[str, Any] = {
    "name": "Few GPUs",
    "whom": "group",
    "group": "Users",
    "resource": "gpu",
    "amount": "2",
    "scope": "each_node",
}


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


@pytest.fixture
def held(app: Flask, ada: User) -> int:
    """Ada holds 3 gpu on n1; the id of her reservation."""
    with app.app_context():
        node = factories.make_node("n1", {"gpu": 8})
        factories.make_node("n2", {"gpu": 8})
        held = {node: {"gpu": 3}}
        return factories.make_reservation(ada, name="Train", allocations=held).id


def stored(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        return [limit_admin.facts(row) for row in limit_admin.search(SYSTEM, LimitFilter()).items]


def test_one_is_made_with_an_amount_in_the_resource_s_unit(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC, aliases=[])
        factories.make_node("n1", {"memory": 2**40})
    wish = {**GPUS, "resource": "memory", "amount": "1.5 TiB", "scope": "total", "nodes": "n1"}
    done = admin.post(NEW, wish, follow_redirects=True)
    assert "The limit Few GPUs is made. At present it is in force for nobody" in done.text
    (limit,) = stored(app)
    assert (limit["amount"], limit["scope"], limit["nodes"]) == (3 * 2**39, "total", ["n1"])
    number = _only(app)
    page = admin.get(f"/admin/limits/{number}").text
    assert 'value="1.5 TiB"' in page
    sent_back = {**wish, "seen": admin.seen_in(page)}
    assert admin.post(f"/admin/limits/{number}", sent_back).status_code == 302
    assert stored(app) == [limit]


def _only(app: Flask) -> int:
    with app.app_context():
        (row,) = limit_admin.search(SYSTEM, LimitFilter()).items
        return int(row.id)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": " "}, "Write a name."),
        ({"whom": "user"}, "Name the user."),
        ({"whom": "user", "user": "nobody"}, "There is no user nobody."),
        ({"group": ""}, "Name the group."),
        ({"group": "none"}, "There is no group none."),
        ({"resource": "tpu"}, "There is no resource tpu."),
        ({"amount": "-1"}, "Write an amount"),
        ({"amount": "2 GiB"}, "counted in whole units"),
        ({"amount": ""}, "Write an amount; 0 allows nothing at all."),
        ({"scope": "sometimes"}, "Not a valid choice"),
        ({"nodes": "n9"}, "not a valid choice"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field_and_nothing_is_stored(
    admin: Visitor, app: Flask, held: int, change: dict[str, str], text: str
) -> None:
    page = admin.post(NEW, {**GPUS, **change, "description": "What I typed"}).text
    assert text in page.replace("&#39;", "'")
    assert "What I typed" in page
    assert stored(app) == []


def test_the_user_is_taken_where_a_user_is_chosen_and_the_group_elsewhere(
    admin: Visitor, app: Flask, held: int
) -> None:
    both = {**GPUS, "user": "ada", "amount": "8"}
    admin.post(NEW, {**both, "whom": "user"})
    admin.post(NEW, {**both, "whom": "group"})
    assert [(row["user"], row["group"]) for row in stored(app)] == [
        ("ada", None),
        (None, "Users"),
    ]


def test_a_resource_is_found_under_an_alias_that_is_its_alone(
    admin: Visitor, app: Flask, held: int
) -> None:
    with app.app_context():
        from_name = factories.make_resource("gpu").name
        limit_alias(from_name, "cards")
        limit_alias("tpu", "accelerator")
        limit_alias(from_name, "accelerator")
    refused = admin.post(NEW, {**GPUS, "resource": "accelerator", "amount": "8"}).text
    assert "accelerator may be any of gpu, tpu: write which of them." in refused
    admin.post(NEW, {**GPUS, "resource": "cards", "amount": "8"})
    assert [row["resource"] for row in stored(app)] == ["gpu"]
    assert "Few GPUs" in admin.get("/admin/limits?resource=cards").text


def limit_alias(name: str, alias: str) -> None:
    factories.make_resource(name)
    known = resources.facts(resources.get(name))["aliases"]
    wish = resources.ResourceChange(aliases=(*known, alias))
    resources.change(SYSTEM, name, wish)


def test_what_it_contradicts_is_asked_about_first_and_reservations_stay(
    admin: Visitor, app: Flask, held: int
) -> None:
    asked = admin.post(NEW, GPUS).text
    assert "1 existing reservation stands" in asked
    assert "limit “Few GPUs”: 1 gpu too many on n1" in asked
    assert "It is in force for one person" in asked
    assert stored(app) == []
    back = press(admin, NEW, asked, "back")
    assert 'value="Few GPUs"' in back.text
    done = admin.get(press(admin, NEW, asked).location).text
    assert "The limit Few GPUs is made. It is in force for one person." in done
    assert len(stored(app)) == 1


def test_what_just_fits_is_saved_without_asking(admin: Visitor, held: int) -> None:
    assert admin.post(NEW, {**GPUS, "amount": "3"}).status_code == 302


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    admin: Visitor, app: Flask, held: int
) -> None:
    with app.app_context():
        number = factories.make_limit(8, "gpu", group=EVERYONE, name="Few GPUs").id
    path = f"/admin/limits/{number}"
    seen = admin.seen(path)
    with app.app_context():
        limit_admin.change(SYSTEM, number, LimitChange(description="What the other one wrote"))
    wish = {**GPUS, "amount": "7", "seen": seen}
    refused = admin.post(path, wish).text
    assert "Somebody changed it since you opened this page" in refused
    assert "What the other one wrote" in refused
    assert admin.post(path, {**wish, "seen": admin.seen_in(refused)}).status_code == 302


def test_deleting_says_that_a_farther_limit_comes_into_force(
    admin: Visitor, app: Flask, ada: User, held: int
) -> None:
    with app.app_context():
        factories.make_limit(1, "gpu", group=EVERYONE)
        number = factories.make_limit(8, "gpu", user=ada, name="Ada's").id
    path = f"/admin/limits/{number}/delete"
    asked = admin.get(path).text
    assert "a farther limit comes into force that 1 existing reservations" in asked
    assert admin.post(path, {"seen": admin.seen_in(asked)}).status_code == 302
    assert len(stored(app)) == 1


def test_the_list_is_filtered_sorted_and_taken_along(
    admin: Visitor, app: Flask, ada: User, held: int
) -> None:
    with app.app_context():
        factories.make_limit(4, "gpu", user=ada, name="own")
        factories.make_limit(9, "gpu", group=EVERYONE, name="all", scope=Scope.TOTAL)

    def shown(query: str) -> list[str]:
        lines = json.loads(admin.get(f"/admin/limits?format=json&{query}").text)
        return [line["name"] for line in lines]

    assert shown("") == ["all", "own"]
    assert shown("sort=amount") == ["own", "all"]
    assert shown("user=ada") == ["own"]
    assert shown("group=Everyone") == ["all"]
    assert shown("q=OW") == ["own"]
    assert shown("node=n1") == ["all", "own"]
    page = admin.get("/admin/limits").text
    assert "in all" in page
    assert "on each node" in page


def test_what_binds_the_members_of_a_group(admin: Visitor, app: Flask, held: int) -> None:
    with app.app_context():
        factories.make_limit(4, "gpu", group=EVERYONE, name="for all")
    page = admin.get("/admin/limits/of-group/Users").text
    assert "for all" in page
    assert "Everyone" in page
    assert admin.get("/admin/limits/of-group/none").status_code == 404


def test_its_history_is_kept(admin: Visitor, app: Flask, held: int) -> None:
    with app.app_context():
        number = factories.make_limit(8, "gpu", group=EVERYONE).id
        limit_admin.change(SYSTEM, number, LimitChange(amount=7))
    assert "<strong>change</strong> by system" in admin.get(f"/admin/limits/{number}/history").text


@pytest.mark.parametrize("path", ["", "/new", "/4711", "/4711/delete", "/4711/history"])
def test_others_than_administrators_are_sent_away(
    as_ada: Visitor, visitor: Visitor, path: str
) -> None:
    assert as_ada.get(f"/admin/limits{path}").status_code == 403
    assert visitor.get(f"/admin/limits{path}").status_code == 302


def test_owners_are_told_by_mail_only_where_that_is_ticked(
    admin: Visitor, app: Flask, ada: User, held: int
) -> None:
    def letters() -> int:
        with app.app_context():
            rows = db.select(Outbox).filter_by(recipient_id=ada.id)
            return len(db.session.scalars(rows).all())

    asked = admin.post(NEW, GPUS).text
    assert "Tell the owners by mail" in asked
    assert press(admin, NEW, asked).status_code == 302
    assert letters() == 0
    asked = admin.post(NEW, {**GPUS, "name": "Fewer", "amount": "1"}).text
    done = admin.get(press(admin, NEW, asked, "tell").location).text
    assert "One letter is on the way to the owners." in done
    assert letters() == 1
