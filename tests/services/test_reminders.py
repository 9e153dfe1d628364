"""Reminders follow what they depend on: who has which notifications, and what is reserved when."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from remas.extensions import db
from remas.models import (
    USERS,
    Group,
    Notification,
    NotificationType,
    Outbox,
    OutboxKind,
    OutboxState,
)
from remas.services import (
    admission,
    assignments,
    booking,
    groups,
    locks,
    notifications,
    notified,
    outbox,
    reminders,
    users,
)
from remas.services.actor import SYSTEM
from remas.services.admission import Terms, Vouched
from remas.services.groups import GroupChange, GroupNew
from remas.services.requests import AllocationSpec, BookingRequest, ChangeRequest
from remas.services.transaction import writing
from remas.services.users import UserChange
from tests.support import factories
from tests.support.factories import (
    actor_of,
    make_default_groups,
    make_group,
    make_node,
    make_reservation,
    make_user,
)
from tests.support.noon import NOW
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context", "noon")

START, END = NotificationType.TASK_START, NotificationType.TASK_END
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STAFF = ("staff", "told")


def make_notification(type=START, offset=600, users=(), groups=(), owner=None, **fields):
    make_default_groups()
    rows = [db.session.get_one(Group, getattr(group, "id", group)) for group in groups]
    return factories.make_notification(
        type=type, users=users, groups=rows, owner=owner, time_offset=offset, **fields
    )


def planned(state=OutboxState.WAITING):
    """What stands in the outbox in this state: (username, reservation, due), in order."""
    db.session.rollback()
    rows = db.session.scalars(
        select(Outbox).where(Outbox.kind == OutboxKind.REMINDER).order_by(Outbox.due_at, Outbox.id)
    )
    return [
        (row.recipient.username, row.reservation_id, row.due_at)
        for row in rows
        if row.state is state
    ]


def dropped():
    """Why planned ones were taken out."""
    db.session.rollback()
    rows = db.session.scalars(
        select(Outbox).where(Outbox.dropped_at.is_not(None)).order_by(Outbox.id)
    )
    return [row.reason for row in rows]


def replan(*people):
    with writing() as session:
        ids = [person.id for person in people]
        locks.lock(session, users=ids)
        reminders.replan(session, ids)


def book(owner, start=2, hours=2):
    node = make_node()
    wish = BookingRequest(
        "job",
        NOW + start * HOUR,
        NOW + (start + hours) * HOUR,
        (AllocationSpec(node.name, "cpu", 1),),
    )
    return booking.create(actor_of(owner), wish).reservation


def effective(*people):
    db.session.rollback()
    return notified.effective(db.session(), [person.id for person in people])


class TestWhoHasWhat:
    def test_directly_by_the_group_and_by_groups_above_each_once(self):
        above = make_group("above")
        below = make_group("below", parent=above)
        ann, bob = make_user("ann", group=below), make_user("bob", group=above)
        everywhere = make_notification(users=[ann], groups=[below, above])
        upper = make_notification(groups=[above])
        lower = make_notification(groups=[below])
        assert effective(ann, bob) == {
            ann.id: {everywhere.id, upper.id, lower.id},
            bob.id: {everywhere.id, upper.id},
        }

    def test_a_persons_own_counts_for_that_person_alone(self):
        ann, bob = make_user("ann"), make_user("bob")
        own = make_notification(owner=ann, users=[ann, bob], groups=[USERS])
        assert effective(ann, bob) == {ann.id: {own.id}}

    def test_one_query_however_many(self, app):
        group = None
        for _ in range(5):
            group = make_group(parent=group)
        people = [make_user(group=group) for _ in range(5)]
        make_notification(groups=[group])
        with counted(app) as statements:
            assert len(effective(*people)) == 5
        assert len([s for s in statements if "SELECT" in s]) == 1


class TestBooking:
    def test_a_booking_is_reminded_of_before_its_start_and_before_its_end(self):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        make_notification(END, 300, users=[ann])
        made = book(ann)
        assert planned() == [
            ("ann", made.id, made.starts_at - 10 * MINUTE),
            ("ann", made.id, made.ends_at - 5 * MINUTE),
        ]

    def test_a_negative_offset_speaks_afterwards(self):
        ann = make_user("ann")
        make_notification(START, -600, users=[ann])
        make_notification(END, -300, users=[ann])
        made = book(ann)
        assert [due for _, _, due in planned()] == [
            made.starts_at + 10 * MINUTE,
            made.ends_at + 5 * MINUTE,
        ]

    def test_what_would_be_said_of_a_start_when_all_is_over_is_not_planned(self):
        ann = make_user("ann")
        make_notification(START, -2 * 3600, users=[ann])
        book(ann, hours=2)
        assert planned() == []

    def test_what_is_due_already_when_it_is_planned_is_not_sent(self):
        ann = make_user("ann")
        make_notification(START, 2 * 3600, users=[ann])
        make_notification(START, 2 * 3600 - 60, users=[ann])
        made = book(ann, start=2)
        assert planned() == [("ann", made.id, NOW + MINUTE)]

    def test_another_time_moves_them(self):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        make_notification(END, 600, users=[ann])
        made = book(ann)
        change = ChangeRequest(starts_at=NOW + 5 * HOUR, ends_at=NOW + 6 * HOUR)
        booking.change(actor_of(ann), made.id, change)
        assert [due for *_, due in planned()] == [
            NOW + 5 * HOUR - 10 * MINUTE,
            NOW + 6 * HOUR - 10 * MINUTE,
        ]
        assert dropped() == [reminders.MOVED] * 2

    def test_moved_away_and_back_it_is_planned_once(self):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        made = book(ann, start=2)
        for start in (5, 2):
            change = ChangeRequest(starts_at=NOW + start * HOUR, ends_at=NOW + 8 * HOUR)
            booking.change(actor_of(ann), made.id, change)
        assert planned() == [("ann", made.id, NOW + 2 * HOUR - 10 * MINUTE)]

    def test_of_what_was_said_it_is_not_reminded_again(self, noon):
        ann = make_user("ann")
        notification = make_notification(START, 600, users=[ann])
        made = book(ann, start=2)
        sent(1)
        for start in (5, 2):
            change = ChangeRequest(starts_at=NOW + start * HOUR, ends_at=NOW + 8 * HOUR)
            booking.change(actor_of(ann), made.id, change)
        assert planned() == []
        change_offset(notification, 300)
        assert planned() == []
        assert planned(OutboxState.SENT) == [("ann", made.id, NOW + 2 * HOUR - 10 * MINUTE)]

    def test_a_new_name_changes_nothing(self):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        made = book(ann)
        before = planned()
        booking.change(actor_of(ann), made.id, ChangeRequest(name="another"))
        assert planned() == before

    @pytest.mark.parametrize("happens", ["cancelled", "moved"])
    def test_what_is_sent_in_the_meantime_stays_sent(self, monkeypatch, happens):
        """By a worker, between looking what is planned and writing what is to be."""
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        made = book(ann)
        due_at = made.starts_at - 10 * MINUTE
        plan = reminders._plan

        def meanwhile(session, *rest):
            session.execute(update(Outbox).values(done_at=NOW, reason=outbox.MAIL_IS_OFF))
            plan(session, *rest)

        monkeypatch.setattr(reminders, "_plan", meanwhile)
        if happens == "cancelled":
            booking.cancel(actor_of(ann), made.id)
        else:
            change_offset(db.session.scalar(select(Notification)), 60)
        assert planned(OutboxState.NOT_SENT) == [("ann", made.id, due_at)]
        assert dropped() == []

    def test_cancelled_there_is_nothing_to_say(self):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        made = book(ann)
        booking.cancel(actor_of(ann), made.id)
        assert (planned(), dropped()) == ([], [reminders.CANCELLED])

    def test_released_early_its_end_is_another_one(self, noon):
        ann = make_user("ann")
        make_notification(END, 600, users=[ann])
        make_notification(END, -600, users=[ann])
        made = book(ann, start=1, hours=4)
        noon.shift(2 * HOUR)
        booking.release(actor_of(ann), made.id)
        assert planned() == [("ann", made.id, NOW + 2 * HOUR + 10 * MINUTE)]
        assert dropped() == [reminders.MOVED] * 2

    def test_what_waits_for_another_try_is_left_alone(self, noon):
        ann = make_user("ann")
        make_notification(START, 600, users=[ann])
        made = book(ann, start=2)
        noon.shift(2 * HOUR - 9 * MINUTE)
        replan(ann)
        assert [reservation for _, reservation, _ in planned()] == [made.id]


def sent(number):
    """So many of the planned ones went out."""
    rows = db.session.scalars(select(Outbox).order_by(Outbox.due_at)).all()
    for row in rows[:number]:
        row.done_at = NOW
    db.session.commit()


def change_offset(notification, seconds):
    wish = notifications.NotificationChange(time_offset=seconds)
    notifications.change(SYSTEM, notification.id, wish)
    db.session.rollback()


class TestAssigning:
    def test_assigned_it_counts_for_all_that_is_coming(self):
        ann, bob = make_user("ann"), make_user("bob")
        coming = make_reservation(ann, NOW + HOUR)
        make_reservation(ann, NOW - 5 * HOUR)
        make_reservation(ann, NOW + HOUR, cancelled_at=NOW)
        make_reservation(bob, NOW + HOUR)
        notification = make_notification(START, 600)
        assignments.assign(SYSTEM, notification.id, user="ann")
        assert planned() == [("ann", coming.id, NOW + HOUR - 10 * MINUTE)]
        assignments.assign(SYSTEM, notification.id, user="ann")
        assert len(planned()) == 1

    def test_due_already_it_is_not_sent(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + 5 * MINUTE)
        notification = make_notification(START, 600)
        assignments.assign(SYSTEM, notification.id, user="ann")
        assert planned() == []

    def test_taken_away_it_is_dropped_and_given_back_planned_again(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann])
        replan(ann)
        assignments.unassign(SYSTEM, notification.id, user="ann")
        assert (planned(), dropped()) == ([], [reminders.UNASSIGNED])
        assignments.assign(SYSTEM, notification.id, user="ann")
        assert (len(planned()), dropped()) == (1, [])

    def test_what_an_administrator_took_out_stays_out(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        make_notification(START, 600, users=[ann])
        replan(ann)
        outbox.drop(SYSTEM, db.session.scalar(select(Outbox.id)))
        replan(ann)
        assert (planned(), dropped()) == ([], [outbox.BY_HAND])

    def test_whom_it_still_reaches_otherwise_keeps_it(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann], groups=[USERS])
        replan(ann)
        before = planned()
        assignments.unassign(SYSTEM, notification.id, user="ann")
        assert planned() == before != []

    def test_a_group_means_everybody_below_it(self):
        above = make_group("above")
        below = make_group("below", parent=above)
        ann = make_user("ann", group=below)
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600)
        assignments.assign(SYSTEM, notification.id, group="above")
        assert [name for name, *_ in planned()] == ["ann"]
        assignments.unassign(SYSTEM, notification.id, group="above")
        assert planned() == []

    def test_another_offset_moves_what_is_to_come(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann])
        replan(ann)
        change_offset(notification, 1200)
        assert [due for *_, due in planned()] == [NOW + 40 * MINUTE]

    def test_an_offset_for_which_it_is_too_late_takes_it_out(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann])
        replan(ann)
        change_offset(notification, 7200)
        assert (planned(), dropped()) == ([], [reminders.DUE_ALREADY])

    def test_deleted_it_says_nothing_more(self):
        ann = make_user("ann")
        make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann])
        replan(ann)
        notifications.delete(SYSTEM, notification.id)
        assert (planned(), dropped()) == ([], [reminders.DELETED])

    def test_another_one_with_the_number_of_a_deleted_one_is_another_one(self):
        ann = make_user("ann")
        made = make_reservation(ann, NOW + HOUR)
        notification = make_notification(START, 600, users=[ann])
        replan(ann)
        sent(1)
        notifications.delete(SYSTEM, notification.id)
        db.session.rollback()
        make_notification(START, 600, users=[ann], id=notification.id)
        replan(ann)
        assert planned() == [("ann", made.id, NOW + 50 * MINUTE)]


class TestGroups:
    @pytest.fixture(autouse=True)
    def _a_reservation_and_a_group_that_is_told(self, app_context, noon):
        make_reservation(make_user("ann"), NOW + HOUR)
        make_notification(START, 600, groups=[make_group("told")])

    def people(self):
        return [name for name, *_ in planned()]

    def test_joining_and_leaving_by_the_account(self):
        users.change(SYSTEM, "ann", UserChange(group="told"))
        assert self.people() == ["ann"]
        users.change(SYSTEM, "ann", UserChange(group="Users"))
        assert self.people() == []

    def test_joining_and_leaving_by_the_group(self):
        groups.change(SYSTEM, "told", GroupChange(members=("ann",)))
        assert self.people() == ["ann"]
        groups.change(SYSTEM, "told", GroupChange(members=()))
        assert self.people() == []

    def test_a_group_made_with_its_members(self):
        groups.create(SYSTEM, GroupNew("below", parent="told", members=("ann",)))
        assert self.people() == ["ann"]

    def test_the_group_moves_in_the_tree(self):
        groups.create(SYSTEM, GroupNew("mine", parent="Everyone", members=("ann",)))
        assert self.people() == []
        groups.change(SYSTEM, "mine", GroupChange(parent="told"))
        assert self.people() == ["ann"]
        groups.change(SYSTEM, "mine", GroupChange(parent="Everyone"))
        assert self.people() == []

    def test_the_group_goes_and_those_below_it_lose_what_it_had(self):
        groups.create(SYSTEM, GroupNew("below", parent="told", members=("ann",)))
        groups.delete(SYSTEM, "told")
        assert (self.people(), dropped()) == ([], [reminders.UNASSIGNED])

    def test_whom_a_provider_puts_into_a_group_is_told_as_well(self):
        with writing() as session:
            who, terms = Vouched("the provider", "ann", groups=["staff"]), Terms(groups=(STAFF,))
            admission.admit(session, who, terms, None)
        assert self.people() == ["ann"]

    def test_leaving_does_not_touch_what_was_sent(self):
        users.change(SYSTEM, "ann", UserChange(group="told"))
        sent(1)
        users.change(SYSTEM, "ann", UserChange(group="Users"))
        users.change(SYSTEM, "ann", UserChange(group="told"))
        assert (planned(), len(planned(OutboxState.SENT))) == ([], 1)

    def test_a_closed_account_is_told_nothing_and_opened_again_it_is(self):
        users.change(SYSTEM, "ann", UserChange(group="told"))
        users.change(SYSTEM, "ann", UserChange(active=False))
        assert (self.people(), dropped()) == ([], [reminders.CLOSED])
        users.change(SYSTEM, "ann", UserChange(active=True))
        assert self.people() == ["ann"]


class TestCost:
    def test_the_number_of_queries_does_not_grow(self, app):
        def statements_for(people, each):
            made = [make_user() for _ in range(people)]
            for person in made:
                for number in range(each):
                    make_reservation(person, NOW + (number + 1) * HOUR)
            with counted(app) as statements:
                replan(*made)
            return len(statements)

        make_notification(START, 600, groups=[USERS])
        make_notification(END, 600, groups=[USERS])
        assert statements_for(1, 1) == statements_for(10, 5)
        assert len(planned()) == 2 * (1 + 50)

    def test_more_people_than_one_query_takes(self, monkeypatch):
        monkeypatch.setattr(reminders, "PEOPLE_AT_ONCE", 2)
        make_notification(START, 600, groups=[USERS])
        people = [make_user() for _ in range(5)]
        for person in people:
            make_reservation(person, NOW + HOUR)
        replan(*people)
        assert len(planned()) == 5
