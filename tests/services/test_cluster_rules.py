"""Rules of the cluster, one test each, on the smallest instance."""

import pytest

from remas.errors import InUse, Invalid, NoRoom, NotFound
from remas.models import EVERYONE, MAX_AMOUNT, Scope
from remas.services import booking, limit_admin, nodes, resources
from remas.services.actor import SYSTEM
from remas.services.limit_admin import LimitChange, LimitFilter, LimitNew
from remas.services.nodes import NodeChange, NodeNew
from remas.services.requests import AllocationSpec, BookingRequest
from remas.services.resources import ResourceChange
from tests.support.factories import (
    actor_of,
    make_limit,
    make_maintenance,
    make_node,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.noon import hours

pytestmark = pytest.mark.usefixtures("app_context", "noon")


@pytest.fixture
def ann():
    return make_user("ann")


@pytest.fixture
def node():
    return make_node("n1", {"gpu": 8})


def wish(amount, start=1, end=3, node="n1", resource="gpu", name="Train", **more):
    spec = AllocationSpec(node, resource, amount)
    return BookingRequest(name, hours(start), hours(end), (spec,), **more)


def book(person, amount, **more):
    made = booking.create(actor_of(person), wish(amount, **more)).reservation
    assert made is not None
    return made


def errors_of(person, amount, **more):
    with pytest.raises(Invalid) as refused:
        book(person, amount, **more)
    return refused.value.errors


@pytest.mark.parametrize("amount", [0, -1, -100, MAX_AMOUNT + 1])
def test_negative_and_zero_amounts_are_refused_and_free_nothing(ann, node, amount):
    assert "allocations.0.amount" in errors_of(ann, amount)
    book(ann, 8)
    with pytest.raises(NoRoom):
        book(ann, 1)


def test_of_two_limits_of_one_level_the_smallest_counts(ann, node):
    make_limit(4, "gpu", user=ann)
    make_limit(2, "gpu", user=ann)
    book(ann, 2, start=1, end=2)
    with pytest.raises(NoRoom):
        book(ann, 3, start=2, end=3)


def test_limits_sum_over_overlapping_reservations(ann, node):
    make_limit(4, "gpu", user=ann)
    book(ann, 2, start=1, end=3)
    book(ann, 2, start=2, end=4)  # 4 at once: just allowed
    with pytest.raises(NoRoom) as refused:
        book(ann, 1, start=2, end=3)
    assert refused.value.only_limits
    book(ann, 2, start=3, end=4)  # the first is over by then


def test_a_total_sums_over_nodes_and_reservations(ann, node):
    make_node("n2", {"gpu": 8})
    make_limit(4, "gpu", user=ann, scope=Scope.TOTAL)
    book(ann, 3)
    with pytest.raises(NoRoom):
        book(ann, 2, node="n2")
    book(ann, 1, node="n2")


def test_a_refusal_names_limit_and_resource_each_by_its_own_name(ann, node):
    make_limit(1, "gpu", user=ann, name="Students")
    with pytest.raises(NoRoom) as refused:
        book(ann, 2)
    (short,) = refused.value.shortages
    assert (short.resource, short.limit, short.reason) == ("gpu", "Students", "limit")


def test_naming_a_resource_twice_on_a_node_is_called_that(ann, node):
    twice = (AllocationSpec("n1", "gpu", 1), AllocationSpec("n1", "gpu", 2))
    with pytest.raises(Invalid) as refused:
        booking.create(actor_of(ann), BookingRequest("Train", hours(1), hours(2), twice))
    assert refused.value.errors == {"allocations.1": ["gpu on n1 is named twice."]}


def test_an_unknown_node_or_resource_is_a_mistake_in_the_request(ann, node):
    make_resource("tpu")
    assert errors_of(ann, 1, node="n9") == {"allocations.0.node": ["There is no node n9."]}
    assert "allocations.0.resource" in errors_of(ann, 1, resource="fpga")
    lacking = errors_of(ann, 1, resource="tpu")
    assert lacking == {"allocations.0.resource": ["n1 has no tpu."]}


def test_tags_that_are_asked_for_are_applied(ann, node):
    made = book(ann, 1, tags=("paper", "night"))
    assert [tag.name for tag in made.tags] == ["night", "paper"]


def test_a_start_in_the_past_and_an_empty_name_are_refused(ann, node):
    assert "starts_at" in errors_of(ann, 1, start=-1)
    assert "name" in errors_of(ann, 1, name="  ")
    assert "ends_at" in errors_of(ann, 1, start=2, end=2)


class TestLimitsAreChecked:
    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"user": "ann", "group": "Users"}, "user"),
            ({}, "user"),
            ({"user": "nobody"}, "user"),
            ({"group": "none"}, "group"),
            ({"user": "ann", "nodes": ("n1", "n9")}, "nodes.1"),
            ({"user": "ann", "amount": -1}, "amount"),
            ({"user": "ann", "resource": "fpga"}, "resource"),
        ],
    )
    def test_what_means_nothing_is_refused_at_the_field(self, ann, node, given, field):
        values = {"name": "few", "resource": "gpu", "amount": 1, **given}
        with pytest.raises(Invalid) as refused:
            limit_admin.create(SYSTEM, LimitNew(**values))
        assert list(refused.value.errors) == [field]
        assert limit_admin.search(SYSTEM, LimitFilter()).total == 0

    def test_a_change_to_user_and_group_together_is_refused(self, ann, node):
        limit = make_limit(1, "gpu", user=ann)
        with pytest.raises(Invalid):
            limit_admin.change(SYSTEM, limit.id, LimitChange(user="ann", group="Users"))

    def test_without_nodes_it_counts_on_all_of_them(self, ann, node):
        limit_admin.create(SYSTEM, LimitNew("few", "gpu", 1, user="ann"))
        with pytest.raises(NoRoom):
            book(ann, 2)


class TestDeleting:
    def test_a_node_with_history_is_kept_with_all_that_belongs_to_it(self, ann, node):
        number = make_reservation(ann, hours(-3), ends=hours(-1), allocations={node: {"gpu": 1}}).id
        make_maintenance(node)
        make_limit(1, "gpu", user=ann, nodes=[node])
        with pytest.raises(InUse) as refused:
            nodes.delete(SYSTEM, "n1")
        assert f"reservation {number} " in refused.value.things[0]
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"gpu": 8}
        assert limit_admin.search(SYSTEM, LimitFilter()).total == 1

    def test_a_resource_with_history_is_kept_and_one_with_limits_alone_takes_them_along(
        self, ann, node
    ):
        make_reservation(ann, allocations={node: {"gpu": 1}})
        make_limit(1, "tpu", group=EVERYONE)
        make_limit(1, "gpu", group=EVERYONE, name="stays")
        with pytest.raises(InUse):
            resources.delete(SYSTEM, "gpu")
        resources.delete(SYSTEM, "tpu")
        assert [row.name for row in limit_admin.search(SYSTEM, LimitFilter()).items] == ["stays"]

    def test_an_alias_stays_when_its_last_resource_goes(self, node):
        make_resource("tpu")
        resources.change(SYSTEM, "tpu", ResourceChange(aliases=("accelerator",)))
        resources.delete(SYSTEM, "tpu")
        assert [alias.name for alias in resources.search_aliases().items] == ["accelerator"]


class TestCapacity:
    def test_negative_ones_are_refused(self, node):
        for wanted in (NodeNew("n2", capacities={"gpu": -1}),):
            with pytest.raises(Invalid):
                nodes.create(SYSTEM, wanted)
        with pytest.raises(Invalid):
            nodes.change(SYSTEM, "n1", NodeChange(capacities={"gpu": -1}))
        with pytest.raises(Invalid):
            nodes.set_capacity(SYSTEM, "n1", "gpu", -1)

    def test_lowered_below_what_is_booked_it_keeps_reservations_and_takes_no_more(self, ann, node):
        made = book(ann, 6)
        nodes.change(SYSTEM, "n1", NodeChange(capacities={"gpu": 4}))
        assert made.cancelled_at is None
        with pytest.raises(NoRoom):
            book(ann, 1)
        book(ann, 4, start=3, end=4)  # an over-committed time blocks no other

    def test_one_with_history_is_not_removed(self, ann, node):
        book(ann, 1)
        with pytest.raises(InUse):
            nodes.change(SYSTEM, "n1", NodeChange(capacities={}))


class TestFindingAResource:
    def test_under_its_name_and_under_an_alias_that_is_its_alone(self):
        for name in ("gpu", "tpu"):
            make_resource(name)
        resources.change(SYSTEM, "gpu", ResourceChange(aliases=("cards", "accelerator")))
        resources.change(SYSTEM, "tpu", ResourceChange(aliases=("accelerator", "gpu")))
        assert resources.find("cards").name == "gpu"
        assert resources.find(" gpu ").name == "gpu"  # a name goes before an alias
        with pytest.raises(Invalid) as refused:
            resources.find("accelerator")
        assert refused.value.errors == {
            "resource": ["accelerator may be any of gpu, tpu: write which of them."]
        }
        with pytest.raises(Invalid):
            resources.find("fpga")

    def test_an_alias_that_is_gone_finds_nothing(self):
        make_resource("gpu")
        resources.change(SYSTEM, "gpu", ResourceChange(aliases=("cards",)))
        resources.delete_alias(SYSTEM, "cards")
        with pytest.raises(Invalid):
            resources.find("cards")
        with pytest.raises(NotFound):
            resources.get_alias("cards")
