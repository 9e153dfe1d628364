"""For tests of services: what they lock, and a clock that stands still."""

from collections.abc import Iterable, Iterator

import pytest
import time_machine
from sqlalchemy import select

from remas.models import Node
from remas.services import locks
from remas.services.transaction import DbSession
from tests.support.noon import NOW

Held = list[tuple[set[int], set[int]]]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """What was locked, one entry each time: ids of users, ids of nodes."""
    calls: Held = []
    really_lock = locks.lock

    def lock(session: DbSession, users: Iterable[int] = (), nodes: Iterable[int] = ()) -> None:
        calls.append((set(users), set(nodes)))
        really_lock(session, *calls[-1])

    def lock_all_nodes(session: DbSession, users: Iterable[int] = ()) -> None:
        lock(session, users, session.scalars(select(Node.id)))

    monkeypatch.setattr(locks, "lock", lock)
    monkeypatch.setattr(locks, "lock_all_nodes", lock_all_nodes)
    return calls


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    """It is noon, and stays so; `noon.shift` moves the clock."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
