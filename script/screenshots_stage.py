"""What an administrator has done in the demo, so that the administration has something to show."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select

from remas import clock, paths
from remas.extensions import db
from remas.letters.letter import Letter
from remas.models import (
    AuthSession,
    NotificationType,
    Outbox,
    OutboxKind,
    Reservation,
    Scope,
    TokenScope,
    User,
)
from remas.models.cluster import NodeState
from remas.models.feed import FeedKind
from remas.services import (
    access_tokens,
    feeds,
    groups,
    limit_admin,
    maintenance,
    nodes,
    notifications,
    outbox,
    system_letters,
    users,
)
from remas.services.actor import SYSTEM, Actor
from remas.services.notification_rules import Draft
from remas.services.transaction import writing

ADMINISTRATOR = "rosa"
REFUSED = "550 5.1.1 <maya@example.org>: Recipient address rejected: User unknown"
AWAY = "The mail server cannot be reached: Connection timed out after 20 seconds."
AGENTS = (
    ("Firefox 145 on Linux", "192.0.2.17", "web", 2),
    ("Safari 19 on iPhone", "198.51.100.204", "web", 26),
    ("remas 1.0", "192.0.2.40", "token", 70),
)
HOUR = timedelta(hours=1)


def actor_of(username: str) -> Actor:
    """Whoever acts, with their own rights."""
    user = db.session.scalars(select(User).filter_by(username=username)).one()
    found = Actor(
        user.id, username, username == ADMINISTRATOR, full_name=user.full_name, address="192.0.2.8"
    )
    db.session.rollback()
    return found


def furnish(password: str) -> None:
    """An administrator with that password, and a morning's work of hers."""
    wish = users.UserNew("rosa", "rosa@example.org", 1900, "Rosa", "Marín", "Administrators")
    users.create(SYSTEM, replace(wish, password=password))
    rosa, alice = actor_of(ADMINISTRATOR), actor_of("alice")
    _people(rosa)
    _cluster(rosa)
    _own(alice)
    _sessions(("alice", "bruno"))
    _notifications(rosa, alice)
    _letters(rosa)


def _people(rosa: Actor) -> None:
    users.create(rosa, users.UserNew("petra", "petra@example.org", 2100, "Petra", "Kos"))
    users.change(rosa, "nils", users.UserChange(active=False))
    users.change(rosa, "olga", users.UserChange(group="Language", surname="Kowalska-Maj"))
    new = groups.GroupNew("Robotics", "Arms and drones", "Vision", members=("dora", "bruno"))
    groups.create(rosa, new)


def _cluster(rosa: Actor) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    h2 = nodes.get("h2")
    amounts = {capacity.resource.name: capacity.amount for capacity in h2.capacities}
    db.session.rollback()
    nodes.change(rosa, "h2", nodes.NodeChange(capacities={**amounts, "gpu": 4}))
    nodes.change(rosa, "c4", nodes.NodeChange(state=NodeState.DRAINED))
    nodes.change(rosa, "m1", nodes.NodeChange(description="Big memory, second floor"))
    closed = maintenance.MaintenanceNew("g2", now + 30 * HOUR, now + 34 * HOUR, "Power supply")
    maintenance.create(rosa, closed)
    limit_admin.create(
        rosa,
        limit_admin.LimitNew(
            "Memory of Genomics", "memory", 512 * 2**30, group="Genomics", scope=Scope.TOTAL
        ),
    )


def _own(alice: Actor) -> None:
    ends = clock.now() + 90 * 24 * HOUR
    for name, scope in (("Nightly evaluation", TokenScope.WRITE), ("Plots", TokenScope.READ)):
        access_tokens.create(alice, access_tokens.TokenNew(name, scope, ends))
    feeds.create(alice, feeds.FeedNew(FeedKind.OWN))
    feeds.create(alice, feeds.FeedNew(FeedKind.NODE, node="h1"))


def _sessions(usernames: Sequence[str]) -> None:
    now = clock.now()
    with writing() as session:
        for user in session.scalars(select(User).where(User.username.in_(usernames))):
            for agent, address, kind, hours in AGENTS:
                used = now - hours * HOUR
                session.add(
                    AuthSession(
                        id=uuid4().hex,
                        user_id=user.id,
                        kind=kind,
                        created_at=used - HOUR,
                        last_used_at=used,
                        expires_at=now + 12 * HOUR,
                        address=address,
                        agent=agent,
                    )
                )


def _notifications(rosa: Actor, alice: Actor) -> None:
    draft = Draft(
        name="Two hours before",
        type=NotificationType.TASK_START,
        time_offset=7200,
        subject="Soon: ${task_name}",
        template="${task_name} starts at ${task_start}.",
    )
    notifications.create(alice, draft, own=True)
    alert = Draft(
        name="My GPUs are busy",
        type=NotificationType.EXCEEDANCE_GENERAL,
        template=(paths.GRAFANA_TEMPLATES / "gpu.json").read_text(),
        resource="gpu",
        default_amount=4,
    )
    notifications.create(alice, alert, own=True)
    notifications.create(rosa, replace(draft, name="Newcomers: two hours before"))


def _letters(rosa: Actor) -> None:
    """Sent, waiting, failing and given-up ones."""
    now = clock.now()
    with writing() as session:
        ahead = select(Reservation.id).where(
            Reservation.starts_at > now, Reservation.cancelled_at.is_(None)
        )
        ids = list(session.scalars(ahead.order_by(Reservation.id).limit(6)))
        alices = ahead.join(Reservation.owner).where(User.username == "alice").limit(2)
        ids += session.scalars(alices).all()
        system_letters.contradicted(session, rosa, ids, "h2 has 4 gpu instead of 8.")
    told = Outbox.kind == OutboxKind.CONTRADICTED
    rows = db.session.scalars(select(Outbox.id).where(told).order_by(Outbox.id)).all()
    db.session.rollback()
    letter = Letter(
        "Your reservation no longer fits",
        "Hello,\n\nyour reservation stays, but h2 has 4 gpu instead of 8.\n\n-- \nREMAS",
    )
    for number, row in enumerate(rows):
        outbox.claim(row)
        if number == 0:
            outbox.mark_failed(row, REFUSED, HOUR, permanent=True)
        elif number == 1:
            outbox.mark_failed(row, AWAY, HOUR, permanent=False)
        elif number == 2:
            outbox.mark_dropped(row, "The reservation is cancelled.")
        else:
            outbox.mark_done(row, letter, f"person{number}@example.org")
