"""Calendar feeds, read by another library than the one that wrote them."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
import vobject
from flask import Flask
from sqlalchemy import select, update

from remas.config import Settings
from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.models import ADMINISTRATORS, Audit, Feed, FeedKind, Node, Unit, User
from remas.services import feed_reading, feeds
from remas.services.actor import Actor
from remas.services.feeds import FeedNew
from tests.support.factories import (
    actor_of,
    make_group,
    make_node,
    make_reservation,
    make_resource,
    make_tag,
    make_user,
)
from tests.support.noon import NOW, hours
from tests.support.queries import counted

PRAGUE = ZoneInfo("Europe/Prague")
OWN = FeedNew(FeedKind.OWN)
pytestmark = pytest.mark.usefixtures("app_context", "noon")


@pytest.fixture
def ada() -> User:
    return make_user("ada", surname="Byron", time_zone=PRAGUE.key)


@pytest.fixture
def node() -> Node:
    return make_node("n1", {"cpu": 8})


def text(settings: Settings, secret: str) -> str:
    return feed_reading.read(settings, secret).calendar.decode()


def parsed(settings: Settings, secret: str) -> dict[str, Any]:
    """Events by summary, as vobject understands them."""
    calendar = vobject.readOne(text(settings, secret))
    found = calendar.contents.get("vevent", [])
    events = {event.summary.value: event for event in found}
    assert len(events) == len(found)
    return events


def made(actor: Actor, wish: FeedNew = OWN) -> str:
    return feeds.create(actor, wish).secret


# What stands in it


def test_an_event_says_what_is_reserved(settings: Settings, ada: User, node: Node) -> None:
    make_resource("memory", Unit.BYTES_IEC)
    big = make_node("n10", {"cpu": 8, "memory": 2**40})
    reservation = make_reservation(
        ada,
        hours(24),
        name='Train; "segmentation", part 2\\3',
        description="First line\r\nsecond: žluťoučký kůň " + "x" * 200,
        allocations={big: {"cpu": 2, "memory": 2**36}, node: {"cpu": 1}},
        tags=[make_tag(ada, "paper, deadline")],
        version=3,
    )
    secret = made(actor_of(ada))
    (event,) = parsed(settings, secret).values()
    assert event.summary.value == 'Train; "segmentation", part 2\\3'
    assert event.uid.value == f"reservation-{reservation.id}@127.0.0.1"
    assert event.sequence.value == "3"
    assert event.dtstart.value == hours(24)
    assert event.dtend.value == hours(26)
    assert event.location.value == "n1, n10"
    assert event.description.value.startswith(
        "n1: 1 cpu\nn10: 2 cpu, 64 GiB memory\n\nFirst line\n"
    )
    assert event.description.value.endswith("žluťoučký kůň " + "x" * 200)
    assert event.categories.value == ["paper, deadline"]
    assert event.url.value.endswith(f"/reservations/{reservation.id}")
    assert event.transp.value == "OPAQUE"
    calendar = vobject.readOne(text(settings, secret))
    assert calendar.x_wr_timezone.value == "Europe/Prague"
    assert calendar.x_wr_calname.value == "My reservations (REMAS)"
    assert calendar.refresh_interval.value == "PT15M"
    longest = max(len(line.encode()) for line in text(settings, secret).split("\r\n"))
    assert longest <= 75


def test_whose_reservations_it_shows(settings: Settings, ada: User, node: Node) -> None:
    grace = make_user("grace", surname="Hopper")
    stranger = make_user("stranger", group=make_group("Others"))
    other = make_node("n2")
    make_reservation(ada, hours(1), name="Mine", allocations={node: {"cpu": 1}})
    make_reservation(grace, hours(2), name="Hers", allocations={other: {"cpu": 1}})
    make_reservation(stranger, hours(3), name="Theirs", allocations={node: {"cpu": 1}})
    make_reservation(
        ada, hours(4), name="Given up", allocations={node: {"cpu": 1}}, cancelled_at=NOW
    )
    actor = actor_of(ada)
    mine = parsed(settings, made(actor))
    assert set(mine) == {"Mine"}
    group = parsed(settings, made(actor, FeedNew(FeedKind.GROUP)))
    assert set(group) == {"Mine", "Hers (Grace Hopper)"}
    assert group["Hers (Grace Hopper)"].transp.value == "TRANSPARENT"
    assert group["Hers (Grace Hopper)"].description.value.startswith("Grace Hopper, grace@")
    here = parsed(settings, made(actor, FeedNew(FeedKind.NODE, node="n1")))
    assert set(here) == {"Mine", "Theirs (Stranger Tester)"}


def test_what_others_do_not_share_is_hidden(settings: Settings, ada: User, node: Node) -> None:
    quiet = make_group("Quiet", users_share_statistics=False)
    carl, dan = make_user("carl", group=quiet), make_user("dan", group=quiet)
    held = make_reservation(
        carl,
        hours(1),
        name="Secret plan",
        description="do not tell",
        allocations={node: {"cpu": 2}},
        tags=[make_tag(carl, "hush")],
    )
    by_node = FeedNew(FeedKind.NODE, node="n1")
    for viewer in (ada, dan):
        told = text(settings, made(actor_of(viewer), by_node))
        assert f"Reservation {held.id} (Carl Tester)" in told
        assert "n1: 2 cpu" in told
        assert not any(word in told for word in ("Secret", "tell", "hush"))
    own = text(settings, made(actor_of(carl), by_node))
    assert all(word in own for word in ("Secret plan", "do not tell", "hush"))
    root = make_user("root", admin=True)
    assert "Secret plan" in text(settings, made(actor_of(root), by_node))


def test_it_reaches_thirty_days_back_and_four_hundred_ahead(
    settings: Settings, ada: User, node: Node
) -> None:
    for name, begin in (
        ("long ago", -30 * 24 - 2),
        ("just in", -30 * 24 - 1),
        ("last", 400 * 24 - 1),
        ("too far", 400 * 24),
    ):
        make_reservation(ada, hours(begin), name=name, allocations={node: {"cpu": 1}})
    assert set(parsed(settings, made(actor_of(ada)))) == {"just in", "last"}


# Over the changes of the clocks


@pytest.mark.parametrize("sunday", [date(2030, 3, 31), date(2030, 10, 27)])
def test_a_week_around_a_change_of_the_clocks_is_right(
    settings: Settings, ada: User, node: Node, noon: time_machine.Traveller, sunday: date
) -> None:
    """Each day at nine, and each hour of the night in which they change."""
    noon.move_to(datetime(2030, sunday.month, 1, 12, tzinfo=UTC))
    expected: dict[str, datetime] = {}
    for i in range(-3, 4):
        day = sunday + timedelta(days=i)
        at = datetime(day.year, day.month, day.day, 9, tzinfo=PRAGUE).astimezone(UTC)
        expected[f"day {i}"] = at
    night = datetime(sunday.year, sunday.month, sunday.day, tzinfo=PRAGUE).astimezone(UTC)
    for i in range(6):
        expected[f"night {i}"] = night + timedelta(hours=i)
    for name, at in expected.items():
        make_reservation(ada, at, 1, name=name, allocations={node: {"cpu": 1}})
    events = parsed(settings, made(actor_of(ada)))
    assert {name: event.dtstart.value for name, event in events.items()} == expected
    for name, event in events.items():
        assert event.dtend.value - event.dtstart.value == timedelta(hours=1)
        if name.startswith("day"):
            assert event.dtstart.value.astimezone(PRAGUE).hour == 9


# Secrets and rights


def test_only_the_hash_is_kept_and_the_audit_tells_no_secret(ada: User, node: Node) -> None:
    actor = actor_of(ada)
    first = feeds.create(actor, FeedNew(FeedKind.NODE, node="n1"))
    assert first.row.token_hash == sha256(first.secret.encode()).hexdigest()
    second = feeds.replace(actor, first.row.id)
    feeds.revoke(actor, first.row.id)
    assert len(first.secret) == feeds.SECRET_LENGTH
    told = db.session.scalars(select(Audit).where(Audit.kind == "feed").order_by(Audit.id)).all()
    assert [(row.action, row.subject) for row in told] == [
        (action, "Reservations on n1") for action in ("create", "replace", "revoke")
    ]
    row = db.session.get_one(Feed, first.row.id)
    for kept in (str(row.__dict__), *(str(entry.__dict__) for entry in told), repr(first)):
        assert first.secret not in kept
        assert second.secret not in kept


def test_replacing_and_revoking_end_the_old_address(
    settings: Settings, ada: User, node: Node
) -> None:
    actor = actor_of(ada)
    first = feeds.create(actor, OWN)
    second = feeds.replace(actor, first.row.id)
    with pytest.raises(NotFound):
        feed_reading.read(settings, first.secret)
    assert feed_reading.read(settings, second.secret)
    assert [row.id for row in feeds.own(actor).items] == [first.row.id]
    feeds.revoke(actor, first.row.id)
    with pytest.raises(NotFound):
        feed_reading.read(settings, second.secret)
    assert not feeds.own(actor).items
    with pytest.raises(NotFound):
        feeds.revoke(actor, first.row.id)
    with pytest.raises(NotFound):
        feed_reading.read(settings, "x" * feeds.SECRET_LENGTH)


def test_rights_are_those_of_today(settings: Settings, ada: User, node: Node) -> None:
    actor = actor_of(ada)
    group, own = made(actor, FeedNew(FeedKind.GROUP)), made(actor)

    def become(**fields: Any) -> None:
        db.session.execute(update(User).where(User.id == ada.id).values(**fields))
        db.session.commit()
        db.session.remove()

    become(group_id=make_group("Elsewhere").id)
    with pytest.raises(NotFound):
        feed_reading.read(settings, group)
    become(group_id=ADMINISTRATORS)
    assert feed_reading.read(settings, group)
    become(active=False)
    with pytest.raises(NotFound):
        feed_reading.read(settings, own)


def test_another_ones_feed_is_not_there(ada: User) -> None:
    mallory, number = actor_of(make_user("mallory")), feeds.create(actor_of(ada), OWN).row.id
    for act in (feeds.get, feeds.replace, feeds.revoke):
        with pytest.raises(NotFound):
            act(mallory, number)


def test_programs_with_a_token_make_no_feeds(ada: User) -> None:
    number = feeds.create(actor_of(ada), OWN).row.id
    program = Actor(ada.id, "ada", is_admin=False, access_token_id=1)
    with pytest.raises(Forbidden):
        feeds.create(program, OWN)
    for act in (feeds.replace, feeds.revoke):
        with pytest.raises(Forbidden):
            act(program, number)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        (FeedNew(FeedKind.NODE), "node"),
        (FeedNew(FeedKind.NODE, node="nowhere"), "node"),
        (FeedNew(FeedKind.OWN, node="n1"), "node"),
        (FeedNew(FeedKind.OWN, group="Users"), "group"),
        (FeedNew(FeedKind.GROUP, group="Others"), "group"),
        (FeedNew(FeedKind.GROUP, group="nowhere"), "group"),
    ],
)
def test_what_cannot_be_followed_is_said(ada: User, node: Node, wish: FeedNew, path: str) -> None:
    make_group("Others")
    with pytest.raises(Invalid) as refused:
        feeds.create(actor_of(ada), wish)
    assert list(refused.value.errors) == [path]


def test_administrators_follow_any_group(settings: Settings, node: Node) -> None:
    stranger = make_user("stranger", group=make_group("Others"))
    make_reservation(stranger, hours(3), name="Theirs", allocations={node: {"cpu": 1}})
    root = make_user("root", admin=True)
    secret = made(actor_of(root, admin=True), FeedNew(FeedKind.GROUP, group="Others"))
    assert set(parsed(settings, secret)) == {"Theirs (Stranger Tester)"}


def test_there_are_not_too_many(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST", 1)
    feeds.create(actor_of(ada), OWN)
    with pytest.raises(Invalid, match="You have 1 feeds"):
        feeds.create(actor_of(ada), OWN)


# What it costs, and when it changes


def test_the_number_of_queries_does_not_grow(
    app: Flask, settings: Settings, ada: User, node: Node
) -> None:
    secret = made(actor_of(ada), FeedNew(FeedKind.GROUP))
    feed_reading.read(settings, secret)  # notes the use

    def cost() -> int:
        db.session.remove()
        with counted(app) as statements:
            feed_reading.read(settings, secret)
        return len(statements)

    make_reservation(ada, hours(1), allocations={node: {"cpu": 1}}, tags=[make_tag(ada)])
    before = cost()
    for i in range(5):
        person = make_user()
        held = {make_node(): {"cpu": 1}, node: {"cpu": 1}}
        make_reservation(person, hours(i), allocations=held, tags=[make_tag(person)])
    assert cost() == before <= 8


def test_the_same_is_said_in_the_same_bytes(
    settings: Settings, ada: User, node: Node, noon: time_machine.Traveller
) -> None:
    make_reservation(ada, hours(1), allocations={node: {"cpu": 1}})
    secret = made(actor_of(ada))
    before = feed_reading.read(settings, secret)
    noon.shift(timedelta(minutes=30))
    assert feed_reading.read(settings, secret) == before
    assert db.session.scalar(select(Feed.last_used_at)) == NOW + timedelta(minutes=30)
