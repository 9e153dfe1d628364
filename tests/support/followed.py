"""A small site whose Grafana is a double: people, nodes, an alert for everybody, a moved clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import time_machine
from flask import Flask
from sqlalchemy import select

from remas.extensions import db
from remas.grafana.wish import Wish
from remas.jobs import tasks
from remas.models import (
    EVERYONE,
    GrafanaMark,
    GrafanaState,
    Group,
    Notification,
    NotificationType,
    User,
)
from remas.services import booking, marks, monitoring, users, watching
from remas.services.actor import Actor
from remas.services.requests import AllocationSpec, BookingRequest
from remas.services.users import ProfileChange
from tests.support.factories import (
    actor_of,
    make_default_groups,
    make_node,
    make_notification,
    make_user,
)
from tests.support.grafana import Double
from tests.support.grafana_wishes import TEMPLATE, amiss
from tests.support.noon import NOW, hours

PEOPLE = ("ann", "bob", "cid", "dora", "eve", "finn", "gus")
SOURCE = "remas-prometheus"


def settings_of(double: Double) -> dict[str, str]:
    """How REMAS is told of this Grafana, and who gets what reaches nobody."""
    return {**double.settings(), "REMAS_ADMIN_EMAIL": "root@example.org"}


@dataclass
class Followed:
    """The site. Its app context is pushed; `clock` is its clock, which stands still."""

    app: Flask
    double: Double
    clock: time_machine.Traveller

    def tick(self) -> bool:
        """What the ticker does for Grafana; whether something was due."""
        marks.mark_starts_and_ends()
        due = monitoring.is_due()
        if due:
            tasks.follow_grafana()
        return due

    def later(self, **by: float) -> None:
        """Move the clock: `later(minutes=3)`."""
        self.clock.shift(timedelta(**by))

    def wishes(self) -> list[Wish]:
        """What everybody should have now."""
        db.session.rollback()
        return list(watching.wishes(db.session(), db.session.scalars(select(User.id)).all()))

    def amiss(self) -> list[str]:
        """What is not in Grafana as it should be."""
        return amiss(self.double.state, self.wishes())

    def marks(self) -> list[GrafanaMark]:
        """What waits to be made good."""
        db.session.rollback()
        return list(db.session.scalars(select(GrafanaMark).order_by(GrafanaMark.id)))

    def state(self) -> GrafanaState:
        """How it goes with Grafana."""
        db.session.rollback()
        return db.session.scalars(select(GrafanaState)).one()

    def thresholds(self, user: User) -> dict[str, int]:
        """The person's rules that are in Grafana: uid to the amount from which they alert."""
        rules = self.double.state.own_rules("remas-alerts", f"user-{user.id}")
        return {rule["uid"]: _amount(rule) for rule in rules}


def _amount(rule: dict) -> int:  # type: ignore[type-arg]
    return int(rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0])


@contextmanager
def followed(make_app: Callable[..., Flask], double: Double) -> Iterator[Followed]:
    """Seven people and an administrator, two nodes, an alert for all; Grafana is up to date."""
    app = make_app(**settings_of(double))
    double.state.sources[SOURCE] = {"uid": SOURCE, "name": "Prometheus", "type": "prometheus"}
    with time_machine.travel(NOW, tick=False) as clock, app.app_context():
        site = Followed(app, double, clock)
        make_default_groups()
        make_user("root", admin=True, email="boss@example.org")
        for name in PEOPLE:
            make_user(name)
        nodes = [make_node(name, {"cpu": 8}) for name in ("n1", "n2")]
        everyone = db.session.get_one(Group, EVERYONE)
        make_notification(
            "too much",
            NotificationType.EXCEEDANCE_TASK,
            groups=[everyone],
            template=TEMPLATE,
            default_amount=1,
            resource_id=nodes[0].capacities[0].resource_id,
        )
        site.tick()
        assert site.amiss() == []
        assert not monitoring.is_due()
        double.forget()
        yield site


# What happens there


def person(name: str = "ann") -> User:
    """The user of this name."""
    return db.session.scalars(select(User).where(User.username == name)).one()


def acting(name: str = "ann") -> Actor:
    """Somebody who acts, with nobody's rights but their own."""
    return actor_of(person(name))


def too_much() -> int:
    """The notification that all have."""
    return db.session.scalars(select(Notification.id).where(Notification.name == "too much")).one()


def book(cpu: int = 4, start: float = 0, end: float = 2, name: str = "ann") -> int:
    """Book on the first node, from and until so many hours after noon; the reservation's id."""
    wish = BookingRequest("job", hours(start), hours(end), (AllocationSpec("n1", "cpu", cpu),))
    booked = booking.create(acting(name), wish).reservation
    assert booked
    return booked.id


def amount(site: Followed, name: str = "ann", node: int = 0) -> int:
    """From how much on somebody's rule on the first or second node alerts, in Grafana."""
    found = site.thresholds(person(name))
    return found[sorted(found)[node]]


def taken_address(site: Followed, name: str = "ann") -> None:
    """Somebody else has this person's new address in Grafana."""
    with site.double.client() as client:
        client.create_user("stranger", f"new-{name}@example.org", "Stranger")
    users.update_me(acting(name), ProfileChange(email=f"new-{name}@example.org"))
