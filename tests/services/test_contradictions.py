"""Which reservations a wished change contradicts: exactly those that could not be booked again."""

from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.models import EVERYONE, NodeState, Reservation, Scope
from remas.services import booking, contradictions, limit_admin, maintenance, nodes
from remas.services.actor import SYSTEM
from remas.services.availability import Placed, shortages
from remas.services.contradictions import Cause
from remas.services.limit_wishes import LimitChange, LimitNew
from remas.services.maintenance import MaintenanceNew
from remas.services.nodes import NodeChange
from remas.services.requests import AllocationSpec
from tests.support.factories import (
    actor_of,
    make_group,
    make_limit,
    make_maintenance,
    make_node,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.noon import NOW, hours
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context", "noon")


@pytest.fixture
def ann():
    return make_user("ann")


@pytest.fixture
def node():
    return make_node("n1", {"gpu": 8})


def hold(owner, node, amount, start=1, end=3, resource="gpu", **fields):
    """`amount` of the resource for `[start, end)` hours from now; the id of the reservation."""
    held = {node: {resource: amount}}
    made = make_reservation(owner, hours(start), ends=hours(end), allocations=held, **fields)
    return made.id


def limit_of(user, amount, **fields):
    wish = LimitNew("few", "gpu", amount, user=user.username, **fields)
    return contradictions.of_limit(SYSTEM, wish)


def told(effect):
    """Reservation to by how much."""
    return {one.reservation: one.short_by for one in effect.found}


class TestLimit:
    def test_what_just_fits_is_no_contradiction_and_one_more_is(self, ann, node):
        number = hold(ann, node, 4)
        assert told(limit_of(ann, 4)) == {}
        assert told(limit_of(ann, 3)) == {number: 1}

    def test_the_sum_over_overlapping_reservations_counts(self, ann, node):
        # 2 in [1, 3) and 2 in [2, 4): 4 in [2, 3), more than 3 by 1 from hour 2 on.
        first, second = hold(ann, node, 2, 1, 3), hold(ann, node, 2, 2, 4)
        alone = hold(ann, node, 3, 5, 6)
        effect = limit_of(ann, 3)
        assert told(effect) == {first: 1, second: 1}
        assert {one.since for one in effect.found} == {hours(2)}
        assert alone not in told(effect)

    def test_what_only_touches_does_not_overlap(self, ann, node):
        hold(ann, node, 3, 1, 2)
        hold(ann, node, 3, 2, 3)
        assert told(limit_of(ann, 3)) == {}

    def test_on_each_node_by_itself_and_in_total_over_all(self, ann, node):
        other = make_node("n2", {"gpu": 8})
        numbers = {hold(ann, node, 2), hold(ann, other, 2)}
        assert told(limit_of(ann, 2)) == {}
        assert told(limit_of(ann, 3, scope=Scope.TOTAL)) == dict.fromkeys(numbers, 1)
        assert told(limit_of(ann, 3, scope=Scope.TOTAL, nodes=("n1",))) == {}

    def test_a_total_names_no_node_and_each_node_names_it(self, ann, node):
        hold(ann, node, 2)
        assert {one.node for one in limit_of(ann, 1).found} == {"n1"}
        assert {one.node for one in limit_of(ann, 1, scope=Scope.TOTAL).found} == {None}

    def test_members_are_bound_each_by_himself(self, ann, node):
        bob = make_user("bob")
        number = hold(ann, node, 3)
        hold(bob, node, 2)
        wish = LimitNew("few", "gpu", 2, group="Users")
        effect = contradictions.of_limit(SYSTEM, wish)
        assert told(effect) == {number: 1}
        assert effect.binds == 2
        assert (effect.reservations, effect.owners) == (1, 1)

    def test_a_nearer_limit_counts_instead(self, ann, node):
        hold(ann, node, 3)
        make_limit(8, "gpu", user=ann)
        effect = contradictions.of_limit(SYSTEM, LimitNew("few", "gpu", 1, group="Users"))
        assert told(effect) == {}
        assert effect.binds == 0

    def test_what_is_deleted_lets_a_farther_limit_come_into_force(self, ann, node):
        number = hold(ann, node, 3)
        own = make_limit(8, "gpu", user=ann)
        make_limit(2, "gpu", group=EVERYONE, name="of everyone")
        effect = contradictions.of_limit_gone(SYSTEM, own.id)
        assert told(effect) == {number: 1}
        assert effect.found[0].limit == "of everyone"

    def test_what_is_narrowed_lets_a_farther_limit_come_into_force(self, ann, node):
        make_node("n2", {"gpu": 8})
        number = hold(ann, node, 3)
        own = make_limit(8, "gpu", user=ann)
        make_limit(2, "gpu", group=EVERYONE)
        effect = contradictions.of_limit(SYSTEM, LimitChange(nodes=("n2",)), own.id)
        assert told(effect) == {number: 1}

    def test_what_stands_against_it_already_is_not_told_again(self, ann, node):
        number = hold(ann, node, 4)
        limit = make_limit(2, "gpu", user=ann)
        change = contradictions.of_limit
        assert told(change(SYSTEM, LimitChange(description="why"), limit.id)) == {}
        assert told(change(SYSTEM, LimitChange(name="other"), limit.id)) == {}
        assert told(change(SYSTEM, LimitChange(amount=1), limit.id)) == {number: 3}

    def test_taken_from_one_and_given_to_another(self, ann, node):
        bob = make_user("bob")
        hold(ann, node, 3)
        number = hold(bob, node, 2)
        limit = make_limit(1, "gpu", user=ann)
        effect = contradictions.of_limit(SYSTEM, LimitChange(user="bob"), limit.id)
        assert told(effect) == {number: 1}

    def test_what_is_over_or_cancelled_counts_no_more(self, ann, node):
        hold(ann, node, 8, -3, 0)
        hold(ann, node, 8, cancelled_at=NOW)
        assert told(limit_of(ann, 0)) == {}

    def test_what_runs_counts_from_now_on(self, ann, node):
        number = hold(ann, node, 1, -1, 1)
        (one,) = limit_of(ann, 0).found
        assert (one.reservation, one.since, one.starts_at) == (number, NOW, hours(-1))

    def test_owner_and_contact_are_told(self, ann, node):
        hold(ann, node, 1, name="Train")
        (one,) = limit_of(ann, 0).found
        assert (one.name, one.username, one.owner) == ("Train", "ann", "Ann Tester")
        assert (one.email, one.cause, one.limit) == ("ann@example.org", Cause.LIMIT, "few")

    @pytest.mark.parametrize(
        "wish",
        [
            LimitNew("few", "gpu", 1),
            LimitNew("few", "gpu", 1, user="ann", group="Users"),
            LimitNew("few", "gpu", 1, user="nobody"),
            LimitNew("few", "gpu", 1, group="none"),
            LimitNew("few", "tpu", 1, user="ann"),
            LimitNew("few", "gpu", -1, user="ann"),
            LimitNew("few", "gpu", 1, user="ann", nodes=("n9",)),
        ],
    )
    def test_what_could_not_be_saved_is_refused_in_the_same_way(self, ann, node, wish):
        with pytest.raises(Invalid) as looked:
            contradictions.of_limit(SYSTEM, wish)
        with pytest.raises(Invalid) as saved:
            limit_admin.create(SYSTEM, wish)
        assert looked.value.errors == saved.value.errors

    def test_nobody_and_nowhere(self, ann):
        with pytest.raises(NotFound):
            contradictions.of_limit(SYSTEM, LimitChange(), 4711)
        with pytest.raises(Forbidden):
            contradictions.at_present(actor_of(ann))


class TestNode:
    def lower(self, amount):
        return contradictions.of_node(SYSTEM, "n1", NodeChange(capacities={"gpu": amount}))

    def test_what_just_fits_is_no_contradiction_and_one_more_is(self, ann, node):
        numbers = {hold(ann, node, 4), hold(make_user("bob"), node, 2)}
        assert told(self.lower(6)) == {}
        assert told(self.lower(5)) == dict.fromkeys(numbers, 1)

    def test_a_resource_that_is_taken_away(self, ann, node):
        number = hold(ann, node, 4)
        effect = contradictions.of_node(SYSTEM, "n1", NodeChange(capacities={}))
        assert told(effect) == {number: 4}
        assert effect.found[0].cause is Cause.CAPACITY

    def test_more_than_there_was_contradicts_nothing(self, ann, node):
        hold(ann, node, 8)
        assert told(self.lower(9)) == {}

    @pytest.mark.parametrize("state", [NodeState.DRAINED, NodeState.RETIRED])
    def test_a_state_in_which_nothing_is_taken(self, ann, node, state):
        number = hold(ann, node, 1)
        (one,) = contradictions.of_node(SYSTEM, "n1", NodeChange(state=state)).found
        assert (one.reservation, one.cause, one.short_by) == (number, Cause(state.value), None)
        nodes.change(SYSTEM, "n1", NodeChange(state=state))
        again = contradictions.of_node(SYSTEM, "n1", NodeChange(description="why"))
        assert again.found == ()

    def test_unknown_ones_are_refused(self, node):
        with pytest.raises(NotFound):
            contradictions.of_node(SYSTEM, "n9", NodeChange())
        with pytest.raises(Invalid):
            contradictions.of_node(SYSTEM, "n1", NodeChange(capacities={"tpu": 1}))


class TestMaintenance:
    def close(self, start, end, replacing=None):
        wish = MaintenanceNew("n1", hours(start), hours(end))
        return contradictions.of_maintenance(SYSTEM, [wish], replacing)

    def test_what_only_touches_is_no_contradiction(self, ann, node):
        number = hold(ann, node, 1, 2, 4)
        assert told(self.close(1, 2)) == told(self.close(4, 5)) == {}
        (one,) = self.close(3, 5).found
        assert (one.reservation, one.since, one.cause) == (number, hours(3), Cause.MAINTENANCE)

    def test_moved_it_tells_what_was_not_concerned_before(self, ann, node):
        first, second = hold(ann, node, 1, 1, 2), hold(ann, node, 1, 3, 4)
        row = make_maintenance(node, hours(1), 1)
        assert told(self.close(1, 2, row.id)) == {}
        assert set(told(self.close(1, 4, row.id))) == {second}
        assert first not in told(self.close(3, 4, row.id))

    def test_several_nodes_at_once(self, ann, node):
        numbers = {hold(ann, node, 1), hold(ann, make_node("n2", {"gpu": 8}), 1)}
        wishes = [MaintenanceNew(name, hours(1), hours(2)) for name in ("n1", "n2")]
        assert set(told(contradictions.of_maintenance(SYSTEM, wishes))) == numbers

    def test_unknown_ones_are_refused(self):
        with pytest.raises(Invalid):
            self.close(1, 2)


class TestAtPresent:
    def test_everything_that_fits_is_nothing(self, ann, node):
        hold(ann, node, 8)
        make_limit(8, "gpu", user=ann)
        assert contradictions.at_present(SYSTEM).found == ()

    def test_limits_capacities_and_maintenance_as_they_are(self, ann, node):
        number = hold(ann, node, 9)
        make_limit(7, "gpu", user=ann)
        make_maintenance(node, hours(2), 1)
        found = contradictions.at_present(SYSTEM).found
        assert {(one.reservation, one.cause, one.short_by) for one in found} == {
            (number, Cause.LIMIT, 2),
            (number, Cause.CAPACITY, 1),
            (number, Cause.MAINTENANCE, None),
        }


def test_a_constant_number_of_queries(app: Flask, node):
    group = make_group("more")
    make_limit(8, "gpu", group=EVERYONE)

    def asked():
        with counted(app) as statements:
            contradictions.of_limit(SYSTEM, LimitNew("few", "gpu", 0, group="Everyone"))
            contradictions.of_node(SYSTEM, "n1", NodeChange(capacities={"gpu": 0}))
            wish = MaintenanceNew("n1", hours(0), hours(9))
            contradictions.of_maintenance(SYSTEM, [wish])
            contradictions.at_present(SYSTEM)
        return len(statements)

    hold(make_user(), node, 1)
    few = asked()
    for i in range(5):
        user = make_user(group=group)
        make_limit(3, "gpu", user=user)
        hold(user, node, 1, i, i + 4)
    db.session.expire_all()
    assert asked() == few


RESERVATIONS = st.lists(
    st.tuples(
        st.integers(0, 1),  # owner
        st.integers(0, 1),  # node
        st.integers(1, 4),  # amount
        st.integers(-2, 5),  # start
        st.integers(1, 4),  # length
    ),
    min_size=1,
    max_size=6,
)


def refused(number, reason):
    """Whether booking refuses this reservation as it stands, beside the others, for the reason."""
    row = db.session.get_one(Reservation, number)
    specs = tuple(AllocationSpec(a.node.name, a.resource.name, a.amount) for a in row.allocations)
    placed = Placed(max(row.starts_at, NOW), row.ends_at, specs)
    missing = shortages(db.session(), row.owner_id, placed, number)
    return any(short.reason == reason for short in missing)


@given(
    RESERVATIONS,
    st.integers(0, 6),
    st.sampled_from(Scope),
    st.sampled_from([(), ("p0",), ("p0", "p1")]),
    st.one_of(st.none(), st.integers(0, 6)),
    st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_they_are_those_that_booking_would_refuse(rows, amount, scope, listed, own, of_the_group):
    make_resource("gpu")
    people = [make_user() for _ in range(2)]
    machines = [db.session.scalar(db.select(nodes.Node).filter_by(name=f"p{i}")) for i in range(2)]
    machines = [machine or make_node(f"p{i}", {"gpu": 100}) for i, machine in enumerate(machines)]
    numbers = [
        hold(people[owner], machines[at], units, start, start + length)
        for owner, at, units, start, length in rows
        if start + length > 0
    ]
    kept = [] if own is None else [make_limit(own, "gpu", user=people[0], nodes=machines[:1])]
    whom = {"group": "Users"} if of_the_group else {"user": people[0].username}
    wish = LimitNew("wished", "gpu", amount, nodes=listed, scope=scope, **whom)
    before = {number for number in numbers if refused(number, "limit")}
    found = contradictions.of_limit(SYSTEM, wish)
    made = limit_admin.create(SYSTEM, wish)
    after = {number for number in numbers if refused(number, "limit")}
    assert after - before <= set(told(found)) <= after
    assert set(told(contradictions.at_present(SYSTEM))) == after
    for number in numbers:
        if db.session.get_one(Reservation, number).starts_at > NOW:
            booking.cancel(SYSTEM, number)
        else:
            db.session.get_one(Reservation, number).cancelled_at = NOW
            db.session.commit()
    for limit in [made, *kept]:
        limit_admin.delete(SYSTEM, limit.id)


@given(RESERVATIONS, st.integers(0, 9))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_capacity_contradicts_those_that_booking_would_refuse(rows, amount):
    machine = make_node(capacities={"gpu": 100})
    owner = make_user()
    numbers = [
        hold(owner, machine, units, start, start + length)
        for _, _, units, start, length in rows
        if start + length > 0
    ]
    wish = NodeChange(capacities={"gpu": amount})
    found = contradictions.of_node(SYSTEM, machine.name, wish)
    nodes.change(SYSTEM, machine.name, wish)
    assert set(told(found)) == {number for number in numbers if refused(number, "capacity")}


@given(RESERVATIONS, st.integers(-2, 6), st.integers(1, 4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_maintenance_contradicts_those_that_booking_would_refuse(rows, start, length):
    machine = make_node(capacities={"gpu": 100})
    owner = make_user()
    numbers = [
        hold(owner, machine, units, begin, begin + long)
        for _, _, units, begin, long in rows
        if begin + long > 0
    ]
    wish = MaintenanceNew(machine.name, hours(start), hours(start) + timedelta(hours=length))
    found = contradictions.of_maintenance(SYSTEM, [wish])
    maintenance.create(SYSTEM, wish)
    assert set(told(found)) == {number for number in numbers if refused(number, "maintenance")}
