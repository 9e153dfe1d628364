"""Limits as administrators write them, and what is locked while they do."""

import pytest
from sqlalchemy import select

from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.models import MAX_AMOUNT, USERS, Audit, Limit, Scope
from remas.services import limit_admin
from remas.services.actor import Actor
from remas.services.limit_admin import LimitChange, LimitFilter, LimitNew
from tests.support.factories import (
    actor_of,
    make_group,
    make_limit,
    make_node,
    make_resource,
    make_user,
)

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def admin(app_context: None) -> Actor:
    return actor_of(make_user("root", admin=True), admin=True)


def wish(**changes: object) -> LimitNew:
    return LimitNew(**{"name": "small", "resource": "cpu", "amount": 4, **changes})


def test_a_limit_is_for_a_user_or_a_group_on_all_nodes_or_some(admin: Actor) -> None:
    make_node("n1")
    make_user("eve")
    limit = limit_admin.create(admin, wish(user="eve"))
    assert (limit.user.username if limit.user else None, limit.group, limit.nodes) == (
        "eve",
        None,
        [],
    )
    limit = limit_admin.create(
        admin, wish(group="Users", nodes=("n1",), amount=0, scope=Scope.TOTAL)
    )
    assert (limit.group_id, [node.name for node in limit.nodes]) == (USERS, ["n1"])
    rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
    assert rows[-1].after == {
        "name": "small",
        "description": None,
        "resource": "cpu",
        "amount": 0,
        "user": None,
        "group": "Users",
        "nodes": ["n1"],
        "scope": "total",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "user"),
        ({"user": "eve", "group": "Users"}, "user"),
        ({"user": "nobody"}, "user"),
        ({"group": "nothing"}, "group"),
        ({"user": "eve", "resource": "unknown"}, "resource"),
        ({"user": "eve", "nodes": ("n1", "unknown")}, "nodes.1"),
        ({"user": "eve", "amount": -1}, "amount"),
        ({"user": "eve", "amount": MAX_AMOUNT + 1}, "amount"),
        ({"user": "eve", "name": " "}, "name"),
    ],
)
def test_what_a_limit_cannot_be(admin: Actor, changes: dict[str, object], field: str) -> None:
    make_node("n1")
    make_user("eve")
    with pytest.raises(Invalid) as refused:
        limit_admin.create(admin, wish(**changes))
    assert list(refused.value.errors) == [field]
    assert db.session.scalars(select(Limit)).all() == []


def test_a_limit_moves_from_one_to_another(admin: Actor) -> None:
    make_resource("gpu")
    limit = make_limit(4, user=make_user("eve"))
    limit = limit_admin.change(admin, limit.id, LimitChange(group="Users", resource="gpu"))
    assert (limit.user, limit.group_id, limit.resource.name) == (None, USERS, "gpu")
    with pytest.raises(Invalid):
        limit_admin.change(admin, limit.id, LimitChange(group=""))
    with pytest.raises(Invalid):
        limit_admin.change(admin, limit.id, LimitChange(user="eve", group="Users"))
    limit = limit_admin.change(admin, limit.id, LimitChange(user="eve", group=""))
    assert limit.user
    assert limit.user.username == "eve"


def test_a_deleted_limit_is_remembered(admin: Actor) -> None:
    limit = make_limit(4, user=make_user("eve"), nodes=[make_node("n1")])
    limit_admin.delete(admin, limit.id)
    with pytest.raises(NotFound):
        limit_admin.get(admin, limit.id)
    row = db.session.scalars(select(Audit)).one()
    assert row.before
    assert (row.action, row.before["user"], row.before["nodes"]) == ("delete", "eve", ["n1"])


def test_limits_are_found(admin: Actor) -> None:
    one, two = make_node("n1"), make_node("n2", {"gpu": 1})
    eve = make_user("eve")
    make_limit(1, user=eve, nodes=[one], name="a")
    make_limit(1, "gpu", group=USERS, nodes=[two], name="b")
    make_limit(1, user=eve, name="c")

    def found(**filters: str) -> list[str]:
        return [row.name for row in limit_admin.search(admin, LimitFilter(**filters)).items]

    assert found() == ["a", "b", "c"]
    assert found(user="eve") == ["a", "c"]
    assert found(group="Users") == ["b"]
    assert found(resource="gpu") == ["b"]
    assert found(node="n1") == ["a", "c"]


def test_effective_limits_say_where_they_come_from(admin: Actor) -> None:
    one, two = make_node("n1"), make_node("n2")
    eve = make_user("eve")
    make_limit(1, user=eve, nodes=[one])
    make_limit(2, group=USERS)
    own, groups = limit_admin.effective(actor_of(eve), "eve")
    assert (own.user, own.group, own.nodes, own.limit.level) == ("eve", None, ("n1",), "user")
    assert (groups.user, groups.group, groups.nodes) == (None, "Users", (two.name,))
    assert limit_admin.effective(admin, "eve") == (own, groups)
    with pytest.raises(Forbidden):
        limit_admin.effective(actor_of(make_user("adam")), "eve")
    with pytest.raises(Forbidden):  # who does not exist is not told either
        limit_admin.effective(actor_of(eve), "nobody")
    with pytest.raises(NotFound):
        limit_admin.effective(admin, "nobody")


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda actor: limit_admin.get(actor, 1),
        lambda actor: limit_admin.search(actor, LimitFilter()),
        lambda actor: limit_admin.create(actor, wish(user="eve")),
        lambda actor: limit_admin.change(actor, 1, LimitChange()),
        lambda actor: limit_admin.delete(actor, 1),
    ],
)
def test_limits_are_written_by_administrators(forbidden: object) -> None:
    with pytest.raises(Forbidden):
        forbidden(actor_of(make_user("eve")))  # type: ignore[operator]


def test_a_groups_limit_holds_the_members_of_all_groups_below(
    admin: Actor, held: list[tuple[set[int], set[int]]]
) -> None:
    top = make_group("Top")
    people = [make_user(group=top), make_user(group=make_group("Below", parent=top))]
    make_user()
    nodes = [make_node(), make_node()]
    limit = limit_admin.create(admin, wish(group="Top"))
    assert held == [({user.id for user in people}, {node.id for node in nodes})]
    held.clear()
    eve = make_user("eve")
    limit_admin.change(admin, limit.id, LimitChange(user="eve"))
    assert held == [({user.id for user in people} | {eve.id}, {node.id for node in nodes})]


def test_a_limit_holds_only_the_nodes_it_lists(
    admin: Actor, held: list[tuple[set[int], set[int]]]
) -> None:
    eve = make_user("eve")
    one, two, _three = make_node("n1"), make_node("n2"), make_node("n3")
    limit = limit_admin.create(admin, wish(user="eve", nodes=("n1",)))
    limit_admin.change(admin, limit.id, LimitChange(nodes=("n2",)))
    limit_admin.delete(admin, limit.id)
    assert held == [({eve.id}, {one.id}), ({eve.id}, {one.id, two.id}), ({eve.id}, {two.id})]
