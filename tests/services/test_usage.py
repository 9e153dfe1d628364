"""Spans of time in which nothing changes, against a count minute by minute."""

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask

from remas.errors import Invalid
from remas.models import NodeState
from remas.services import usage
from tests.support import factories
from tests.support.factories import actor_of, soon
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("seed", range(5))
def test_every_hour_is_told_as_counted(app: Flask, seed: int) -> None:
    dice = random.Random(seed)
    start = soon().replace(minute=0)
    people = [factories.make_user() for _ in range(3)]
    nodes = [factories.make_node(None, {"cpu": 8, "gpu": 2}) for _ in range(2)]
    ids = {name: factories.make_resource(name).id for name in ("cpu", "gpu")}
    held: list[tuple[int, int, int, int, int, int]] = []
    for _ in range(12):
        owner, node = dice.choice(people), dice.choice(nodes)
        begin, name = dice.randrange(-5, 20), dice.choice(["cpu", "gpu"])
        length, amount = dice.randrange(1, 10), dice.randrange(1, 3)
        factories.make_reservation(
            owner, start + begin * HOUR, hours=length, allocations={node: {name: amount}}
        )
        held.append((node.id, ids[name], amount, begin, begin + length, owner.id))
    closed = dice.randrange(0, 20)
    factories.make_maintenance(nodes[0], start + closed * HOUR, hours=3)
    with counted(app) as statements:
        found = usage.spans(actor_of(people[0]), start, start + 24 * HOUR)
    assert len([one for one in statements if one != "BEGIN"]) == 5
    told: dict[int, Any] = {}
    for span in found:
        assert start <= span.starts_at < span.ends_at <= start + 24 * HOUR
        for hour in range((span.starts_at - start) // HOUR, (span.ends_at - start) // HOUR):
            told[hour] = {(one.node, one.resource): (one.amount, one.users) for one in span.left}
    for one, following in pairwise(found):
        assert one.ends_at <= following.starts_at
        assert one.left != following.left or one.ends_at < following.starts_at
    for hour in range(24):
        assert told.get(hour, {}) == expected(hour, held, nodes[0].id, ids, closed)


def expected(
    hour: int, held: list[Any], closing: int, ids: dict[str, int], closed: int
) -> dict[tuple[int, int], tuple[int, tuple[int, ...]]]:
    capacity = {ids["cpu"]: 8, ids["gpu"]: 2}
    now = [row for row in held if row[3] <= hour < row[4]]
    is_closed = closed <= hour < closed + 3
    pairs = {(row[0], row[1]) for row in now}
    if is_closed:
        pairs |= {(closing, resource) for resource in capacity}
    found = {}
    for pair in pairs:
        here = [row for row in now if row[:2] == pair]
        free = max(capacity[pair[1]] - sum(row[2] for row in here), 0)
        if is_closed and pair[0] == closing:
            free = 0
        found[pair] = free, tuple(sorted({row[5] for row in here}))
    return found


def test_what_is_to_be_moved_does_not_count() -> None:
    eve, adam = factories.make_user("eve"), factories.make_user("adam")
    node, start = factories.make_node(), soon()
    mine = factories.make_reservation(eve, start, allocations={node: {"cpu": 1}})
    window = start, start + 2 * HOUR
    assert usage.spans(actor_of(eve), *window, mine.id) == ()
    assert usage.spans(actor_of(adam, admin=True), *window, mine.id) == ()
    assert len(usage.spans(actor_of(adam), *window, mine.id)) == 1


def test_retired_nodes_cancelled_reservations_and_lost_resources() -> None:
    eve, start = factories.make_user("eve"), soon()
    retired = factories.make_node(state=NodeState.RETIRED)
    node = factories.make_node(None, {"cpu": 4})
    factories.make_resource("gpu")
    factories.make_reservation(eve, start, allocations={retired: {"cpu": 1}})
    held = {node: {"cpu": 1}}
    factories.make_reservation(eve, start, allocations=held, cancelled_at=start)
    assert usage.spans(actor_of(eve), start, start + HOUR) == ()
    factories.make_reservation(eve, start, allocations={node: {"gpu": 1}})
    (span,) = usage.spans(actor_of(eve), start, start + HOUR)
    assert [(one.amount, one.users) for one in span.left] == [(0, (eve.id,))]


def test_the_range_is_not_empty_and_not_endless() -> None:
    eve, start = actor_of(factories.make_user("eve")), soon()
    for end in (start, start - HOUR, start + timedelta(days=401)):
        with pytest.raises(Invalid):
            usage.spans(eve, start, end)
