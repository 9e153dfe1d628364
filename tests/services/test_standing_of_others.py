"""Limits in force for somebody else, and for the members of a group."""

import pytest

from remas.errors import Forbidden, NotFound
from remas.models import EVERYONE, Scope
from remas.services import standing
from remas.services.actor import SYSTEM
from tests.support.factories import (
    actor_of,
    make_group,
    make_limit,
    make_node,
    make_reservation,
    make_user,
)
from tests.support.noon import hours

pytestmark = pytest.mark.usefixtures("app_context", "noon")


@pytest.fixture
def ann():
    """In a group below Everyone, with 3 gpu held now and 2 more from hour 2 to 3."""
    node = make_node("n1", {"gpu": 8})
    ann = make_user("ann", group=make_group("physics"))
    for amount, start, end in ((3, -1, 4), (2, 2, 3)):
        held = {node: {"gpu": amount}}
        make_reservation(ann, hours(start), ends=hours(end), allocations=held)
    return ann


def test_an_administrator_sees_what_is_held_where_each_limit_comes_from(ann):
    make_limit(6, "gpu", user=ann)
    make_limit(9, "gpu", group=EVERYONE, scope=Scope.TOTAL)
    found = standing.of_user(SYSTEM, "ann")
    assert [(one.level, one.held, one.peak, one.peak_at, one.left) for one in found] == [
        ("user", 3, 5, hours(2), 1),
        ("Everyone", 3, 5, hours(2), 4),
    ]
    assert standing.of_user(actor_of(ann), "ann") == found == standing.of(actor_of(ann))


def test_others_are_sent_away_whether_or_not_there_is_such_a_user(ann):
    bob = actor_of(make_user("bob"))
    for username in ("ann", "nobody"):
        with pytest.raises(Forbidden):
            standing.of_user(bob, username)
    with pytest.raises(NotFound):
        standing.of_user(SYSTEM, "nobody")


def test_what_binds_the_members_of_a_group_without_limits_of_their_own(ann):
    make_limit(6, "gpu", user=ann)
    make_limit(9, "gpu", group=EVERYONE)
    (one,) = standing.of_group(SYSTEM, "physics")
    assert (one.level, one.amount, one.held, one.peak_at) == ("Everyone", 9, 0, None)
    make_limit(2, "gpu", group=ann.group_id)
    (one,) = standing.of_group(SYSTEM, "physics")
    assert (one.level, one.amount) == ("physics", 2)
    with pytest.raises(NotFound):
        standing.of_group(SYSTEM, "chemistry")
    with pytest.raises(Forbidden):
        standing.of_group(actor_of(ann), "physics")
