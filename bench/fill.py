"""A stored history of any length at the same density: what a cluster's calendar becomes."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import insert, text

from remas import clock
from remas.extensions import db
from remas.models import (
    USERS,
    Allocation,
    Capacity,
    Group,
    Node,
    Reservation,
    Resource,
    Unit,
    User,
)

NODES, LANES, PEOPLE = 200, 4, 50
SLOT = timedelta(days=2)
AHEAD = timedelta(days=14)  # so far ahead 7 of 8 GPUs are held everywhere
GIB = 2**30
CHUNK = 20_000
Row = tuple[object, ...]


def fill(reservations: int) -> None:
    """200 nodes, 50 people, and so many reservations, the last of them two weeks from now.

    Each node runs four lanes of two days back to back, begun at different times; a lane is one
    reservation of 8 cores, 2 GPUs (1 in the last lane) and 32 GiB: two weeks show some 5,600
    reservations. Needs an app context on a migrated, empty database.
    """
    _cluster()
    columns = ["id", "name", "owner_id", "starts_at", "ends_at", "created_at", "updated_at"]
    _put(Reservation, columns, _reservations(reservations))
    columns = ["reservation_id", "node_id", "resource_id", "amount"]
    _put(Allocation, columns, _allocations(reservations))
    if db.engine.dialect.name == "postgresql":
        db.session.execute(
            text("SELECT setval(pg_get_serial_sequence('reservation', 'id'), :last)"),
            {"last": reservations},
        )
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def _cluster() -> None:
    if db.session.get(Group, USERS) is None:
        db.session.add(Group(id=USERS, name="Users"))
    db.session.add_all(
        User(
            id=number,
            username=f"person{number}",
            email=f"person{number}@example.org",
            uid=10_000 + number,
            password_hash="",
            group_id=USERS,
            created_at=clock.now(),
        )
        for number in range(1001, 1001 + PEOPLE)
    )
    kinds = (("cpu", Unit.NONE, 64), ("gpu", Unit.NONE, 8), ("memory", Unit.BYTES_IEC, 512 * GIB))
    resources = [(Resource(id=i, name=n, unit=u), a) for i, (n, u, a) in enumerate(kinds, 1)]
    for number in range(1, NODES + 1):
        capacities = [Capacity(resource=kind, amount=amount) for kind, amount in resources]
        db.session.add(Node(id=number, name=f"n{number:03}", capacities=capacities))
    db.session.commit()


def _reservations(count: int) -> Iterator[Row]:
    per_slot = NODES * LANES
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    slots = -(-count // per_slot)
    origin = now + AHEAD - slots * SLOT
    for i in range(count):
        early = timedelta(minutes=i % per_slot * 97 % 2880)
        start: datetime = origin + (i // per_slot) * SLOT - early
        owner = 1001 + (i * 7919) % PEOPLE
        yield i + 1, f"run {i}", owner, start, start + SLOT, start, start


def _allocations(count: int) -> Iterator[Row]:
    for i in range(count):
        node, lane = i % NODES + 1, i // NODES % LANES
        for resource, amount in ((1, 8), (2, 1 if lane == LANES - 1 else 2), (3, 32 * GIB)):
            yield i + 1, node, resource, amount


def _put(
    model: type[Reservation] | type[Allocation], columns: list[str], rows: Iterator[Row]
) -> None:
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        names = ", ".join(columns)
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {model.__tablename__} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        batch: list[dict[str, object]] = []
        for row in rows:
            batch.append(dict(zip(columns, row, strict=True)))
            if len(batch) == CHUNK:
                connection.execute(insert(model), batch)
                batch = []
        if batch:
            connection.execute(insert(model), batch)
    db.session.commit()
