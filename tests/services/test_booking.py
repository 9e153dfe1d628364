"""Booking: what may be booked and changed when, whole or not at all."""

from datetime import timedelta
from importlib import import_module

import pytest
from sqlalchemy import delete, func, select, update

from remas.errors import (
    Busy,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    NoRoom,
    NotChangeable,
    NotFound,
    Stale,
)
from remas.extensions import db
from remas.models import Audit, Capacity, Node, NodeState, Reservation, Scope, Status
from remas.services import booking
from remas.services.requests import (
    AllocationSpec,
    BookingRequest,
    ChangeRequest,
    Idempotency,
    OfferRequest,
)
from tests.support.factories import (
    actor_of as actor,
)
from tests.support.factories import (
    make_group,
    make_limit,
    make_maintenance,
    make_node,
    make_resource,
    make_user,
)
from tests.support.noon import NOW, hours

pytestmark = pytest.mark.usefixtures("app_context", "noon")


@pytest.fixture
def ann():
    return make_user(username="ann")


@pytest.fixture
def node():
    return make_node("n1", capacities={"gpu": 4})


def wish(start=1, end=2, amount=1, node="n1", resource="gpu", **more):
    specs = (AllocationSpec(node, resource, amount),)
    return BookingRequest("training", hours(start), hours(end), specs, **more)


def book(user, *args, **more):
    return booking.create(actor(user), wish(*args, **more)).reservation


def amounts(reservation):
    return {(a.node.name, a.resource.name): a.amount for a in reservation.allocations}


class TestCreate:
    def test_books_with_allocations_tags_and_audit(self, ann, node):
        reservation = book(ann, amount=3, description="a run", tags=("paper", "paper"))
        assert amounts(reservation) == {("n1", "gpu"): 3}
        assert [tag.name for tag in reservation.tags] == ["paper"]
        assert reservation.status(NOW) is Status.SCHEDULED
        row = db.session.scalars(select(Audit)).one()
        assert (row.action, row.kind, row.actor, row.before) == (
            "create",
            "reservation",
            "ann",
            None,
        )
        assert row.after["allocations"][0]["amount"] == 3

    def test_just_fits_and_one_more_does_not(self, ann, node):
        book(ann, amount=3)
        book(ann, amount=1)
        with pytest.raises(NoRoom) as refused:
            book(ann, amount=1)
        (shortage,) = refused.value.shortages
        assert (shortage.node, shortage.short_by, shortage.reason) == ("n1", 1, "capacity")
        assert {holder.username for holder in shortage.held_by} == {"ann"}
        assert refused.value.offers[0].starts_at == hours(2)  # when the others end
        assert db.session.scalar(select(func.count()).select_from(Reservation)) == 2

    def test_touching_reservations_do_not_conflict(self, ann, node):
        book(ann, 1, 2, 4)
        book(ann, 2, 3, 4)

    def test_maintenance_refuses(self, ann, node):
        make_maintenance(node, hours(1), ends=hours(3))
        with pytest.raises(NoRoom) as refused:
            book(ann, 2, 4)
        assert refused.value.shortages[0].reason == "maintenance"
        assert refused.value.offers[0].starts_at == hours(3)
        book(ann, 3, 4)

    def test_a_limit_counts_what_is_held_at_every_instant(self, ann, node):
        make_limit(2, "gpu", user=ann, scope=Scope.TOTAL, name="few")
        make_node("n2", capacities={"gpu": 4})
        book(ann, 1, 2, 1)
        book(ann, 2, 3, 1)
        book(ann, 1, 3, 1, node="n2")  # never more than two at once
        with pytest.raises(NoRoom) as refused:
            book(ann, 1, 2, 1, node="n2")
        assert refused.value.slug == "limit-exceeded"
        assert refused.value.shortages[0].limit == "few"
        assert refused.value.shortages[0].node is None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"start": -1}, "starts_at"),
            ({"start": 2, "end": 2}, "ends_at"),
            ({"node": "nowhere"}, "allocations.0.node"),
            ({"resource": "magic"}, "allocations.0.resource"),
            ({"resource": "disk"}, "allocations.0.resource"),
            ({"amount": 0}, "allocations.0.amount"),
            ({"amount": -100}, "allocations.0.amount"),
            ({"amount": 2**63}, "allocations.0.amount"),
        ],
    )
    def test_what_cannot_be_meant_is_told_at_its_field(self, ann, node, changes, field):
        make_resource("disk")
        with pytest.raises(Invalid) as refused:
            book(ann, **changes)
        assert list(refused.value.errors) == [field]
        assert db.session.scalar(select(func.count()).select_from(Reservation)) == 0

    def test_the_same_node_and_resource_twice(self, ann, node):
        twice = (AllocationSpec("n1", "gpu", 1), AllocationSpec("n1", "gpu", 1))
        with pytest.raises(Invalid) as refused:
            booking.create(actor(ann), BookingRequest("x", hours(1), hours(2), twice))
        assert list(refused.value.errors) == ["allocations.1"]

    def test_seconds_are_refused(self, ann, node):
        specs = (AllocationSpec("n1", "gpu", 1),)
        odd = BookingRequest("x", hours(1) + timedelta(seconds=1), hours(2), specs)
        with pytest.raises(Invalid) as refused:
            booking.create(actor(ann), odd)
        assert list(refused.value.errors) == ["starts_at"]

    def test_an_offer_can_be_taken_a_moment_later(self, ann, node, noon):
        noon.shift(timedelta(minutes=5))
        assert book(ann, 0, 1).status(NOW + timedelta(minutes=5)) is Status.RUNNING
        noon.shift(timedelta(minutes=1))
        with pytest.raises(Invalid):
            book(ann, 0, 1)

    def test_an_inactive_person_books_nothing(self, ann, node):
        ann.active = False
        db.session.commit()
        with pytest.raises(Forbidden):
            book(ann)


class TestIdempotency:
    def key(self, fingerprint="same"):
        return Idempotency("key", fingerprint, lambda r: {"id": r.id, "name": r.name})

    def test_the_same_request_books_once_and_gets_its_first_answer(self, ann, node, noon):
        first = booking.create(actor(ann), wish(), self.key())
        noon.shift(timedelta(hours=5))  # the start has passed meanwhile
        again = booking.create(actor(ann), wish(), self.key())
        assert first.body == again.body
        assert again.reservation is None
        assert db.session.scalar(select(func.count()).select_from(Reservation)) == 1

    def test_another_request_with_the_key_is_refused(self, ann, node):
        booking.create(actor(ann), wish(), self.key())
        with pytest.raises(IdempotencyMismatch):
            booking.create(actor(ann), wish(), self.key("other"))

    def test_a_key_is_free_after_a_refusal_and_after_a_day(self, ann, node, noon):
        with pytest.raises(NoRoom):
            booking.create(actor(ann), wish(amount=5), self.key())
        booking.create(actor(ann), wish(30, 31), self.key("other"))
        noon.shift(timedelta(hours=24, seconds=1))
        booking.create(actor(ann), wish(40, 41), self.key("third"))

    def test_keys_of_different_people_do_not_meet(self, ann, node):
        booking.create(actor(ann), wish(), self.key())
        assert booking.create(actor(make_user(username="bob")), wish(), self.key("x")).reservation


class TestChange:
    def change(self, user, reservation, admin=False, **fields):
        return booking.change(actor(user, admin), reservation.id, ChangeRequest(**fields))

    def test_a_scheduled_one_changes_in_everything(self, ann, node):
        make_node("n2", capacities={"gpu": 2})
        changed = self.change(
            ann,
            book(ann),
            name="other",
            starts_at=hours(5),
            ends_at=hours(6),
            allocations=(AllocationSpec("n2", "gpu", 2),),
            tags=("t",),
        )
        assert (changed.name, changed.starts_at, changed.version) == ("other", hours(5), 2)
        assert amounts(changed) == {("n2", "gpu"): 2}

    def test_its_own_use_does_not_count(self, ann, node):
        reservation = book(ann, 1, 3, 4)
        assert self.change(ann, reservation, starts_at=hours(2), ends_at=hours(4)).version == 2

    def test_what_does_not_fit_changes_nothing(self, ann, node):
        book(ann, 3, 4, 4)
        reservation = book(ann, 1, 2, 4)
        with pytest.raises(NoRoom) as refused:
            self.change(ann, reservation, name="new", ends_at=hours(4))
        assert refused.value.offers[0].starts_at == hours(4)
        db.session.expire_all()
        after = db.session.get(Reservation, reservation.id)
        assert (after.name, after.ends_at, after.version) == ("training", hours(2), 1)

    def test_less_is_always_allowed(self, ann, node):
        reservation = book(ann, 1, 5, 4)
        db.session.scalars(select(Capacity)).one().amount = 1
        make_limit(0, "gpu", user=ann)
        make_maintenance(node, hours(0), ends=hours(9))
        db.session.commit()
        smaller = (AllocationSpec("n1", "gpu", 3),)
        changed = self.change(ann, reservation, ends_at=hours(4), allocations=smaller)
        assert amounts(changed) == {("n1", "gpu"): 3}
        with pytest.raises(NoRoom):
            self.change(ann, reservation, ends_at=hours(5))

    def test_a_running_one_keeps_start_and_nodes(self, ann, node, noon):
        make_node("n2", capacities={"gpu": 2})
        reservation = book(ann, 1, 3, 2)
        noon.shift(timedelta(hours=2))
        for change in (
            {"starts_at": hours(2)},
            {"allocations": (AllocationSpec("n2", "gpu", 2),)},
            {"allocations": (AllocationSpec("n1", "gpu", 2), AllocationSpec("n2", "gpu", 1))},
        ):
            with pytest.raises(NotChangeable):
                self.change(ann, reservation, **change)
        more = (AllocationSpec("n1", "gpu", 4),)
        changed = self.change(ann, reservation, ends_at=hours(6), allocations=more)
        assert (changed.ends_at, amounts(changed)) == (hours(6), {("n1", "gpu"): 4})
        with pytest.raises(Invalid):
            self.change(ann, reservation, ends_at=hours(2))

    def test_of_a_running_one_only_what_is_to_come_is_checked(self, ann, node, noon):
        reservation = book(ann, 1, 4, 2)
        book(ann, 1, 2, 2)  # over by the time of the change
        noon.shift(timedelta(hours=3))
        self.change(ann, reservation, allocations=(AllocationSpec("n1", "gpu", 4),))

    def test_the_past_changes_in_words_only(self, ann, node, noon):
        reservation = book(ann, 1, 2)
        noon.shift(timedelta(hours=3))
        assert self.change(ann, reservation, name="done", tags=("t",)).name == "done"
        for change in ({"ends_at": hours(5)}, {"allocations": (AllocationSpec("n1", "gpu", 2),)}):
            with pytest.raises(NotChangeable):
                self.change(ann, reservation, **change)

    def test_naming_what_it_is_already_is_no_change(self, ann, node, noon):
        reservation = book(ann, 1, 2)
        noon.shift(timedelta(hours=3))
        same = self.change(ann, reservation, starts_at=hours(1), ends_at=hours(2), name="training")
        assert same.version == 1

    def test_others_may_not_and_administrators_may(self, ann, node):
        reservation = book(ann)
        bob = make_user(username="bob")
        with pytest.raises(Forbidden):
            self.change(bob, reservation, name="mine")
        assert self.change(bob, reservation, admin=True, name="moved").name == "moved"

    def test_the_owners_limits_count_whoever_changes(self, ann, node):
        reservation = book(ann, amount=1)
        make_limit(1, "gpu", user=ann)
        with pytest.raises(NoRoom):
            self.change(
                make_user(username="root"),
                reservation,
                admin=True,
                allocations=(AllocationSpec("n1", "gpu", 2),),
            )

    def test_a_stale_version_is_refused(self, ann, node):
        reservation = book(ann)
        self.change(ann, reservation, name="first", version=1)
        with pytest.raises(Stale):
            self.change(ann, reservation, name="second", version=1)

    def test_an_unknown_one(self, ann):
        with pytest.raises(NotFound):
            booking.change(actor(ann), 4711, ChangeRequest(name="x"))


class TestRetiredNodes:
    """What is held on a node that is gone can be kept and given back, but nothing new is taken."""

    def test_less_and_the_same_are_allowed_and_more_is_not(self, ann, node):
        make_node("n2", capacities={"gpu": 4})
        both = (AllocationSpec("n1", "gpu", 2), AllocationSpec("n2", "gpu", 2))
        wanted = BookingRequest("both", hours(1), hours(2), both)
        reservation = booking.create(actor(ann), wanted).reservation
        db.session.execute(update(Node).where(Node.name == "n1").values(state=NodeState.RETIRED))
        db.session.commit()

        def change(amount):
            specs = (AllocationSpec("n1", "gpu", amount), both[1])
            return booking.change(actor(ann), reservation.id, ChangeRequest(allocations=specs))

        assert change(2).version == 1
        assert change(1).version == 2
        with pytest.raises(NoRoom) as refused:
            change(2)
        assert refused.value.shortages[0].reason == "drained"
        with pytest.raises(Invalid):
            book(ann)


def test_a_node_renamed_while_one_waits_for_its_lock_is_still_the_node(ann, node, monkeypatch):
    lock = booking.locks.lock

    def renaming(session, users=(), nodes=()):
        lock(session, users, nodes)
        if nodes:
            session.execute(update(Node).values(name="renamed"))

    monkeypatch.setattr(booking.locks, "lock", renaming)
    reservation = book(ann)
    db.session.expire_all()
    assert amounts(reservation) == {("renamed", "gpu"): 1}


def test_a_node_deleted_while_one_waits_for_its_lock(ann, node, monkeypatch):
    lock = booking.locks.lock

    def deleting(session, users=(), nodes=()):
        lock(session, users, nodes)
        if nodes:
            session.execute(delete(Capacity))
            session.execute(delete(Node))

    monkeypatch.setattr(booking.locks, "lock", deleting)
    with pytest.raises(Busy):
        book(ann)


def test_a_refusal_stands_when_nobody_can_be_asked_for_advice(ann, node, monkeypatch):
    def busy(*_args, **_more):
        raise Busy("x")

    # The package's name for the function hides the module of the same name.
    monkeypatch.setattr(import_module("remas.services.availability.search"), "_answer", busy)
    with pytest.raises(NoRoom) as refused:
        book(ann, amount=5)
    assert refused.value.offers == ()


class TestCancelAndRelease:
    def test_cancelling_frees_at_once_and_again_is_the_same(self, ann, node):
        reservation = book(ann, 1, 2, 4)
        for _ in range(2):
            assert booking.cancel(actor(ann), reservation.id).status(NOW) is Status.CANCELLED
        book(ann, 1, 2, 4)
        assert [row.action for row in db.session.scalars(select(Audit).order_by(Audit.id))] == [
            "create",
            "cancel",
            "create",
        ]

    def test_what_has_begun_is_released_not_cancelled(self, ann, node, noon):
        reservation = book(ann, 1, 5, 4)
        with pytest.raises(NotChangeable):
            booking.release(actor(ann), reservation.id)
        noon.shift(timedelta(hours=2, seconds=1))
        with pytest.raises(NotChangeable):
            booking.cancel(actor(ann), reservation.id)
        for _ in range(2):
            released = booking.release(actor(ann), reservation.id)
            assert released.ends_at == hours(2) + timedelta(minutes=1)
            assert released.status(hours(2)) is Status.FINISHED
            noon.shift(timedelta(minutes=5))
        book(ann, 3, 5, 4)

    def test_a_release_in_the_first_minute_and_in_the_last(self, ann, node, noon):
        first = book(ann, 1, 5)
        last = book(ann, 1, 2)
        noon.shift(timedelta(hours=1))
        minute = timedelta(minutes=1)
        assert booking.release(actor(ann), first.id).ends_at == hours(1) + minute
        noon.shift(timedelta(minutes=59, seconds=30))
        assert booking.release(actor(ann), last.id).ends_at == hours(2)

    def test_what_is_over_cannot_be_released(self, ann, node, noon):
        reservation = book(ann, 1, 2)
        noon.shift(timedelta(hours=2))
        with pytest.raises(NotChangeable):
            booking.release(actor(ann), reservation.id)


class TestTags:
    def test_set_and_unset_are_repeatable(self, ann, node):
        reservation = book(ann)
        for _ in range(2):
            tagged = booking.set_tag(actor(ann), reservation.id, "paper")
            assert [tag.name for tag in tagged.tags] == ["paper"]
        for _ in range(2):
            assert booking.unset_tag(actor(ann), reservation.id, "paper").tags == []

    def test_an_administrators_tag_is_the_owners(self, ann, node):
        tagged = booking.set_tag(actor(make_user(), admin=True), book(ann).id, "x")
        assert tagged.tags[0].user_id == ann.id


def test_book_earliest_takes_the_first_offer(ann, node):
    book(ann, 0, 3, 4)
    wanted = OfferRequest(timedelta(hours=2), demands={"gpu": 2})
    answers = []
    reservation = booking.book_earliest(actor(ann), wanted, "next", answers.append)
    assert reservation.starts_at == hours(3)
    assert [answer.status for answer in answers] == ["optimal"]


def test_book_earliest_asks_again_when_its_offer_is_taken(ann, node, monkeypatch):
    search, bob = booking.search, make_user("bob")

    def overtaken(asker, wish):
        answer = search(asker, wish)
        if len(answers) < 2:  # somebody is faster, twice
            offer = answer.offers[0]
            taken = BookingRequest("faster", offer.starts_at, offer.ends_at, offer.allocations)
            booking.create(actor(bob), taken)
        return answer

    answers = []
    monkeypatch.setattr(booking, "search", overtaken)
    wanted = OfferRequest(timedelta(hours=2), demands={"gpu": 4})
    reservation = booking.book_earliest(actor(ann), wanted, "next", answers.append)
    assert reservation.starts_at == hours(4)
    assert len(answers) == 3


def test_members_of_a_group_share_its_limit_each_for_himself(node):
    group = make_group("students")
    make_limit(1, "gpu", group=group)
    for name in ("ann", "bob"):
        person = make_user(username=name, group=group)
        book(person)
        with pytest.raises(NoRoom):
            book(person)


def test_the_order_of_locks_is_owner_then_nodes(ann, node, monkeypatch):
    taken = []
    monkeypatch.setattr(
        booking.locks,
        "lock",
        lambda session, users=(), nodes=(): taken.append((sorted(users), sorted(nodes))),
    )
    book(ann)
    assert taken == [([ann.id], []), ([], [node.id])]
