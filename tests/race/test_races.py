"""Many at once: never over capacity, never a deadlock, always one winner.

On PostgreSQL clients are threads with connections of their own, on SQLite processes. Each kind of
race runs with the locks off as well and must then go wrong: else it would prove nothing.
"""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from remas import paths
from remas.extensions import db
from remas.models import Allocation, Audit, Capacity, Reservation, Scope
from tests.support.factories import make_limit, make_node, make_user

START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
CLIENTS = 16
pytestmark = [pytest.mark.usefixtures("app_context"), pytest.mark.slow]


def at(hour):
    return (START + timedelta(hours=hour)).isoformat()


def booking(user, *specs, start=0, end=2):
    return {"do": "book", "user": user.id, "specs": specs, "start": at(start), "end": at(end)}


@pytest.fixture
def race(environ):
    """`race(jobs)` carries them out at once and tells how each ended, counted."""

    def run(jobs, locked=True):
        db.session.remove()
        wanted = {
            "environ": environ,
            "jobs": jobs,
            "how": "threads" if db.engine.dialect.name == "postgresql" else "processes",
            "locked": locked,
            # Long enough, without locks, that all have decided before the first writes.
            "pause": 0.02 if locked else 2,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.race.clients"],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=paths.TEMPLATES.parent,
            env=dict(os.environ),
        )
        assert done.returncode == 0, done.stderr
        return Counter(json.loads(done.stdout))

    return run


def peaks():
    """The most that is held at once, for each (node, resource); reservations share few times."""
    rows = db.session.execute(
        select(
            Allocation.node_id,
            Allocation.resource_id,
            Allocation.amount,
            Reservation.starts_at,
            Reservation.ends_at,
        ).join(Reservation)
    ).all()
    found = defaultdict(int)
    for moment in {row.starts_at for row in rows}:
        held = Counter()
        for row in rows:
            if row.starts_at <= moment < row.ends_at:
                held[row.node_id, row.resource_id] += row.amount
        for where, amount in held.items():
            found[where] = max(found[where], amount)
    return found


def overbooked():
    """Nodes and resources on which more is held than there is."""
    capacity = {(c.node_id, c.resource_id): c.amount for c in db.session.scalars(select(Capacity))}
    return [where for where, amount in peaks().items() if amount > capacity[where]]


class TestTheLastUnit:
    def jobs(self):
        node = make_node("n1", capacities={"gpu": 1})
        return [booking(make_user(), [node.name, "gpu", 1]) for _ in range(CLIENTS)]

    def test_sixteen_clients_and_one_winner(self, race):
        assert race(self.jobs()) == {"done": 1, "no-capacity": CLIENTS - 1}
        assert overbooked() == []

    def test_without_locks_it_is_booked_twice(self, race):
        ended = race(self.jobs(), locked=False)
        assert ended["done"] > 1
        assert overbooked() != []


class TestTwoNodesInOppositeOrder:
    def test_no_deadlock_and_one_winner_a_pair(self, race):
        for name in ("n1", "n2"):
            make_node(name, capacities={"gpu": 4})
        jobs = []
        for i in range(CLIENTS):
            specs = [["n1", "gpu", 4], ["n2", "gpu", 4]]
            jobs.append(booking(make_user(), *(specs if i % 2 else reversed(specs))))
        jobs = [{**job, "specs": list(job["specs"])} for job in jobs]
        assert race(jobs) == {"done": 1, "no-capacity": CLIENTS - 1}
        assert overbooked() == []


class TestOnePersonAgainstATotalLimit:
    def jobs(self):
        ann = make_user("ann")
        make_limit(2, "gpu", user=ann, scope=Scope.TOTAL)
        names = [f"n{i}" for i in range(CLIENTS)]
        for name in names:
            make_node(name, capacities={"gpu": 4})
        return [booking(ann, [name, "gpu", 1]) for name in names]

    def test_on_different_nodes_the_sum_holds(self, race):
        assert race(self.jobs()) == {"done": 2, "limit-exceeded": CLIENTS - 2}

    def test_without_locks_the_limit_is_passed(self, race):
        assert race(self.jobs(), locked=False)["done"] > 2


def audited(kind):
    """Bookings before and after the one change of `kind`, in the order of the node's lock."""
    kinds = list(db.session.scalars(select(Audit.kind).order_by(Audit.id)))
    change = kinds.index(kind)
    return kinds[:change].count("reservation"), kinds[change:].count("reservation")


class TestACapacityLoweredMeanwhile:
    """Whoever comes later sees it."""

    def jobs(self, after=0):
        make_node("n1", capacities={"gpu": CLIENTS})
        jobs = [booking(make_user(), ["n1", "gpu", 1]) for _ in range(CLIENTS - 1)]
        lowering = {"do": "lower", "after": after, "node": "n1", "resource": "gpu", "amount": 4}
        return [*jobs[:4], lowering, *jobs[4:]]

    def test_nothing_is_booked_beyond_it(self, race):
        assert set(race(self.jobs())) <= {"done", "no-capacity"}
        before, after = audited("node")
        assert after == max(4 - before, 0)

    def test_without_locks_something_is(self, race):
        race(self.jobs(after=1), locked=False)
        before, after = audited("node")
        assert after > max(4 - before, 0)


class TestMaintenanceAddedMeanwhile:
    def jobs(self, after=0):
        make_node("n1", capacities={"gpu": CLIENTS})
        jobs = [booking(make_user(), ["n1", "gpu", 1]) for _ in range(CLIENTS - 1)]
        closing = {"do": "close", "after": after, "node": "n1", "start": at(0), "end": at(1)}
        return [*jobs[:4], closing, *jobs[4:]]

    def test_nobody_books_into_it(self, race):
        assert set(race(self.jobs())) <= {"done", "no-capacity"}
        assert audited("maintenance")[1] == 0

    def test_without_locks_somebody_does(self, race):
        race(self.jobs(after=1), locked=False)
        assert audited("maintenance")[1] > 0
