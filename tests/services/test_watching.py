"""What is to be watched in Grafana: for whom, on which nodes, and from how much on."""

import logging
from collections.abc import Iterable
from typing import Any

import pytest
import time_machine
from flask import Flask

from remas.extensions import db
from remas.grafana.wish import Alert, Wish
from remas.models import EVERYONE, Group, Node, NodeState, Notification, NotificationType, User
from remas.services import watching
from tests.support.factories import (
    make_group,
    make_node,
    make_notification,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.noon import hours
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context", "noon")

TASK, GENERAL = NotificationType.EXCEEDANCE_TASK, NotificationType.EXCEEDANCE_GENERAL
RULE = '{"title": "${user_name}", "params": [${allocation_amount}]}'


def watch(
    users: Iterable[User] = (),
    groups: Iterable[Group] = (),
    default: int | None = 2,
    resource: str = "cpu",
    type: NotificationType = TASK,
    **fields: Any,
) -> Notification:
    """An alert about a resource, of an administrator's unless `owner` is given."""
    known = {"template": RULE, "default_amount": default, **fields}
    found = make_resource(resource)
    return make_notification(type=type, users=users, groups=groups, resource_id=found.id, **known)


def reserve(
    user: User, node: Node, amount: int, start: float = -1, end: float = 1, **f: Any
) -> None:
    held = {node: {"cpu": amount}}
    make_reservation(user, hours(start), ends=hours(end), allocations=held, **f)


def wish_of(user: User) -> Wish:
    (wish,) = watching.wishes(db.session(), [user.id])
    return wish


def only(user: User) -> Alert:
    """The one alert about somebody."""
    (alert,) = wish_of(user).alerts
    return alert


@pytest.fixture
def ann() -> User:
    return make_user("ann")


@pytest.fixture
def node() -> Node:
    return make_node("n1", {"cpu": 8})


# From how much on


def test_without_a_reservation_the_default_counts(ann: User, node: Node) -> None:
    watch([ann])
    assert (only(ann).amount, only(ann).reserved) == (2, False)


@pytest.mark.parametrize("default", [0, None])
def test_nothing_without_a_reservation(ann: User, node: Node, default: int | None) -> None:
    watch([ann], default=default)
    assert (only(ann).amount, only(ann).reserved) == (0, False)


def test_what_is_reserved_counts_while_it_is_held(
    ann: User, node: Node, noon: time_machine.Traveller
) -> None:
    watch([ann])
    reserve(ann, node, 5, start=0, end=2)
    assert (only(ann).amount, only(ann).reserved) == (5, True)
    noon.move_to(hours(2))  # the end belongs to it no more
    assert (only(ann).amount, only(ann).reserved) == (2, False)
    noon.move_to(hours(-1))
    assert only(ann).amount == 2


def test_who_reserved_less_than_the_default_keeps_the_default(ann: User, node: Node) -> None:
    watch([ann], default=4)
    reserve(ann, node, 3)
    assert (only(ann).amount, only(ann).reserved) == (4, False)


def test_reservations_at_once_are_summed(ann: User, node: Node) -> None:
    watch([ann])
    reserve(ann, node, 3)
    reserve(ann, node, 2, end=3)
    reserve(ann, node, 1, start=1, end=2)  # not yet
    assert only(ann).amount == 5


def test_only_what_is_held_there_and_by_the_person_counts(ann: User, node: Node) -> None:
    watch([ann])
    elsewhere = make_node("n2", {"gpu": 1})
    make_reservation(ann, hours(-1), ends=hours(1), allocations={elsewhere: {"gpu": 1}})
    reserve(ann, node, 7, cancelled_at=hours(-1))
    reserve(make_user("bob"), node, 6)
    assert only(ann).amount == 2


def test_a_fixed_amount_is_not_raised_by_reservations(ann: User, node: Node) -> None:
    watch([ann], type=GENERAL, default=3)
    reserve(ann, node, 5)
    assert (only(ann).amount, only(ann).reserved) == (3, False)


def test_each_node_has_an_amount_of_its_own(ann: User, node: Node) -> None:
    watch([ann])
    other = make_node("n2", {"cpu": 4})
    reserve(ann, other, 4)
    found = {alert.node: alert.amount for alert in wish_of(ann).alerts}
    assert found == {"n1": 2, "n2": 4}


def test_the_amount_is_among_the_values(ann: User, node: Node) -> None:
    watch([ann])
    reserve(ann, node, 5)
    values = only(ann).values
    known = (values["allocation_amount"], values["resource_amount"], values["node_name"])
    assert known == (5, 8, "n1")
    assert (values["user_username"], values["resource_name"]) == ("ann", "cpu")


# On which nodes


def test_nodes_that_offer_it_are_watched_and_no_others(ann: User, node: Node) -> None:
    watch([ann])
    make_node("drained", {"cpu": 8}, state=NodeState.DRAINED)
    make_node("retired", {"cpu": 8}, state=NodeState.RETIRED)
    make_node("without", {"gpu": 8})
    make_node("none left", {"cpu": 0})
    assert {alert.node for alert in wish_of(ann).alerts} == {"n1", "drained"}


def test_a_resource_that_is_nowhere_is_watched_nowhere(ann: User, node: Node) -> None:
    watch([ann], resource="licence")
    assert wish_of(ann).alerts == ()


# For whom


def test_by_a_group_above_and_once(ann: User, node: Node) -> None:
    parent = make_group("physics")
    bob = make_user("bob", group=make_group("theory", parent=parent))
    watch([bob], groups=[parent, db.session.get_one(Group, EVERYONE)])
    assert len(wish_of(bob).alerts) == 1
    assert len(wish_of(ann).alerts) == 1
    watch(groups=[parent])
    assert len(wish_of(bob).alerts) == 2
    assert len(wish_of(ann).alerts) == 1


def test_ones_own_counts_once_it_is_approved(ann: User, node: Node) -> None:
    watch([ann], owner=ann)
    assert wish_of(ann).alerts == ()
    watch([ann], owner=ann, approved_at=hours(-1), approved_by="root")
    assert only(ann).author == "ann"


def test_anothers_own_is_not_for_us(ann: User, node: Node) -> None:
    bob = make_user("bob")
    watch([ann, bob], owner=bob, approved_at=hours(-1), approved_by="root")
    assert wish_of(ann).alerts == ()
    assert len(wish_of(bob).alerts) == 1


def test_letters_are_no_alerts(ann: User, node: Node) -> None:
    make_notification(users=[ann])
    assert wish_of(ann).alerts == ()


def test_an_alert_without_a_resource_watches_nothing_and_stops_no_other(
    ann: User, node: Node
) -> None:
    known = {"type": TASK, "template": RULE, "default_amount": 1}
    make_notification("Of nothing", users=[ann], **known)
    watched = watch([ann])
    assert only(ann).notification_id == watched.id


def test_an_alert_of_administrators_says_so(ann: User, node: Node) -> None:
    notification = watch([ann])
    alert = only(ann)
    assert (alert.author, alert.notification_id) == ("admin", notification.id)
    assert (alert.node_id, alert.node) == (node.id, "n1")


def test_who_is_deactivated_is_not_watched(node: Node) -> None:
    eve = make_user("eve", active=False)
    watch([eve])
    wish = wish_of(eve)
    assert wish.person.closed
    assert wish.alerts == ()


def test_administrators_are_those_below_their_group(ann: User) -> None:
    root = make_user("root", admin=True)
    below = make_user("op", group=make_group("operators", parent=root.group_id))
    assert [wish_of(one).person.is_admin for one in (root, below, ann)] == [True, True, False]


def test_a_person_is_told_of_as_grafana_is_to_show_them(ann: User) -> None:
    person = wish_of(ann).person
    known = (person.id, person.username, person.full_name, person.email)
    assert known == (ann.id, "ann", "Ann Tester", "ann@example.org")


def test_a_template_that_cannot_be_read_stops_no_other(
    ann: User, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    watch([ann], template="{", name="broken")
    good = watch([ann])
    with caplog.at_level(logging.ERROR):
        assert only(ann).notification_id == good.id
    assert "broken watches nothing" in caplog.text


def test_unknown_numbers_are_left_out(ann: User) -> None:
    found = list(watching.wishes(db.session(), [ann.id, 999_999]))
    assert [wish.person.id for wish in found] == [ann.id]
    assert list(watching.wishes(db.session(), [])) == []


# What it costs


def test_the_number_of_queries_is_the_same_for_two_and_for_many(
    app: Flask, node: Node, ann: User
) -> None:
    def asked(users: list[User]) -> int:
        ids = [user.id for user in users]
        db.session.expire_all()
        with counted(app) as statements:
            assert len(list(watching.wishes(db.session(), ids))) == len(users)
        return len(statements)

    people = [ann, make_user()]
    watch(people)
    few = asked(people)
    for number in range(10):
        person = make_user()
        people.append(person)
        mine = make_node(f"more{number}", {"cpu": 8})
        reserve(person, mine, 1)
        watch([person], owner=person, approved_at=hours(-1), approved_by="root")
        watch(people)
    assert asked(people) == few
    assert few <= 8


def test_many_people_are_read_in_parts(
    ann: User, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PEOPLE_AT_ONCE", 2)
    people = [ann, *(make_user() for _ in range(4))]
    watch(people)
    found = list(watching.wishes(db.session(), [user.id for user in reversed(people)]))
    assert [wish.person.id for wish in found] == sorted(user.id for user in people)
    assert all(len(wish.alerts) == 1 for wish in found)
