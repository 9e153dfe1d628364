"""Reports against a sum made by hand, minute by minute; what each reader may see in them."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from remas.errors import Invalid
from remas.models import Node, NodeState, Reservation, Unit, User
from remas.services import reports
from remas.services.actor import Actor
from remas.services.reports import NOT_SHARED, By, Report, ReportWish
from tests.support.factories import (
    actor_of,
    make_group,
    make_node,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.queries import counted

PRAGUE = "Europe/Prague"
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.usefixtures("app_context")


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type,misc]


def local(*when: int) -> datetime:
    """A time of day in Prague."""
    return datetime(*when, tzinfo=ZoneInfo(PRAGUE)).astimezone(UTC)  # type: ignore[arg-type,misc]


def reader(user: User, *, admin: bool = False, zone: str = PRAGUE) -> Actor:
    return Actor(user.id, user.username, admin, time_zone=zone)


def minutes(report: Report, resource: str) -> dict[Any, int]:
    """Names of the keys to unit·minutes."""
    return {
        tuple(key.name for key in row.keys): held.minutes
        for row in report.rows
        if (held := row.of(resource))
    }


def node_minutes(report: Report) -> dict[Any, int]:
    return {tuple(key.name for key in row.keys): row.node_minutes for row in report.rows}


# Against a sum made by hand


def by_hand(
    found: list[Reservation], start: datetime, end: datetime, by: tuple[By, ...], zone: str
) -> tuple[dict[Any, int], dict[Any, int]]:
    """(key, resource) to unit·minutes, and key to node·minutes: one minute after the other."""
    units: dict[Any, int] = defaultdict(int)
    nodes: dict[Any, int] = defaultdict(int)
    for reservation in found:
        if reservation.cancelled_at is not None:
            continue
        minute = max(reservation.starts_at, start)
        while minute < min(reservation.ends_at, end):
            stays = set()
            for held in reservation.allocations:
                names = {
                    By.PERSON: reservation.owner.username,
                    By.GROUP: reservation.owner.group.name,
                    By.NODE: held.node.name,
                    By.RESOURCE: held.resource.name,
                    By.MONTH: f"{minute.astimezone(ZoneInfo(zone)):%Y-%m}",
                }
                key = tuple(names[one] for one in by)
                units[key, held.resource.name] += held.amount
                stays.add((key, held.node_id))
            for key, _ in stays:
                nodes[key] += 1
            minute += MINUTE
    return units, nodes


@pytest.fixture
def busy() -> tuple[list[Reservation], User]:
    """Random reservations around both changes of the clocks, and somebody who sees all."""
    chance = random.Random(7)
    make_resource("memory", Unit.BYTES_IEC)
    capacities = {"cpu": 8, "gpu": 2, "memory": 2**40}
    nodes = [make_node(name, capacities) for name in ("n1", "n2")]
    people = [make_user(f"p{i}", group=make_group(f"g{i % 2}")) for i in range(1, 2)]
    people.append(make_user("p3"))
    found = []
    for change in (local(2026, 4, 1), local(2026, 11, 1), local(2026, 3, 29, 3)):
        for _ in range(6):
            start = change + chance.randint(-900, 300) * MINUTE
            held = {
                node: {r: chance.randint(1, most) for r, most in capacities.items()}
                for node in chance.sample(nodes, chance.randint(1, 2))
            }
            found.append(
                make_reservation(
                    chance.choice(people),
                    start,
                    ends=start + chance.randint(1, 900) * MINUTE,
                    allocations=held,
                    cancelled_at=start if chance.random() < 0.2 else None,
                )
            )
    return found, make_user("root", admin=True)


GROUPINGS = [(by,) for by in By] + list(combinations(By, 2))


@pytest.mark.parametrize("by", GROUPINGS, ids=lambda by: "-".join(by))
def test_every_grouping_is_what_one_counts_by_hand(
    busy: tuple[list[Reservation], User], by: tuple[By, ...]
) -> None:
    found, root = busy
    start, end = at(2026, 3, 28, 3, 17), at(2026, 11, 2, 4, 1)
    report = reports.read(reader(root, admin=True), ReportWish(start, end, by))
    units, nodes = by_hand(found, start, end, by, PRAGUE)
    told = {
        (tuple(key.name for key in row.keys), held.resource): held.minutes
        for row in report.rows
        for held in row.held
        if held.minutes
    }
    assert told == dict(units)
    assert {key: n for key, n in node_minutes(report).items() if n} == dict(nodes)
    totals = {held.resource: held.minutes for held in report.total.held}
    for resource in ("cpu", "gpu", "memory"):
        assert totals[resource] == sum(n for (_, r), n in units.items() if r == resource)
    alone, stays = by_hand(found, start, end, (), PRAGUE)
    assert report.total.node_minutes == stays[()]
    assert alone[(), "cpu"] == totals["cpu"]


# Ranges and months


@pytest.fixture
def ada() -> User:
    return make_user("ada", surname="Byron")


@pytest.fixture
def node() -> Node:
    return make_node("n1", {"cpu": 8})


def test_a_month_is_as_long_as_the_readers_clocks_make_it(ada: User, node: Node) -> None:
    """March has an hour less in Prague (31 days less one hour), October one more."""
    make_reservation(ada, at(2026, 1, 1), ends=at(2027, 1, 1), allocations={node: {"cpu": 1}})
    wish = ReportWish(local(2026, 3, 1), local(2026, 11, 1), (By.MONTH,))
    told = node_minutes(reports.read(reader(ada), wish))
    assert list(told) == [(f"2026-{month:02}",) for month in range(3, 11)]
    assert told["2026-03",] == (31 * 24 - 1) * 60
    assert told["2026-10",] == (31 * 24 + 1) * 60
    assert told["2026-04",] == 30 * 24 * 60
    there = node_minutes(reports.read(reader(ada, zone="Asia/Kathmandu"), wish))
    assert next(iter(there)) == ("2026-03",)
    assert there["2026-04",] == 30 * 24 * 60
    assert sum(there.values()) == sum(told.values())


def test_what_reaches_over_a_border_is_cut_there(ada: User, node: Node) -> None:
    border = local(2026, 5, 1)
    held = {node: {"cpu": 2}}
    make_reservation(ada, border - 90 * MINUTE, ends=border + 30 * MINUTE, allocations=held)
    wish = ReportWish(local(2026, 4, 1), local(2026, 6, 1), (By.MONTH,))
    report = reports.read(reader(ada), wish)
    assert minutes(report, "cpu") == {("2026-04",): 180, ("2026-05",): 60}
    begun = ReportWish(border - 10 * MINUTE, border + MINUTE, (By.MONTH,))
    assert minutes(reports.read(reader(ada), begun), "cpu") == {("2026-04",): 20, ("2026-05",): 2}
    beside = ReportWish(border + 30 * MINUTE, border + 60 * MINUTE, (By.NODE,))
    assert minutes(reports.read(reader(ada), beside), "cpu") == {("n1",): 0}


def test_cancelled_do_not_count_and_released_count_until_they_end(ada: User, node: Node) -> None:
    start, held = at(2026, 5, 5, 8), {node: {"cpu": 4}}
    make_reservation(ada, start, 5, allocations=held, cancelled_at=start)
    make_reservation(ada, start, 2, allocations=held, released_at=start + timedelta(hours=2))
    report = reports.read(reader(ada), ReportWish(at(2026, 5, 1), at(2026, 6, 1), (By.PERSON,)))
    assert minutes(report, "cpu") == {("ada",): 4 * 120}
    assert report.total.node_minutes == 120


def test_sums_beyond_64_bits_are_exact(ada: User) -> None:
    most, start, end = 2**63 - 1, at(2026, 1, 1), at(2027, 1, 1)
    for i in range(3):
        node = make_node(f"big{i}", {"memory": most})
        make_reservation(ada, start, ends=end, allocations={node: {"memory": most}})
    report = reports.read(reader(ada), ReportWish(start, end, (By.RESOURCE,)))
    (row,) = report.rows
    (held,) = row.held
    assert held.minutes == 3 * most * 365 * 24 * 60
    assert held.utilisation == held.share == 1


# Shares and what there is


def test_shares_and_utilisation_on_the_smallest_cluster(ada: User) -> None:
    """Ten hours; n1 has 8 cpu, n2 has 2: 80 and 20 cpu·h."""
    n1, n2 = make_node("n1", {"cpu": 8}), make_node("n2", {"cpu": 2})
    make_node("n10", {"cpu": 0})
    grace = make_user("grace")
    start = at(2026, 5, 5)
    make_reservation(ada, start, 5, allocations={n1: {"cpu": 4}})  # 20 cpu·h
    make_reservation(grace, start, 5, allocations={n1: {"cpu": 2}, n2: {"cpu": 2}})  # 10 + 10
    wish = ReportWish(start, start + timedelta(hours=10), (By.NODE,))
    report = reports.read(reader(ada), wish)
    assert [row.keys[0].label for row in report.rows] == ["n1", "n2", "n10"]
    first, second = report.rows[0].held[0], report.rows[1].held[0]
    assert (first.minutes, first.capacity_minutes) == (30 * 60, 80 * 60)
    assert (first.share, first.utilisation) == (0.75, 30 / 80)
    assert (second.share, second.utilisation) == (0.25, 0.5)
    assert report.rows[2].held == ()
    assert report.total.held[0].utilisation == 40 / 100
    assert [row.node_share for row in report.rows] == [10 / 15, 5 / 15, 0]
    people = reports.read(reader(ada), ReportWish(wish.start, wish.end, (By.PERSON,)))
    assert [row.keys[0].label for row in people.rows] == ["Grace Tester", "Ada Byron"]
    assert [row.held[0].utilisation for row in people.rows] == [20 / 100, 20 / 100]


def test_retired_nodes_count_where_they_were_still_used(ada: User) -> None:
    node = make_node("old", {"cpu": 4}, state=NodeState.RETIRED)
    make_node("never used", {"cpu": 100}, state=NodeState.RETIRED)
    make_node("new", {"cpu": 4})
    start = at(2026, 5, 5)
    make_reservation(ada, start, 5, allocations={node: {"cpu": 4}})
    used = reports.read(reader(ada), ReportWish(start, start + timedelta(hours=5), (By.NODE,)))
    assert [row.keys[0].name for row in used.rows] == ["new", "old"]
    assert used.total.held[0].utilisation == 0.5
    later = start + timedelta(hours=5)
    idle = reports.read(reader(ada), ReportWish(later, later + timedelta(hours=5), (By.NODE,)))
    assert [row.keys[0].name for row in idle.rows] == ["new"]


# Who may see what


@pytest.fixture
def silent(node: Node, ada: User) -> dict[str, User]:
    """Ada and Bea share, in two groups; Carl and Dan do not, in one; each holds one cpu an hour."""
    quiet = make_group("Quiet", users_share_statistics=False)
    people = {
        "ada": ada,
        "bea": make_user("bea", group=make_group("Open")),
        "carl": make_user("carl", group=quiet),
        "dan": make_user("dan", group=quiet),
    }
    for person in people.values():
        make_reservation(person, at(2026, 5, 5), 1, allocations={node: {"cpu": 1}})
    return people


def told(reader: Actor, *by: By) -> dict[Any, int]:
    report = reports.read(reader, ReportWish(at(2026, 5, 1), at(2026, 6, 1), by))
    assert report.total.node_minutes == 240
    return node_minutes(report)


def test_people_who_do_not_share_are_one_row(silent: dict[str, User]) -> None:
    seen = told(actor_of(silent["ada"]), By.PERSON)
    assert seen == {("ada",): 60, ("bea",): 60, (None,): 120}
    assert told(actor_of(silent["ada"]), By.GROUP) == {("Users",): 60, ("Open",): 60, (None,): 120}
    assert told(actor_of(silent["ada"]), By.PERSON, By.GROUP) == {
        ("ada", "Users"): 60,
        ("bea", "Open"): 60,
        (None, None): 120,
    }
    report = reports.read(
        actor_of(silent["ada"]), ReportWish(at(2026, 5, 1), at(2026, 6, 1), (By.PERSON,))
    )
    assert report.rows[-1].keys[0].label == NOT_SHARED


def test_one_sees_oneself_but_not_ones_silent_colleagues(silent: dict[str, User]) -> None:
    carl = actor_of(silent["carl"])
    assert told(carl, By.PERSON) == {("carl",): 60, ("ada",): 60, ("bea",): 60, (None,): 60}
    assert told(carl, By.PERSON, By.GROUP)["carl", "Quiet"] == 60
    assert told(carl, By.GROUP)[None,] == 120
    assert told(carl, By.PERSON, By.NODE)[None, "n1"] == 60


def test_administrators_see_everybody(silent: dict[str, User]) -> None:
    root = actor_of(silent["ada"], admin=True)
    assert told(root, By.PERSON) == {(name,): 60 for name in silent}
    assert told(root, By.GROUP) == {("Users",): 60, ("Open",): 60, ("Quiet",): 120}


def test_parts_of_the_cluster_are_told_to_everybody(silent: dict[str, User]) -> None:
    for person in silent.values():
        assert told(actor_of(person), By.NODE) == {("n1",): 240}
        assert told(actor_of(person), By.NODE, By.MONTH) == {("n1", "2026-05"): 240}


# What cannot be asked, and what it costs


@pytest.mark.parametrize(
    ("start", "end", "by", "path"),
    [
        (at(2026, 5, 1), at(2026, 5, 1), (By.NODE,), "to"),
        (at(2026, 5, 1), at(2037, 5, 1), (By.NODE,), "to"),
        (at(2026, 5, 1, 0, 0, 1), at(2026, 6, 1), (By.NODE,), "from"),
        (at(2026, 5, 1), at(2026, 6, 1, 0, 0, 1), (By.NODE,), "to"),
        (at(1960, 5, 1), at(1960, 6, 1), (By.NODE,), "from"),
        (at(2026, 5, 1), at(2026, 6, 1), (), "by"),
        (at(2026, 5, 1), at(2026, 6, 1), (By.NODE, By.NODE), "by"),
        (at(2026, 5, 1), at(2026, 6, 1), (By.NODE, By.MONTH, By.PERSON), "by"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(
    ada: User, start: datetime, end: datetime, by: tuple[By, ...], path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        reports.read(reader(ada), ReportWish(start, end, by))
    assert list(refused.value.errors) == [path]


def test_too_many_sums_are_refused(ada: User, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    make_reservation(ada, at(2026, 1, 1), ends=at(2027, 1, 1), allocations={node: {"cpu": 1}})
    monkeypatch.setattr(reports, "MOST_CELLS", 11)
    with pytest.raises(Invalid, match="more than 11 sums"):
        reports.read(reader(ada), ReportWish(at(2026, 1, 1), at(2027, 1, 1), (By.MONTH,)))


def test_the_number_of_queries_does_not_grow(app: Flask, ada: User, node: Node) -> None:
    wish = ReportWish(at(2026, 1, 1), at(2027, 1, 1), (By.PERSON, By.RESOURCE))

    def cost() -> int:
        with counted(app) as statements:
            reports.read(reader(ada), wish)
        return len(statements)

    make_reservation(ada, at(2026, 5, 5), allocations={node: {"cpu": 1}})
    before = cost()
    for i in range(5):
        person, other = make_user(f"q{i}"), make_node(f"m{i}", {"cpu": 1, f"r{i}": 2})
        make_reservation(person, at(2026, 5, 5), allocations={other: {"cpu": 1, f"r{i}": 1}})
    assert cost() == before <= 9


def test_an_empty_cluster_has_an_empty_report(ada: User) -> None:
    for by in By:
        report = reports.read(reader(ada), ReportWish(at(2026, 1, 1), at(2026, 3, 1), (by,)))
        assert report.total.node_minutes == 0
        assert len(report.rows) == (3 if by is By.MONTH else 0)
