"""The demo cluster is plausible, and breaks no rule of its own."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from remas import clock
from remas.extensions import db
from remas.models import (
    Allocation,
    Capacity,
    Group,
    Limit,
    Maintenance,
    Node,
    Notification,
    Outbox,
    Reservation,
    User,
)
from remas.services import availability, demo, passwords, setup
from remas.services.actor import Actor
from remas.services.requests import OfferRequest
from tests.support.factories import CHEAP

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture(scope="module")
def loaded(app, settings):
    """What there was to tell, and all rows: loading takes seconds."""
    with pytest.MonkeyPatch.context() as patch, app.app_context():
        patch.setattr(passwords, "hasher", CHEAP)
        setup.initialise(settings)
        assert demo.is_empty()
        summary = demo.load()
        tables = db.metadata.sorted_tables
        rows = {table: db.session.execute(select(table)).mappings().all() for table in tables}
        for table in reversed(tables):
            db.session.execute(table.delete())
        db.session.commit()
    return summary, rows


@pytest.fixture
def summary(loaded):
    told, rows = loaded
    for table, these in rows.items():
        if these:
            db.session.execute(table.insert(), [dict(row) for row in these])
    db.session.commit()
    return told


def number(table):
    return db.session.scalar(select(func.count()).select_from(table))


def test_what_is_in_it(summary):
    assert not demo.is_empty()
    assert number(Node) == 12
    assert len(summary.usernames) == 15
    assert number(Group) == 3 + 4
    assert number(Limit) >= 3
    assert number(Maintenance) >= 2
    assert number(Notification) == 2
    assert number(Outbox) > 100
    assert summary.reservations > 150
    first, last = db.session.execute(
        select(func.min(Reservation.starts_at), func.max(Reservation.ends_at))
    ).one()
    assert last - first > timedelta(days=18)
    ann = db.session.scalars(select(User).filter_by(username=summary.usernames[0])).one()
    assert passwords.matches(ann.password_hash, summary.password)


def test_nothing_is_over_capacity(summary):
    capacity = {(c.node_id, c.resource_id): c.amount for c in db.session.scalars(select(Capacity))}
    rows = db.session.execute(
        select(
            Allocation.node_id,
            Allocation.resource_id,
            Allocation.amount,
            Reservation.starts_at,
            Reservation.ends_at,
        )
        .join(Reservation)
        .where(Reservation.cancelled_at.is_(None))
    ).all()
    for where, amount in capacity.items():
        here = [row for row in rows if (row.node_id, row.resource_id) == where]
        for moment in {row.starts_at for row in here}:
            held = sum(row.amount for row in here if row.starts_at <= moment < row.ends_at)
            assert held <= amount


def test_a_search_has_something_to_say(summary):
    ann = db.session.scalars(select(User).filter_by(username="alice")).one()
    wish = OfferRequest(timedelta(hours=6), {"gpu": 4, "cpu": 32}, node_count=2, max_offers=3)
    answer = availability.search(Actor(ann.id, "alice", is_admin=False), wish)
    assert answer.status == "optimal"
    assert answer.offers[0].starts_at > clock.now() + timedelta(minutes=5)


def test_the_password_is_nowhere_kept_in_clear(summary):
    assert len(summary.password) >= 16
    hashes = db.session.scalars(select(User.password_hash)).all()
    assert all(summary.password not in kept for kept in hashes)
