"""The timetable: what a calendar shows, and in how many queries."""

import pytest
from flask import current_app

from remas.errors import Invalid
from remas.models import NodeState, Status
from remas.services.actor import Actor
from remas.services.timetable import timetable
from tests.support.factories import (
    make_group,
    make_maintenance,
    make_node,
    make_reservation,
    make_user,
)
from tests.support.noon import NOW, hours
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context", "noon")


def seen_by(user, admin=False, start=0, end=10, nodes=()):
    viewer = Actor(id=user.id, username=user.username, is_admin=admin)
    return timetable(viewer, hours(start), hours(end), nodes)


@pytest.fixture
def ann():
    return make_user("ann")


def test_steps_are_clipped_and_reservations_keep_their_times(ann):
    node = make_node("n1", capacities={"gpu": 4, "cpu": 8})
    make_reservation(ann, hours(-2), ends=hours(2), allocations={node: {"gpu": 1}})
    make_reservation(ann, hours(1), ends=hours(20), allocations={node: {"gpu": 2}})
    seen = seen_by(ann)
    assert [(b.starts_at, b.ends_at, b.status) for b in seen.reservations] == [
        (hours(-2), hours(2), Status.RUNNING),
        (hours(1), hours(20), Status.SCHEDULED),
    ]
    # 4 less 1; from 1 on less 3; from 2 on less 2; the end at 20 lies outside.
    assert seen.free["n1", "gpu"] == [(hours(0), 3), (hours(1), 1), (hours(2), 2)]
    assert seen.free["n1", "cpu"] == [(hours(0), 8)]


def test_what_only_touches_the_range_is_not_in_it(ann):
    node = make_node("n1", capacities={"gpu": 4})
    for start, end in ((-2, 0), (10, 12)):
        make_reservation(ann, hours(start), ends=hours(end), allocations={node: {"gpu": 1}})
    seen = seen_by(ann)
    assert seen.reservations == ()
    assert seen.free["n1", "gpu"] == [(hours(0), 4)]


def test_free_is_never_below_zero_and_maintenance_is_not_taken_off(ann):
    node = make_node("n1", capacities={"gpu": 1})
    make_reservation(ann, hours(1), ends=hours(2), allocations={node: {"gpu": 3}})
    make_maintenance(node, hours(3), ends=hours(4), reason="new disks")
    seen = seen_by(ann)
    assert seen.free["n1", "gpu"] == [(hours(0), 1), (hours(1), 0), (hours(2), 1)]
    assert [(m.node, m.reason) for m in seen.maintenance] == [("n1", "new disks")]


def test_cancelled_ones_hold_nothing(ann):
    node = make_node("n1", capacities={"gpu": 1})
    make_reservation(ann, hours(1), ends=hours(2), allocations={node: {"gpu": 1}}, cancelled_at=NOW)
    assert seen_by(ann).reservations == ()
    assert len(seen_by(ann).free["n1", "gpu"]) == 1


def test_nodes_are_in_natural_order_and_retired_ones_only_when_named(ann):
    for name in ("n10", "n2"):
        make_node(name)
    make_node("n1", state=NodeState.RETIRED)
    assert [node.name for node in seen_by(ann).nodes] == ["n2", "n10"]
    assert [node.name for node in seen_by(ann, nodes=("n1",)).nodes] == ["n1"]


def test_only_what_is_on_the_named_nodes(ann):
    first, second = make_node("n1"), make_node("n2")
    both = {first: {"cpu": 1}, second: {"cpu": 2}}
    make_reservation(ann, hours(1), ends=hours(2), allocations=both)
    make_reservation(ann, hours(1), ends=hours(2), allocations={second: {"cpu": 1}})
    (bar,) = seen_by(ann, nodes=("n1",)).reservations
    assert [(spec.node, spec.amount) for spec in bar.allocations] == [("n1", 1)]


def test_where_a_group_does_not_share_the_name_is_hidden_from_others(ann):
    secret = make_user("sue", group=make_group("secret", users_share_statistics=False))
    node = make_node("n1")
    make_reservation(secret, hours(1), ends=hours(2), allocations={node: {"cpu": 1}}, name="X")
    assert [bar.name for bar in seen_by(ann).reservations] == [None]
    assert [bar.owner.email for bar in seen_by(ann).reservations] == ["sue@example.org"]
    assert [bar.name for bar in seen_by(secret).reservations] == ["X"]
    assert [bar.name for bar in seen_by(ann, admin=True).reservations] == ["X"]


@pytest.mark.parametrize(
    ("start", "end", "fine"), [(0, 9600, True), (0, 9601, False), (1, 1, False)]
)
def test_a_range_has_at_most_four_hundred_days(ann, start, end, fine):
    if fine:
        seen_by(ann, start=start, end=end)
        return
    with pytest.raises(Invalid):
        seen_by(ann, start=start, end=end)


def test_unknown_nodes(ann):
    with pytest.raises(Invalid):
        seen_by(ann, nodes=("nowhere",))


def test_the_number_of_queries_does_not_grow(ann):
    def look():
        with counted(current_app) as statements:
            seen_by(ann)
        return len(statements)

    make_reservation(ann, hours(1), ends=hours(2), allocations={make_node(): {"cpu": 1}})
    few = look()
    for _ in range(20):
        owner = make_user(group=make_group())
        node = make_node()
        make_maintenance(node, hours(1))
        make_reservation(owner, hours(1), ends=hours(2), allocations={node: {"cpu": 1}})
    assert look() == few
