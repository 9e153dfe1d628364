"""Changes of the catalogue wait for those who book, and not for ever; races end in an answer."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text

from remas.errors import Busy, DomainError, Invalid, LastAdministrator, NameTaken
from remas.models import NodeState
from remas.services import (
    groups,
    limit_admin,
    maintenance,
    nodes,
    passwords,
    resources,
    transaction,
    users,
)
from remas.services.actor import SYSTEM, Actor
from remas.services.groups import GroupChange
from remas.services.limit_admin import LimitNew
from remas.services.maintenance import MaintenanceNew
from remas.services.nodes import NodeChange, NodeNew
from remas.services.users import ProfileChange, UserChange, UserNew
from tests.services.conftest import Held
from tests.support.factories import CHEAP, actor_of, make_group, make_node, make_user

EIGHT = datetime(2030, 5, 1, 8, 0, tzinfo=UTC)

CHANGES_OF_NODES: dict[str, Callable[[], object]] = {
    "capacity": lambda: nodes.set_capacity(SYSTEM, "n1", "cpu", 1),
    "no capacity": lambda: nodes.remove_capacity(SYSTEM, "n1", "cpu"),
    "state": lambda: nodes.change(SYSTEM, "n1", NodeChange(state=NodeState.DRAINED)),
    "deletion": lambda: nodes.delete(SYSTEM, "n1"),
    "maintenance": lambda: maintenance.create(
        SYSTEM, MaintenanceNew("n1", EIGHT, EIGHT + timedelta(hours=1))
    ),
    "resource": lambda: resources.delete(SYSTEM, "cpu"),
    "limit": lambda: limit_admin.create(SYSTEM, LimitNew("x", "cpu", 1, "eve", nodes=("n1",))),
}
CHANGES_OF_USERS: dict[str, Callable[[], object]] = {
    "limit": CHANGES_OF_NODES["limit"],
    "group's limit": lambda: limit_admin.create(SYSTEM, LimitNew("x", "cpu", 1, group="Top")),
    "membership": lambda: users.change(SYSTEM, "eve", UserChange(group="Users")),
    "parent": lambda: groups.change(SYSTEM, "Top", GroupChange(parent="Users")),
    "members": lambda: groups.change(SYSTEM, "Users", GroupChange(members=("eve",))),
    "deletion of the group": lambda: groups.delete(SYSTEM, "Top"),
    "deletion": lambda: users.delete(SYSTEM, "eve"),
}


@pytest.fixture
def world(app_context: None) -> tuple[int, int]:
    """Eve in a group below Top, and a node; their ids."""
    below = make_group("Below", parent=make_group("Top"))
    return make_user("eve", group=below).id, make_node("n1").id


@pytest.mark.parametrize("change", CHANGES_OF_NODES)
def test_what_may_be_booked_is_changed_under_the_nodes_lock(
    world: tuple[int, int], held: Held, change: str
) -> None:
    CHANGES_OF_NODES[change]()
    assert any(world[1] in node_ids for _, node_ids in held)


@pytest.mark.parametrize("change", CHANGES_OF_USERS)
def test_what_a_user_may_book_is_changed_under_the_users_lock(
    world: tuple[int, int], held: Held, change: str
) -> None:
    CHANGES_OF_USERS[change]()
    assert any(world[0] in user_ids for user_ids, _ in held)


@pytest.fixture
def other(app: Flask, database_url: str) -> Iterator[Engine]:
    """Somebody else's connections."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("table", "change"),
    [
        *(("node", change) for change in CHANGES_OF_NODES.values()),
        *(("user", change) for change in CHANGES_OF_USERS.values()),
    ],
    ids=[*(f"node-{name}" for name in CHANGES_OF_NODES), *(f"user-{n}" for n in CHANGES_OF_USERS)],
)
def test_who_books_is_waited_for_but_not_for_ever(
    world: tuple[int, int],
    other: Engine,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    change: Callable[[], object],
) -> None:
    monkeypatch.setattr(transaction, "LOCK_TIMEOUT_SECONDS", 0.2)
    with other.begin() as booking:
        booking.execute(text(f'SELECT id FROM "{table}" FOR NO KEY UPDATE'))
        with pytest.raises(Busy):
            change()
    change()  # now nobody is in the way


def at_once(app: Flask, *attempts: Callable[[], object]) -> list[str]:
    """Carry out the attempts at the same moment, each in its own thread; how each ended."""
    barrier, ends = threading.Barrier(len(attempts)), [""] * len(attempts)

    def run(i: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                attempts[i]()
                ends[i] = "done"
            except DomainError as error:
                ends[i] = type(error).__name__

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(attempts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_two_administrators_cannot_dismiss_each_other(app: Flask) -> None:
    with app.app_context():
        names = [make_user(admin=True).username for _ in range(2)]
    dismiss, reinstate = UserChange(group="Users"), UserChange(group="Administrators")
    for _ in range(5):
        ends = at_once(
            app, *(lambda name=name: users.change(SYSTEM, name, dismiss) for name in names)
        )
        assert ends == [LastAdministrator.__name__, "done"]
        with app.app_context():
            for name in names:
                users.change(SYSTEM, name, reinstate)


def test_two_groups_cannot_become_each_others_parent(app: Flask) -> None:
    with app.app_context():
        make_user(admin=True)
    for i in range(5):
        with app.app_context():
            make_group(f"a{i}")
            make_group(f"b{i}")
        ends = at_once(
            app,
            lambda i=i: groups.change(SYSTEM, f"a{i}", GroupChange(parent=f"b{i}")),
            lambda i=i: groups.change(SYSTEM, f"b{i}", GroupChange(parent=f"a{i}")),
        )
        assert ends == [Invalid.__name__, "done"]


def test_an_address_and_the_same_username_are_not_given_to_two(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)
    with app.app_context():
        eve = actor_of(make_user("eve"))
    for i in range(5):
        address = f"bob{i}@x.org"
        bob = UserNew(address, f"b{i}@example.org", 5000 + i)
        ends = at_once(
            app,
            lambda bob=bob: users.create(SYSTEM, bob),
            lambda address=address: users.update_me(eve, ProfileChange(email=address)),
        )
        assert ends == [NameTaken.__name__, "done"]


@pytest.mark.postgresql
def test_who_changes_the_own_address_waits_for_new_accounts(
    world: tuple[int, int], other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "LOCK_TIMEOUT_SECONDS", 0.2)
    eve = Actor(world[0], "eve", is_admin=False)
    with other.begin() as making:
        making.execute(text('SELECT id FROM "group" FOR NO KEY UPDATE'))
        users.update_me(eve, ProfileChange(name="Eva"))
        with pytest.raises(Busy):
            users.update_me(eve, ProfileChange(email="new@x.org"))
    users.update_me(eve, ProfileChange(email="new@x.org"))


def test_of_two_who_take_a_name_one_is_told(app: Flask) -> None:
    for i in range(5):
        make = [lambda i=i: nodes.create(SYSTEM, NodeNew(f"n{i}"))] * 2
        assert at_once(app, *make) == [NameTaken.__name__, "done"]
