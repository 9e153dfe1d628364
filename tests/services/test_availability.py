"""The search: what is read, how far it looks, and what people are told."""

from datetime import timedelta

import pytest
from flask import current_app

from remas.errors import Forbidden, Invalid, NoAnswerInTime, NotFound
from remas.extensions import db
from remas.models import NodeState, Scope, Unit
from remas.services import availability, booking
from remas.services.requests import AllocationSpec, BookingRequest, OfferRequest
from tests.support.factories import (
    actor_of as actor,
)
from tests.support.factories import (
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


def ask(user, hours=2, admin=False, **wish):
    wish.setdefault("demands", {"gpu": 1})
    return availability.search(actor(user, admin), OfferRequest(timedelta(hours=hours), **wish))


@pytest.fixture
def ann():
    return make_user("ann")


def starts(answer):
    return [offer.starts_at for offer in answer.offers]


def test_the_first_offer_is_proven_and_can_be_booked_as_it_stands(ann):
    node = make_node("n1", capacities={"gpu": 4})
    make_reservation(ann, hours(-1), ends=hours(3), allocations={node: {"gpu": 3}})
    answer = ask(ann, demands={"gpu": 2})
    (offer,) = answer.offers
    assert (answer.status, offer.starts_at, offer.proven_earliest) == ("optimal", hours(3), True)
    wish = BookingRequest("as offered", offer.starts_at, offer.ends_at, offer.allocations)
    assert booking.create(actor(ann), wish).reservation is not None


def test_now_is_rounded_up_to_the_next_minute(ann, noon):
    make_node("n1", capacities={"gpu": 1})
    noon.shift(timedelta(seconds=1))
    assert starts(ask(ann)) == [NOW + timedelta(minutes=1)]


def test_it_looks_as_far_as_needed_and_not_farther(ann):
    node = make_node("n1", capacities={"gpu": 1})
    make_reservation(ann, hours(0), ends=hours(24 * 100), allocations={node: {"gpu": 1}})
    with counted(current_app) as near:
        ask(ann, earliest=hours(24 * 100))
    with counted(current_app) as far:
        assert starts(ask(ann)) == [hours(24 * 100)]
    # 2 days doubled until 100 are in sight: 4, 8, 16, 32, 64, 128: six more readings.
    rounds = [sum("FROM allocation" in statement for statement in s) for s in (near, far)]
    assert rounds == [1, 7]


def test_a_request_that_never_fits_is_told_at_once_and_why(ann):
    make_resource("memory", unit=Unit.BYTES_IEC)
    make_node("n1", capacities={"memory": 64 * 2**30})
    answer = ask(ann, demands={"memory": 65 * 2**30})
    assert answer.status == "infeasible"
    assert answer.offers == ()
    assert "65 GiB" in answer.detail
    assert "64 GiB" in answer.detail


def test_a_window_too_short(ann):
    make_node("n1", capacities={"gpu": 1})
    answer = ask(ann, earliest=hours(1), latest_end=hours(2))
    assert answer.status == "infeasible"
    assert "window is too short" in answer.detail


def test_a_limit_that_never_allows_it(ann):
    make_node("n1", capacities={"gpu": 4})
    make_limit(1, "gpu", user=ann, name="one at a time")
    answer = ask(ann, demands={"gpu": 2})
    assert answer.status == "infeasible"
    assert "one at a time" in answer.detail
    assert [(s.reason, s.limit) for s in answer.shortages] == [("limit", "one at a time")]


def test_the_askers_own_elsewhere_counts_under_a_total_limit(ann):
    first, _ = make_node("n1", capacities={"gpu": 4}), make_node("n2", capacities={"gpu": 4})
    make_limit(4, "gpu", user=ann, scope=Scope.TOTAL)
    make_reservation(ann, hours(0), ends=hours(5), allocations={first: {"gpu": 3}})
    answer = ask(ann, demands={"gpu": 2}, nodes=("n2",))
    assert starts(answer) == [hours(5)]


def test_what_is_short_names_who_holds_it(ann):
    node = make_node("n1", capacities={"gpu": 1})
    bob = make_user("bob")
    held = make_reservation(bob, hours(-1), ends=hours(9), allocations={node: {"gpu": 1}})
    answer = ask(ann, latest_end=hours(5))
    assert answer.status == "infeasible"
    (shortage,) = answer.shortages
    assert (shortage.node, shortage.resource, shortage.short_by) == ("n1", "gpu", 1)
    (holder,) = shortage.held_by
    assert (holder.reservation, holder.username) == (held.id, "bob")
    assert holder.email == "bob@example.org"


def test_maintenance_drained_and_retired_nodes(ann):
    node = make_node("n1", capacities={"gpu": 1})
    make_node("n2", capacities={"gpu": 1}, state=NodeState.DRAINED)
    make_node("n3", capacities={"gpu": 1}, state=NodeState.RETIRED)
    make_maintenance(node, hours(0), ends=hours(4))
    assert starts(ask(ann)) == [hours(4)]
    closed = ask(ann, nodes=("n2",))
    assert [s.reason for s in closed.shortages] == ["drained"]


def test_past_and_horizon_are_clipped_and_told(ann):
    make_node("n1", capacities={"gpu": 1})
    answer = ask(ann, earliest=hours(-5), latest_end=hours(24 * 1000))
    assert starts(answer) == [NOW]
    assert "past" in answer.detail
    assert "horizon" in answer.detail


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"nodes": ("n1", "nowhere")}, "nodes.1"),
        ({"demands": {"magic": 1}}, "demands.magic"),
        ({"demands": {}}, "demands"),
    ],
)
def test_unknown_names_are_told_at_their_field(ann, wish, field):
    make_node("n1", capacities={"gpu": 1})
    with pytest.raises(Invalid) as refused:
        ask(ann, **wish)
    assert list(refused.value.errors) == [field]


class TestMoving:
    def test_its_own_use_does_not_count(self, ann):
        node = make_node("n1", capacities={"gpu": 1})
        own = make_reservation(ann, hours(1), ends=hours(9), allocations={node: {"gpu": 1}})
        assert starts(ask(ann, exclude_reservation=own.id)) == [NOW]

    def test_the_owners_limits_count_whoever_asks(self, ann):
        node = make_node("n1", capacities={"gpu": 4})
        make_limit(1, "gpu", user=ann)
        own = make_reservation(ann, hours(1), ends=hours(9), allocations={node: {"gpu": 1}})
        root = make_user("root", admin=True)
        wish = {"demands": {"gpu": 2}, "exclude_reservation": own.id}
        assert ask(root, admin=True, **wish).status == "infeasible"

    def test_only_ones_own_and_only_before_it_starts(self, ann, noon):
        node = make_node("n1", capacities={"gpu": 1})
        own = make_reservation(ann, hours(1), ends=hours(9), allocations={node: {"gpu": 1}})
        with pytest.raises(Forbidden):
            ask(make_user("bob"), exclude_reservation=own.id)
        with pytest.raises(NotFound):
            ask(ann, exclude_reservation=own.id + 1)
        noon.shift(timedelta(hours=2))
        with pytest.raises(Invalid):
            ask(ann, exclude_reservation=own.id)


class TestAlternatives:
    def test_fewer_units_now_and_the_nodes_named_first(self, ann):
        first, second = (make_node(name, capacities={"gpu": 4}) for name in ("n1", "n2"))
        make_reservation(ann, hours(0), ends=hours(9), allocations={first: {"gpu": 4}})
        make_reservation(ann, hours(0), ends=hours(4), allocations={second: {"gpu": 1}})
        answer = ask(ann, demands={"gpu": 4}, nodes=("n1", "n2"), max_offers=5)
        found = [(o.kind, o.starts_at, o.allocations[0].node) for o in answer.offers]
        assert found == [
            ("earliest", hours(4), "n2"),
            ("fewer", hours(0), "n2"),
            ("preferred", hours(9), "n1"),
        ]
        assert answer.offers[1].note == "At once, with less: 3 gpu instead of 4."
        assert answer.offers[2].note == "Later, but on the nodes you named first."

    def test_the_nodes_used_last_are_offered_again(self, ann):
        first, _ = make_node("n1", capacities={"gpu": 4}), make_node("n2", capacities={"gpu": 4})
        make_reservation(ann, hours(0), ends=hours(90), allocations={first: {"gpu": 4}})
        answer = ask(ann, demands={"gpu": 4}, max_offers=5)
        assert [(o.kind, o.starts_at) for o in answer.offers] == [
            ("earliest", NOW),
            ("preferred", hours(90)),
        ]
        assert "used last" in answer.offers[1].note


def test_no_time_is_no_answer_and_never_no_room(make_app):
    with make_app(REMAS_SOLVER_SECONDS="0").app_context():
        ann = make_user("ann")
        make_node("n1", capacities={"gpu": 1})
        with pytest.raises(NoAnswerInTime):
            ask(ann)
        assert ask(ann, demands={"gpu": 2}).status == "infeasible"  # needs no CP-SAT
        db.session.remove()


def test_placements_that_differ_between_nodes_only_move_in_time(ann):
    first, second = (make_node(name, capacities={"gpu": 4}) for name in ("n1", "n2"))
    make_node("n3", capacities={"gpu": 4})
    make_reservation(ann, hours(1), ends=hours(3), allocations={first: {"gpu": 4}})
    uneven = (AllocationSpec("n1", "gpu", 1), AllocationSpec("n2", "gpu", 2))
    wanted = availability.Placed(hours(1), hours(2), uneven)
    (offer,) = availability.alternatives(ann.id, wanted)
    assert (offer.starts_at, set(offer.allocations)) == (hours(3), set(uneven))
    even = (AllocationSpec("n1", "gpu", 1), AllocationSpec("n2", "gpu", 1))
    offers = availability.alternatives(ann.id, availability.Placed(hours(1), hours(2), even))
    assert [(o.starts_at, o.allocations[0].node) for o in offers] == [
        (hours(3), "n1"),
        (hours(1), "n2"),
    ]
    assert second is not None


def test_the_number_of_queries_does_not_grow(ann):
    def search():
        with counted(current_app) as statements:
            ask(ann, demands={"gpu": 1}, max_offers=3)
        return len(statements)

    nodes = [make_node(f"n{i}", capacities={"gpu": 2}) for i in range(3)]
    make_reservation(ann, hours(1), ends=hours(2), allocations={nodes[0]: {"gpu": 1}})
    few = search()
    for i in range(30):
        node = make_node(f"m{i}", capacities={"gpu": 2})
        make_reservation(ann, hours(1), ends=hours(2), allocations={node: {"gpu": 1}})
    assert search() == few
