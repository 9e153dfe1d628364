"""What hangs on users, groups and tags, and how many queries that takes."""

from datetime import timedelta

import pytest
from flask import Flask

from remas.errors import Forbidden
from remas.models import Status
from remas.services import belongings
from remas.services.actor import Actor
from remas.services.belongings import OfGroup, OfUser
from tests.support import factories
from tests.support.factories import actor_of, soon
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def root() -> Actor:
    return actor_of(factories.make_user("root", admin=True), admin=True)


def queries(statements: list[str]) -> int:
    """How many there were; the beginning of a transaction is none."""
    return len([one for one in statements if one != "BEGIN"])


def names(found: OfUser | OfGroup) -> dict[str, list[str]]:
    return {part: [thing.name for thing in getattr(found, part)] for part in type(found).__slots__}


def test_of_users(app: Flask, root: Actor) -> None:
    eve, adam = factories.make_user("eve"), factories.make_user("adam")
    node = factories.make_node()
    for owner in (eve, adam):
        factories.make_limit(3, user=owner, name=f"limit of {owner.username}")
        tag = factories.make_tag(owner, f"tag of {owner.username}")
        held = {node: {"cpu": 1}}
        for name, days in (("late", 2), ("early", 1), ("over", -2)):
            start = soon() + timedelta(days=days)
            factories.make_reservation(owner, start, allocations=held, tags=[tag], name=name)
        factories.make_reservation(owner, allocations=held, cancelled_at=soon(), name="cancelled")
        factories.make_notification(f"own of {owner.username}", owner=owner, users=[owner])
        factories.make_notification(f"for {owner.username}", users=[owner])
    with counted(app) as statements:
        found = belongings.of_users(root)
    assert queries(statements) == 5
    assert found.keys() == {eve.id, adam.id}
    assert names(found[eve.id]) == {
        "limits": ["limit of eve"],
        "reservations": ["over", "early", "late"],
        "tags": ["tag of eve"],
        "created": ["own of eve"],
        "notifications": ["for eve", "own of eve"],
    }
    alone = belongings.of_users(actor_of(eve), [eve.id], [Status.SCHEDULED])
    assert names(alone[eve.id])["reservations"] == ["early", "late"]
    assert belongings.of_users(root, [root.id or 0])[root.id or 0] == OfUser()
    for whom in (None, [adam.id], [eve.id, adam.id]):
        with pytest.raises(Forbidden):
            belongings.of_users(actor_of(eve), whom)


def test_of_groups(app: Flask, root: Actor) -> None:
    team = factories.make_group("Team")
    factories.make_group("b", parent=team)
    factories.make_group("a", parent=team)
    ada = actor_of(factories.make_user("ada", group=team))
    factories.make_limit(3, group=team, name="few")
    factories.make_notification("soon", groups=[team])
    with counted(app) as statements:
        found = belongings.of_groups(root)
    assert queries(statements) == 3
    whole = {"children": ["a", "b"], "limits": ["few"], "notifications": ["soon"]}
    assert names(found[team.id]) == whole
    assert names(belongings.of_groups(ada, [team.id])[team.id]) == whole
    for whom in (None, [1], [team.id, 1]):
        with pytest.raises(Forbidden):
            belongings.of_groups(ada, whom)


def test_the_chain_of_groups(root: Actor) -> None:
    team = factories.make_group("Team")
    below = factories.make_group("Below", parent=team)
    ada = actor_of(factories.make_user("ada", group=below))
    for actor in (root, ada):
        chain = belongings.chain(actor, below.id)
        assert [group.name for group in chain] == ["Below", "Team", "Everyone"]
        assert len(belongings.chain(actor, team.id)) == 2
    with pytest.raises(Forbidden):
        belongings.chain(ada, 3)


def test_of_tags(app: Flask) -> None:
    eve = factories.make_user("eve")
    node = factories.make_node()
    used, unused = factories.make_tag(eve), factories.make_tag(eve)
    held = {node: {"cpu": 1}}
    late = factories.make_reservation(eve, soon(48), allocations=held, tags=[used])
    early = factories.make_reservation(eve, soon(24), allocations=held, tags=[used])
    factories.make_reservation(eve, allocations=held, tags=[used], cancelled_at=soon())
    with counted(app) as statements:
        found = belongings.of_tags([used.id, unused.id])
        assert {row.owner.username for row in found[used.id]} == {"eve"}
    assert queries(statements) == 1
    assert [row.id for row in found[used.id]] == [early.id, late.id]
    assert found[unused.id] == ()
