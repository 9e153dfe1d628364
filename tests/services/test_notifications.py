"""Notifications: what is taken, who sees what, whom they reach, and what that plans."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.errors import Conflict, Forbidden, Invalid, NameTaken, NotFound, Stale
from remas.extensions import db
from remas.letters import alert
from remas.models import (
    EVERYONE,
    USERS,
    Audit,
    Group,
    Notification,
    NotificationType,
    Outbox,
    OutboxState,
)
from remas.services import assignments, notifications, previews
from remas.services.actor import Actor
from remas.services.notification_rules import TYPES, Draft
from remas.services.notifications import NotificationChange, NotificationFilter
from tests.services.conftest import Held
from tests.support import factories
from tests.support.alerts import an_alert_template, filled
from tests.support.factories import actor_of
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context")

START, END = NotificationType.TASK_START, NotificationType.TASK_END
TASK, GENERAL = NotificationType.EXCEEDANCE_TASK, NotificationType.EXCEEDANCE_GENERAL
RULE = an_alert_template(
    '"title": "${user_surname} on ${node_name}", "params": [${allocation_amount}, 0.5]'
)


def timed(**fields: Any) -> Draft:
    values = {"name": "Soon", "type": START, "time_offset": 600, "template": "${task_name} soon"}
    return Draft(**{**values, **fields})


def rule(**fields: Any) -> Draft:
    values = {"name": "Too much", "type": TASK, "resource": "cpu", "default_amount": 0}
    return Draft(**{**values, "template": RULE, **fields})


@pytest.fixture
def root() -> Actor:
    return actor_of(factories.make_user("root", admin=True), admin=True)


@pytest.fixture
def eve() -> Actor:
    return actor_of(factories.make_user("eve"))


def errors_of(call: Callable[[], object]) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        call()
    return refused.value.errors


def waiting() -> dict[tuple[str, int], float]:
    """Open reminders: by recipient and notification, in how many minutes they are due."""
    return {
        (row.recipient.username, row.notification_id): (row.due_at - clock.now()).total_seconds()
        / 60
        for row in db.session.scalars(select(Outbox))
        if row.state is OutboxState.WAITING
    }


class TestWhatIsTaken:
    def test_a_timed_one_is_kept_as_it_is_and_told_to_the_audit(self, root: Actor) -> None:
        made = notifications.create(root, timed(subject="  ${task_name}  ", description=" x "))
        row = made.notification
        assert (row.name, row.type, row.time_offset) == ("Soon", START, 600)
        assert (row.subject, row.description) == ("${task_name}", "x")
        assert row.owner_id is None
        assert not row.waits_for_approval
        entry = db.session.scalars(select(Audit)).one()
        assert (entry.action, entry.kind, entry.subject) == ("create", "notification", "Soon")
        assert entry.after["template"] == "${task_name} soon"

    @pytest.mark.parametrize(
        ("fields", "path", "text"),
        [
            ({"template": None}, "template", "Write what it is to say."),
            ({"template": "  "}, "template", "Write what it is to say."),
            ({"time_offset": None}, "time_offset", "how long before"),
            ({"time_offset": 30 * 86400 + 1}, "time_offset", "at most 30 days"),
            ({"time_offset": -30 * 86400 - 1}, "time_offset", "at most 30 days"),
            ({"template": "${task_nmae}"}, "template", "${task_nmae} is no variable. Known are"),
            ({"template": "${task_name"}, "template", "is not closed"),
            ({"template": "${}"}, "template", "is no variable"),
            ({"template": "${node_name}"}, "template", "${node_name} is no variable"),
            ({"subject": "${node_name}"}, "subject", "${node_name} is no variable"),
            ({"subject": "a\nb"}, "subject", "Control characters"),
            ({"name": " "}, "name", "1 to 200"),
            ({"resource": "cpu"}, "resource", "Only notifications that are alerts"),
            ({"default_amount": 0}, "default_amount", "Only notifications that are alerts"),
            ({"type": NotificationType.OTHER}, "type", "This is one of task_start"),
        ],
    )
    def test_what_cannot_be_meant_is_told_at_the_field(
        self, root: Actor, fields: dict[str, Any], path: str, text: str
    ) -> None:
        errors = errors_of(lambda: notifications.create(root, timed(**fields)))
        assert list(errors) == [path]
        assert text in errors[path][0]
        assert db.session.scalar(select(Notification)) is None

    @pytest.mark.parametrize("offset", [30 * 86400, 0, -30 * 86400])
    def test_thirty_days_either_way_just_fit(self, root: Actor, offset: int) -> None:
        made = notifications.create(root, timed(time_offset=offset))
        assert made.notification.time_offset == offset

    def test_unknown_names_are_told_with_the_known_ones(self, root: Actor) -> None:
        draft = timed(template="$$5 ${task_name} {{7*7}} ${a} ${b} ${a}")
        (text,) = errors_of(lambda: notifications.create(root, draft))["template"]
        assert text.startswith("${a}, ${b} are no variables. Known are ${user_id}, ${user_name}")
        assert "${task_end}" in text

    @pytest.mark.parametrize(
        ("fields", "path", "text"),
        [
            ({"resource": None}, "resource", "which resource"),
            ({"resource": "nothing"}, "resource", "There is no resource nothing."),
            ({"default_amount": None}, "default_amount", "0 for none at all"),
            ({"default_amount": -1}, "default_amount", "at least 0"),
            ({"template": "{"}, "template", "This is not JSON: line 1"),
            ({"template": "[]"}, "template", "begins with {"),
            ({"template": '"${node_name}"'}, "template", "begins with {"),
            ({"template": '{"a": NaN}'}, "template", "NaN is no JSON"),
            ({"template": "[" * 20_000}, "template", "not JSON"),
            ({"template": '{"a": "${task_name}"}'}, "template", "${task_name} is no variable"),
            ({"time_offset": 5}, "time_offset", "letters at a time"),
            ({"subject": "x"}, "subject", "letters at a time"),
        ],
    )
    def test_alerts_that_cannot_be(
        self, root: Actor, fields: dict[str, Any], path: str, text: str
    ) -> None:
        factories.make_resource("cpu")
        errors = errors_of(lambda: notifications.create(root, rule(**fields)))
        assert list(errors) == [path]
        assert text in errors[path][0]

    @pytest.mark.parametrize("kind", [TASK, GENERAL])
    def test_nothing_at_all_is_a_default_amount(self, root: Actor, kind: NotificationType) -> None:
        factories.make_resource("cpu")
        made = notifications.create(root, rule(type=kind, default_amount=0))
        assert made.notification.default_amount == 0

    def test_names_are_unique_among_administrators_and_among_ones_own(
        self, root: Actor, eve: Actor
    ) -> None:
        mallory = actor_of(factories.make_user("mallory"))
        notifications.create(root, timed())
        for person in (eve, mallory):
            notifications.create(person, timed(), own=True)
        with pytest.raises(NameTaken):
            notifications.create(root, timed())
        with pytest.raises(NameTaken):
            notifications.create(eve, timed(), own=True)

    def test_nobody_has_more_than_is_sane(
        self, eve: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(notifications, "MOST_OWN", 2)
        for i in range(2):
            notifications.create(eve, timed(name=str(i)), own=True)
        with pytest.raises(Conflict):
            notifications.create(eve, timed(name="2"), own=True)

    def test_another_type_takes_what_it_needs_and_drops_the_rest(self, root: Actor) -> None:
        factories.make_resource("cpu")
        made = notifications.create(root, timed(subject="x")).notification
        change = NotificationChange(type=TASK)
        errors = errors_of(lambda: notifications.change(root, made.id, change))
        assert set(errors) == {"resource", "default_amount", "template"}
        whole = NotificationChange(type=TASK, resource="cpu", default_amount=4, template=RULE)
        row = notifications.change(root, made.id, whole).notification
        assert (row.time_offset, row.subject, row.default_amount) == (None, None, 4)
        back = NotificationChange(type=END, time_offset=-60, template="over")
        row = notifications.change(root, made.id, back).notification
        assert (row.type, row.resource, row.default_amount) == (END, None, None)

    def test_every_type_that_can_be_made_is_one_of_two_kinds(self) -> None:
        assert [kind.is_alert or kind.is_time_based for kind in TYPES] == [True] * 4
        assert not any(kind.is_alert and kind.is_time_based for kind in TYPES)


class TestWhoMay:
    def test_only_administrators_make_everybodys(self, eve: Actor) -> None:
        with pytest.raises(Forbidden):
            notifications.create(eve, timed())

    def test_ones_own_is_assigned_to_oneself_and_hidden_from_others(self, eve: Actor) -> None:
        made = notifications.create(eve, timed(), own=True)
        assert made.users == ("eve",)
        mallory = actor_of(factories.make_user("mallory"))
        for call in (
            lambda: notifications.get(mallory, made.notification.id),
            lambda: notifications.delete(mallory, made.notification.id),
            lambda: previews.of_stored(mallory, made.notification.id),
            lambda: notifications.change(mallory, made.notification.id, NotificationChange()),
        ):
            with pytest.raises(NotFound):
                call()
        assert notifications.search(mallory, NotificationFilter()).total == 0

    def test_what_reaches_one_is_seen_and_not_changed(self, root: Actor, eve: Actor) -> None:
        made = notifications.create(root, timed()).notification
        with pytest.raises(NotFound):
            notifications.get(eve, made.id)
        assignments.assign(root, made.id, group="Everyone")
        known = notifications.get(eve, made.id)
        assert (known.users, known.groups) == ((), ("Everyone",))
        with pytest.raises(Forbidden):
            notifications.change(eve, made.id, NotificationChange(name="mine"))
        with pytest.raises(Forbidden):
            assignments.unassign(eve, made.id, group="Everyone")

    def test_others_see_not_to_whom_else_it_is_assigned(self, root: Actor, eve: Actor) -> None:
        factories.make_group("secret")
        other = factories.make_user("mallory")
        made = notifications.create(root, timed()).notification
        for name in ("eve", other.username):
            assignments.assign(root, made.id, user=name)
        assignments.assign(root, made.id, group="secret")
        (known,) = notifications.search(eve, NotificationFilter()).items
        assert (known.users, known.groups) == (("eve",), ())
        (known,) = notifications.search(root, NotificationFilter()).items
        assert (known.users, known.groups) == (("eve", "mallory"), ("secret",))

    def test_a_persons_own_is_for_nobody_else_whoever_asks(self, root: Actor, eve: Actor) -> None:
        factories.make_user("mallory")
        made = notifications.create(eve, timed(), own=True).notification
        for actor in (root, eve):
            for subject in ({"user": "mallory"}, {"group": "Users"}, {"group": "nowhere"}):
                with pytest.raises(Invalid, match="for that person alone"):
                    assignments.assign(actor, made.id, **subject)

    def test_ones_own_can_be_silenced_and_turned_on_again(self, eve: Actor) -> None:
        made = notifications.create(eve, timed(), own=True).notification
        assert assignments.unassign(eve, made.id, user="eve").users == ()
        assert assignments.assign(eve, made.id, user="eve").users == ("eve",)

    @pytest.mark.parametrize("subject", [{}, {"user": "eve", "group": "Users"}, {"user": ""}])
    def test_assignments_are_to_one_user_or_one_group(
        self, root: Actor, eve: Actor, subject: dict[str, str]
    ) -> None:
        made = notifications.create(root, timed()).notification
        with pytest.raises(Invalid, match="one user or to one group"):
            assignments.assign(root, made.id, **subject)

    @pytest.mark.parametrize(("path", "name"), [("user", "nobody"), ("group", "nowhere")])
    def test_unknown_subjects_are_told(self, root: Actor, path: str, name: str) -> None:
        made = notifications.create(root, timed()).notification
        assert list(errors_of(lambda: assignments.assign(root, made.id, **{path: name}))) == [path]

    def test_a_change_on_what_was_not_seen_is_refused(self, root: Actor) -> None:
        made = notifications.create(root, timed()).notification

        def stale(row: object) -> None:
            raise Stale("Look again.")

        for call in (
            lambda: notifications.change(root, made.id, NotificationChange(name="x"), stale),
            lambda: notifications.delete(root, made.id, stale),
            lambda: assignments.assign(root, made.id, group="Users", seen=stale),
        ):
            with pytest.raises(Stale):
                call()
        assert notifications.get(root, made.id).notification.name == "Soon"


class TestApproval:
    @pytest.fixture(autouse=True)
    def _cpu(self, app_context: None) -> None:
        factories.make_resource("cpu")

    def test_peoples_alerts_wait_until_an_administrator_has_read_them(
        self, root: Actor, eve: Actor
    ) -> None:
        made = notifications.create(eve, rule(), own=True).notification
        assert made.waits_for_approval
        with pytest.raises(Forbidden):
            notifications.approve(eve, made.id)
        waiting_for = NotificationFilter(waiting=True)
        assert notifications.search(root, waiting_for).total == 1
        row = notifications.approve(root, made.id).notification
        assert (row.waits_for_approval, row.approved_by) == (False, "root")
        assert notifications.search(root, waiting_for).total == 0
        before = db.session.query(Audit).count()
        notifications.approve(root, made.id)  # again: nothing changes
        assert db.session.query(Audit).count() == before

    def test_what_an_alert_says_or_watches_needs_a_new_approval(
        self, root: Actor, eve: Actor
    ) -> None:
        made = notifications.create(eve, rule(), own=True).notification
        notifications.approve(root, made.id)
        same = NotificationChange(name="Another name", description="other")
        assert not notifications.change(eve, made.id, same).notification.waits_for_approval
        other = NotificationChange(template=an_alert_template('"a": 1'))
        assert notifications.change(eve, made.id, other).notification.waits_for_approval
        notifications.approve(root, made.id)
        amount = NotificationChange(default_amount=9)
        assert notifications.change(eve, made.id, amount).notification.waits_for_approval
        by_root = NotificationChange(default_amount=8)
        assert not notifications.change(root, made.id, by_root).notification.waits_for_approval

    def test_administrators_alerts_and_all_letters_need_none(self, root: Actor, eve: Actor) -> None:
        for made in (
            notifications.create(root, rule()),
            notifications.create(root, rule(), own=True),
            notifications.create(eve, timed(), own=True),
        ):
            assert not made.notification.waits_for_approval
        with pytest.raises(Conflict):
            notifications.approve(root, made.notification.id)


class TestReach:
    """Assigning, changing and leaving plan what is to come; nothing that was sent is touched."""

    def test_a_group_reaches_its_subgroups_each_person_once(
        self, noon: time_machine.Traveller, root: Actor, held: Held
    ) -> None:
        below = factories.make_group("below", parent=USERS)
        ada = factories.make_user("ada", group=below)
        factories.make_user("bob")
        factories.make_reservation(ada, factories.soon(5))
        made = notifications.create(root, timed()).notification
        assert waiting() == {}
        for subject in ({"group": "Users"}, {"group": "Everyone"}, {"user": "ada"}):
            assignments.assign(root, made.id, **subject)
        assert waiting() == {("ada", made.id): 290}
        assert ada.id in held[-1][0]
        assert len(notifications.reaching(root, "ada")) == 1

    def test_unassigning_what_is_inherited_as_well_takes_nothing_away(
        self, noon: time_machine.Traveller, root: Actor
    ) -> None:
        ada = factories.make_user("ada")
        factories.make_reservation(ada, factories.soon(5))
        made = factories.make_notification(users=[ada], groups=[])
        assignments.assign(root, made.id, group="Users")
        assignments.unassign(root, made.id, user="ada")
        assert waiting() == {("ada", made.id): 290}
        assignments.unassign(root, made.id, group="Users")
        assert waiting() == {}
        (row,) = db.session.scalars(select(Outbox))
        assert row.state is OutboxState.DROPPED

    def test_assigning_and_unassigning_again_change_nothing(self, root: Actor) -> None:
        made = notifications.create(root, timed()).notification
        for _ in range(2):
            assert assignments.assign(root, made.id, group="Users").groups == ("Users",)
        for _ in range(2):
            assert assignments.unassign(root, made.id, group="Users").groups == ()
        assert db.session.query(Audit).count() == 3

    def test_another_time_moves_what_is_planned(
        self, noon: time_machine.Traveller, root: Actor
    ) -> None:
        ada = factories.make_user("ada")
        factories.make_reservation(ada, factories.soon(5))
        made = notifications.create(root, timed()).notification
        assignments.assign(root, made.id, user="ada")
        notifications.change(root, made.id, NotificationChange(time_offset=3600))
        assert waiting() == {("ada", made.id): 240}
        notifications.change(root, made.id, NotificationChange(type=END, time_offset=-60))
        assert waiting() == {("ada", made.id): 7 * 60 + 1}

    def test_what_would_be_due_already_is_not_sent(
        self, noon: time_machine.Traveller, root: Actor
    ) -> None:
        ada = factories.make_user("ada")
        factories.make_reservation(ada, clock.now() + timedelta(minutes=5))
        made = notifications.create(root, timed()).notification
        assignments.assign(root, made.id, user="ada")
        assert waiting() == {}

    def test_deleting_says_what_goes_and_takes_it(
        self, noon: time_machine.Traveller, root: Actor
    ) -> None:
        ada = factories.make_user("ada")
        factories.make_user("bob")
        factories.make_reservation(ada, factories.soon(5))
        made = notifications.create(root, timed()).notification
        assignments.assign(root, made.id, group="Users")
        hanging = notifications.hanging(root, made.id)
        assert (hanging.people, hanging.letters) == (2, 1)
        notifications.delete(root, made.id)
        (row,) = db.session.scalars(select(Outbox))
        assert (row.state, row.reason) == (OutboxState.DROPPED, "The notification was deleted.")
        with pytest.raises(NotFound):
            notifications.get(root, made.id)
        actions = [entry.action for entry in db.session.scalars(select(Audit).order_by(Audit.id))]
        assert actions == ["create", "change", "delete"]

    def test_filters_find_whom_it_reaches(self, root: Actor, eve: Actor) -> None:
        own = notifications.create(eve, timed(name="Own"), own=True).notification
        mine = notifications.create(root, timed(name="All")).notification
        assignments.assign(root, mine.id, group="Everyone")
        notifications.create(root, timed(name="Nobody's"))

        def names(**wanted: Any) -> list[str]:
            found = notifications.search(root, NotificationFilter(**wanted)).items
            return [known.notification.name for known in found]

        assert names() == ["All", "Nobody's", "Own"]
        assert names(user="eve") == ["All", "Own"]
        assert names(owner="eve") == ["Own"]
        assert names(owner="") == ["All", "Nobody's"]
        assert names(group="Everyone") == ["All"]
        assert names(user="nobody") == []
        assert names(text="nobody's") == ["Nobody's"]
        assert names(type=END) == []
        assert own.owner_id == eve.id


class TestWhatHangsTogether:
    def test_a_change_makes_nobody_a_direct_receiver(self, root: Actor) -> None:
        for _ in range(2):
            factories.make_user()
        made = notifications.create(root, timed()).notification
        assignments.assign(root, made.id, group="Users")
        for wish in (NotificationChange(time_offset=5), NotificationChange(type=END)):
            assert notifications.change(root, made.id, wish).users == ()
        assert assignments.unassign(root, made.id, group="Users").users == ()
        assert notifications.hanging(root, made.id).people == 0

    def test_a_list_asks_as_often_whatever_its_length(
        self, app: Flask, root: Actor, eve: Actor
    ) -> None:
        everyone = db.session.get_one(Group, EVERYONE)

        def asked(actor: Actor) -> int:
            db.session.expunge_all()
            with counted(app) as statements:
                notifications.search(actor, NotificationFilter())
            return len(statements)

        for actor in (root, eve):
            factories.make_notification(groups=[everyone])
            few = asked(actor)
            for _ in range(5):
                factories.make_notification(groups=[everyone], users=[factories.make_user()])
            assert asked(actor) == few

    def test_one_poisonous_template_from_elsewhere_harms_nobody_else(
        self, noon: time_machine.Traveller, root: Actor
    ) -> None:
        """As an import, or an older version, may have left it: no template, no offset."""
        ada, bob = factories.make_user("ada"), factories.make_user("bob")
        for person in (ada, bob):
            factories.make_reservation(person, factories.soon(5))
        factories.make_notification(users=[ada], template=None, time_offset=None)
        good = notifications.create(root, timed()).notification
        assignments.assign(root, good.id, group="Users")
        assert waiting() == {("ada", good.id): 290, ("bob", good.id): 290}


class TestPreview:
    def test_it_shows_the_next_reservation_in_the_persons_zone(
        self, noon: time_machine.Traveller, eve: Actor
    ) -> None:
        ada = factories.make_user("ada", time_zone="Asia/Tokyo")
        factories.make_reservation(ada, factories.soon(-50), name="over")
        factories.make_reservation(ada, factories.soon(9), name="later")
        coming = factories.make_reservation(ada, factories.soon(5), name="<b>${task_id}</b>")
        draft = timed(template="${task_name} $$ ${task_start}", subject="${user_surname}")
        found = previews.of_draft(actor_of(ada), draft)
        begin = factories.soon(5)
        assert found.subject == "Tester"
        assert found.text.startswith("<b>${task_id}</b> $ ")
        assert "JST" in found.text
        assert f"{(begin.hour + 9) % 24:02}:00" in found.text
        assert found.reservation_id == coming.id

    def test_without_any_it_makes_one_up(self, eve: Actor) -> None:
        found = previews.of_draft(eve, timed())
        assert (found.text, found.reservation_id) == ("Sample reservation soon", None)

    def test_anothers_reservation_is_for_administrators(self, root: Actor, eve: Actor) -> None:
        other = factories.make_reservation(factories.make_user("ada"), name="secret")
        made = notifications.create(eve, timed(), own=True).notification
        with pytest.raises(Forbidden):
            previews.of_stored(eve, made.id, other.id)
        assert previews.of_stored(root, made.id, other.id).text == "secret soon"
        with pytest.raises(NotFound):
            previews.of_stored(root, made.id, 10**6)

    def test_alerts_are_filled_in_and_stay_json(self) -> None:
        factories.make_node("n1", {"cpu": 32})
        eve = actor_of(factories.make_user("eve", surname='One","isPaused":true,"y":"'))
        found = previews.of_draft(eve, rule(default_amount=7))
        assert json.loads(found.text) == {
            "title": 'One","isPaused":true,"y":" on n1',
            "params": [7, 0.5],
            **filled(),
        }


def test_variables_stand_alone_or_inside_texts_of_a_rule() -> None:
    parsed = alert.parse(
        '{"a": ${user_id}, "b": ["x${user_id}", {"c": "${user_name}"}], "d": "$$"}'
    )
    filled = alert.fill(parsed, {"user_id": 7, "user_name": 'a"b\\'})
    assert filled == {"a": 7, "b": ["x7", {"c": 'a"b\\'}], "d": "$"}


def test_everyone_is_a_group_like_others(root: Actor) -> None:
    assert EVERYONE == 1
    made = notifications.create(root, timed()).notification
    assert assignments.assign(root, made.id, group="Everyone").groups == ("Everyone",)
