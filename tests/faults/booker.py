"""A process that books, one reservation after the other, until it is killed at a commit.

`python -m tests.faults.booker USERNAME NODE NUMBER inside|after`: `inside` plans the reminders as
REMAS does; `after` in a transaction of its own after the booking's, the way that loses some.
"""

import os
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import event, select

from remas import clock, create_app, rehearsal
from remas.config import Settings
from remas.extensions import db
from remas.models import User
from remas.services import booking, locks, reminders
from remas.services.actor import Actor
from remas.services.requests import AllocationSpec, BookingRequest
from remas.services.transaction import writing


def main() -> None:
    username, node, number, how = sys.argv[1:]
    with create_app(Settings.load(os.environ)).app_context():
        user_id = db.session.scalars(select(User.id).where(User.username == username)).one()
        actor = Actor(id=user_id, username=username, is_admin=False)
        replan = reminders.replan
        if how == "after":
            booking.reminders = _Nothing()  # type: ignore[attr-defined]
        event.listen(db.session.registry(), "after_commit", _committed)
        start = clock.ceil_minute(clock.now() + timedelta(days=1))
        for i in range(int(number)):
            begins = start + timedelta(hours=i)
            specs = (AllocationSpec(node, "cpu", 1),)
            wish = BookingRequest(f"job {i}", begins, begins + timedelta(hours=1), specs)
            booking.create(actor, wish)
            if how == "after":
                with writing() as session:
                    locks.lock(session, users=[user_id])
                    replan(session, [user_id])


class _Nothing:
    """Plans nothing."""

    def replan(self, _session: Any, _user_ids: Iterable[int]) -> None:
        """As `reminders.replan`, but nothing happens."""


def _committed(_session: Any) -> None:
    rehearsal.reached("committed")


if __name__ == "__main__":
    main()
