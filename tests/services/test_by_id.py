"""Things by their ids, and names that passed to others meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest

from remas.errors import Forbidden, NotFound, Stale
from remas.extensions import db
from remas.models import Node
from remas.services import aliases, by_id, nodes
from remas.services.aliases import AliasNew
from remas.services.nodes import NodeChange
from tests.support import factories
from tests.support.factories import actor_of

pytestmark = pytest.mark.usefixtures("app_context")


def test_each_is_found_whole() -> None:
    eve, root = factories.make_user("eve"), actor_of(factories.make_user("root", admin=True), True)
    node, cpu = factories.make_node("n1"), factories.make_resource("cpu")
    alias = aliases.create(root, AliasNew("cores"))
    db.session.expunge_all()
    assert by_id.node(node.id).capacities[0].resource.name == "cpu"
    assert by_id.resource(cpu.id).aliases == []
    assert by_id.alias(alias.id).resources == []
    assert by_id.account(eve.id).user.username == "eve"
    assert by_id.account(root.id or 0).is_admin
    assert [user.username for user in by_id.any_group(3).members] == ["eve"]
    assert by_id.all_nodes() == [node.id]


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**64])
@pytest.mark.parametrize(
    "get",
    [
        by_id.node,
        by_id.resource,
        by_id.alias,
        by_id.account,
        by_id.any_group,
        lambda number: by_id.node_names([number]),
        lambda number: by_id.resource_names([number]),
    ],
)
def test_what_is_not_there(get: Callable[[int], Any], number: int) -> None:
    with pytest.raises(NotFound, match=str(number)):
        get(number)


def test_names_come_in_the_order_of_the_ids() -> None:
    first, second = factories.make_node("n1"), factories.make_node("n2")
    ids = [second.id, first.id, second.id]
    assert list(by_id.node_names(ids).items()) == [(second.id, "n2"), (first.id, "n1")]
    with pytest.raises(NotFound, match="99"):
        by_id.node_names([first.id, 99])


def test_groups_are_for_administrators_and_members() -> None:
    team = factories.make_group("Team")
    ada = actor_of(factories.make_user("ada", group=team))
    root = actor_of(factories.make_user("root", admin=True), admin=True)
    assert by_id.group(ada, team.id).name == by_id.group(root, team.id).name == "Team"
    for number in (1, 99):
        with pytest.raises(Forbidden):
            by_id.group(ada, number)
    with pytest.raises(NotFound):
        by_id.group(root, 99)


def test_a_name_that_passed_to_another_is_not_changed() -> None:
    root = actor_of(factories.make_user("root", admin=True), admin=True)
    first, second = factories.make_node("n1"), factories.make_node("n2")
    nodes.change(root, "n1", NodeChange(name="old"))
    nodes.change(root, "n2", NodeChange(name="n1"))
    with pytest.raises(Stale):
        nodes.change(root, "n1", NodeChange(description="x"), by_id.still(first.id))
    with pytest.raises(Stale):
        nodes.set_capacity(root, "n1", "cpu", 1, by_id.still_on(first.id, 1))
    nodes.change(root, "n1", NodeChange(description="x"), by_id.still(second.id))
    assert db.session.get_one(Node, first.id).description is None
