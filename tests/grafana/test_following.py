"""Grafana follows by itself: every change that matters reaches it, at once and in one run."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from remas.extensions import db
from remas.models import NodeState, Notification, NotificationType, Reservation, User
from remas.services import (
    assignments,
    booking,
    groups,
    made_good,
    nodes,
    notifications,
    resources,
    setup,
    users,
)
from remas.services.actor import SYSTEM
from remas.services.groups import GroupChange, GroupNew
from remas.services.nodes import NodeChange, NodeNew
from remas.services.notifications import NotificationChange
from remas.services.requests import AllocationSpec, ChangeRequest
from remas.services.resources import ResourceChange
from remas.services.transaction import writing
from remas.services.users import ProfileChange, UserChange, UserNew
from tests.support.factories import make_notification
from tests.support.followed import (
    PEOPLE,
    Followed,
    acting,
    amount,
    book,
    person,
    too_much,
)
from tests.support.grafana_wishes import TEMPLATE
from tests.support.noon import hours

Do = Callable[[Followed], object]


# What is there before a change, and the change


def _nothing(_site: Followed) -> object:
    return None


def _own_alert(site: Followed) -> object:
    """Somebody's own alert, which nobody has approved yet."""
    draft = notifications.Draft(
        name="mine",
        type=NotificationType.EXCEEDANCE_GENERAL,
        template=TEMPLATE,
        resource="cpu",
        default_amount=3,
    )
    return notifications.create(acting(), draft, own=True)


def _own(name: str) -> int:
    return db.session.scalars(select(Notification.id).where(Notification.name == name)).one()


def _change_notification(**fields: object) -> Do:
    return lambda _site: notifications.change(
        SYSTEM,
        too_much(),
        NotificationChange(**fields),  # type: ignore[arg-type]
    )


def _reserved_later(_site: Followed) -> object:
    return book(start=1, end=2)


def _the_reservation() -> int:
    return db.session.scalars(select(Reservation.id)).one()


def _running(_site: Followed) -> object:
    return book()


CHANGES: dict[str, tuple[Do, Do]] = {
    "profile": (_nothing, lambda _: users.update_me(acting(), ProfileChange(name="Anna"))),
    "address": (_nothing, lambda _: users.update_me(acting(), ProfileChange(email="a@b.org"))),
    "a new person": (
        _nothing,
        lambda _: users.create(SYSTEM, UserNew("zoe", "zoe@example.org", 4711)),
    ),
    "deactivated": (_nothing, lambda _: users.change(SYSTEM, "ann", UserChange(active=False))),
    "deleted": (_nothing, lambda _: users.delete(SYSTEM, "gus")),
    "an administrator": (
        _nothing,
        lambda _: users.change(SYSTEM, "ann", UserChange(group="Administrators")),
    ),
    "a group above administrators": (
        lambda _: groups.create(SYSTEM, GroupNew("staff", parent="Everyone", members=("ann",))),
        lambda _: groups.change(SYSTEM, "staff", GroupChange(parent="Administrators")),
    ),
    "a group's members": (
        _nothing,
        lambda _: groups.create(SYSTEM, GroupNew("apart", members=("ann",))),
    ),
    "a group deleted": (
        lambda _: groups.create(SYSTEM, GroupNew("apart", members=("ann",))),
        lambda _: groups.delete(SYSTEM, "apart"),
    ),
    "notification made for oneself and approved": (
        _own_alert,
        lambda _: notifications.approve(SYSTEM, _own("mine")),
    ),
    "notification's template": (
        _nothing,
        _change_notification(template=TEMPLATE.replace("300s", "5m").replace("ops", "noc")),
    ),
    "notification's default amount": (_nothing, _change_notification(default_amount=2)),
    "notification deleted": (_nothing, lambda _: notifications.delete(SYSTEM, too_much())),
    "notification no longer assigned": (
        _nothing,
        lambda _: assignments.unassign(SYSTEM, too_much(), group="Everyone"),
    ),
    "notification assigned": (
        lambda _: make_notification(
            "more",
            NotificationType.EXCEEDANCE_GENERAL,
            template=TEMPLATE,
            default_amount=5,
            resource_id=resources.get("cpu").id,
        ),
        lambda _: assignments.assign(SYSTEM, _own("more"), user="ann"),
    ),
    "a new node": (
        _nothing,
        lambda _: nodes.create(SYSTEM, NodeNew("n3", capacities={"cpu": 2})),
    ),
    "a node renamed": (_nothing, lambda _: nodes.change(SYSTEM, "n1", NodeChange(name="m1"))),
    "a node retired": (
        _nothing,
        lambda _: nodes.change(SYSTEM, "n1", NodeChange(state=NodeState.RETIRED)),
    ),
    "a node deleted": (_nothing, lambda _: nodes.delete(SYSTEM, "n2")),
    "capacity gone": (_nothing, lambda _: nodes.remove_capacity(SYSTEM, "n1", "cpu")),
    "capacity 0": (_nothing, lambda _: nodes.set_capacity(SYSTEM, "n1", "cpu", 0)),
    "a resource renamed": (
        _change_notification(template=TEMPLATE.replace("used{", 'used{of=\\"${resource_name}\\",')),
        lambda _: resources.change(SYSTEM, "cpu", ResourceChange(name="core")),
    ),
    "reservation made": (_nothing, _running),
    "reservation's amount": (
        _running,
        lambda _: booking.change(
            acting(),
            _the_reservation(),
            ChangeRequest(allocations=(AllocationSpec("n1", "cpu", 6),)),
        ),
    ),
    "reservation started": (_reserved_later, lambda site: site.clock.move_to(hours(1))),
    "reservation ended": (_running, lambda site: site.clock.move_to(hours(2))),
    "reservation released": (_running, lambda _: booking.release(acting(), _the_reservation())),
}


OF_WORDS = ("notification's template", "a resource renamed")
"""Changes of what a rule says: that it differs, only Grafana's own rule tells."""


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_that_matters_reaches_grafana(site: Followed, name: str) -> None:
    before, change = CHANGES[name]
    before(site)
    site.tick()
    assert site.amiss() == []
    site.double.forget()
    change(site)
    if name == "reservation released":
        site.later(minutes=1)  # it ends with the minute
    assert site.double.writes() == []  # the change itself did nothing there
    if name not in OF_WORDS:
        assert site.amiss() != []  # else there is nothing to see here
    assert site.tick()
    assert site.amiss() == []
    assert site.double.writes() != []
    assert site.marks() == []
    assert not site.tick()


@pytest.mark.parametrize(
    "change",
    [
        lambda site: booking.cancel(acting(), _the_reservation()),
        lambda site: booking.change(
            acting(), _the_reservation(), ChangeRequest(starts_at=hours(3), ends_at=hours(4))
        ),
    ],
    ids=["cancelled", "put off"],
)
def test_a_reservation_cancelled_or_put_off_before_its_start(site: Followed, change: Do) -> None:
    """Nothing that was planned for it goes on."""
    _reserved_later(site)
    site.tick()
    change(site)
    site.tick()
    site.clock.move_to(hours(1.5))
    site.tick()
    assert amount(site) == 1
    assert site.amiss() == []


def test_the_first_administrator_is_marked(site: Followed) -> None:
    users.delete(SYSTEM, "gus")
    for admin in db.session.scalars(select(User).where(User.username == "root")):
        admin.active = False
    db.session.commit()
    site.tick()
    made = setup.initialise(site.app.config["REMAS"])
    assert made
    assert [mark.user_id for mark in site.marks()] == [person(made.username).id]


# What a change costs


def test_many_triggers_are_one_run(site: Followed) -> None:
    for number in range(5):
        users.update_me(acting(), ProfileChange(name=f"Ann {number}"))
    reservation_id = book()
    booking.change(acting(), reservation_id, ChangeRequest(name="other"))
    assert len(site.marks()) == 7
    site.tick()
    lookups = [call for call in site.double.reads() if "users/lookup" in call]
    assert len(lookups) == 1
    assert len(site.double.writes()) == 2  # the account and its rules
    assert not site.tick()


def test_only_those_whom_a_change_concerns_are_looked_at(site: Followed) -> None:
    users.update_me(acting(), ProfileChange(name="Anna"))
    site.tick()
    others = [f"user-{person(name).id}" for name in PEOPLE[1:]]
    assert not [call for call in site.double.log if any(one in str(call) for one in others)]


def test_rules_are_listed_once_a_run_not_once_a_person(site: Followed) -> None:
    for name in PEOPLE:
        users.update_me(acting(name), ProfileChange(surname="New"))
    site.tick()
    assert site.double.reads().count("GET /v1/provisioning/alert-rules") == 1
    assert site.double.reads().count("GET /folders") == 1


def test_now_and_then_everybody_is_looked_at_marked_or_not(site: Followed) -> None:
    site.double.state.rules.clear()  # behind our back
    assert not site.tick()
    site.later(minutes=60)
    assert site.tick()
    assert site.amiss() == []
    site.later(minutes=59)
    assert not site.tick()


def test_marks_that_were_made_for_somebody_deleted_since(site: Followed) -> None:
    gus = person("gus").id
    users.update_me(acting("gus"), ProfileChange(name="Gustav"))
    users.delete(SYSTEM, "gus")
    with writing() as session:
        session.query(made_good.GrafanaMark).filter_by(user_id=None).delete()
    assert [mark.user_id for mark in site.marks()] == [gus]
    site.tick()
    assert site.amiss() == []
    assert f"remas-cp-{gus}" not in site.double.state.contacts


# Defects of the earlier system, by name


def test_general_alerts_do_not_vanish_when_a_reservation_starts_or_ends(site: Followed) -> None:
    notifications.change(
        SYSTEM, too_much(), NotificationChange(type=NotificationType.EXCEEDANCE_GENERAL)
    )
    site.tick()
    before = site.thresholds(person())
    assert len(before) == 2
    book(start=0, end=1)
    for at in (0, 0.5, 1, 2):
        site.clock.move_to(hours(at))
        site.tick()
        assert site.thresholds(person()) == before


def test_amounts_of_a_running_reservation_and_its_end_reach_the_threshold_at_once(
    site: Followed,
) -> None:
    reservation_id = book(cpu=4)
    site.tick()
    assert amount(site) == 4
    more = ChangeRequest(allocations=(AllocationSpec("n1", "cpu", 6),))
    booking.change(acting(), reservation_id, more)
    site.tick()
    assert amount(site) == 6
    site.later(minutes=10, seconds=20)
    booking.release(acting(), reservation_id)
    site.tick()
    assert amount(site) == 6  # until the minute is over
    site.later(seconds=40)
    site.tick()
    assert amount(site) == 1


def test_a_notification_that_becomes_a_letter_has_no_rules_any_more(site: Followed) -> None:
    change = NotificationChange(
        type=NotificationType.TASK_START, time_offset=600, template="Soon: ${task_name}"
    )
    notifications.change(SYSTEM, too_much(), change)
    site.tick()
    assert site.thresholds(person()) == {}
    assert site.double.state.own_rules("remas-alerts", f"user-{person('bob').id}") == []


def test_a_resource_that_is_renamed_is_renamed_in_the_rules(site: Followed) -> None:
    resources.change(SYSTEM, "cpu", ResourceChange(name="core"))
    site.tick()
    titles = {rule["title"] for rule in site.double.state.rules.values()}
    assert all("core" in title for title in titles), titles
