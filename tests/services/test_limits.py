"""Which limits bind: the nearest level, scope by scope and node by node."""

import pytest

from remas.errors import NotFound
from remas.extensions import db
from remas.models import EVERYONE, Scope
from remas.services.limits import InForce, in_force, resolve
from tests.support.factories import make_group, make_limit, make_node, make_user

NODES = frozenset({1, 2, 3})


def limit(number, nodes=(), scope=Scope.EACH_NODE, resource=1):
    name = f"limit {number}"
    return InForce(number, name, None, resource, "gpu", 1, scope, "level", frozenset(nodes))


def bound(*levels):
    """What `resolve` says, as {id: nodes}."""
    return {found.id: set(found.nodes) for found in resolve(levels, NODES)}


def test_without_nodes_it_is_in_force_everywhere():
    assert bound([limit(1)]) == {1: {1, 2, 3}}


def test_the_nearest_level_counts_and_farther_ones_do_not():
    assert bound([limit(1)], [limit(2)]) == {1: {1, 2, 3}}


def test_node_by_node():
    # The user's own covers node 1, so the group's is in force on the other two.
    assert bound([limit(1, {1})], [limit(2)]) == {1: {1}, 2: {2, 3}}
    assert bound([], [limit(1, {1, 2})], [limit(2, {2, 3})]) == {1: {1, 2}, 2: {3}}


def test_all_limits_of_one_level_are_in_force():
    assert bound([limit(1), limit(2, {2})]) == {1: {1, 2, 3}, 2: {2}}


def test_the_two_scopes_are_resolved_separately():
    assert bound([limit(1)], [limit(2, scope=Scope.TOTAL)]) == {1: {1, 2, 3}, 2: {1, 2, 3}}


def test_resources_are_resolved_separately():
    assert bound([limit(1)], [limit(2, resource=2)]) == {1: {1, 2, 3}, 2: {1, 2, 3}}


def test_a_node_that_is_gone_is_nowhere():
    assert bound([limit(1, {9})]) == {}


@pytest.mark.usefixtures("app_context")
class TestInForce:
    def test_user_group_and_its_parents_in_this_order(self):
        nodes = [make_node(name) for name in ("n1", "n2", "n3")]
        upper = make_group("upper")
        lower = make_group("lower", parent=upper)
        ann = make_user("ann", group=lower)
        make_limit(1, user=ann, nodes=[nodes[0]], name="own")
        make_limit(2, group=lower, nodes=nodes[:2], name="of the group")
        make_limit(3, group=upper, name="of its parent")
        make_limit(4, group=EVERYONE, name="of everyone")
        make_limit(5, user=make_user("bob"), name="another's")
        found = [(f.name, f.level, set(f.nodes)) for f in in_force(db.session(), ann.id)]
        ids = [node.id for node in nodes]
        assert found == [
            ("own", "user", {ids[0]}),
            ("of the group", "lower", {ids[1]}),
            ("of its parent", "upper", {ids[2]}),
        ]

    def test_nobody(self):
        with pytest.raises(NotFound):
            in_force(db.session(), 4711)
