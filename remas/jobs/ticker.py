"""The ticker: sees to it that what is due is carried, that Grafana follows, and that the house is
tidied once a day.

It finds by "due and not done", never by "due exactly now": what a crash, a flushed Redis or a
stopped machine left behind is found again like all else.
"""

import threading
from datetime import datetime, timedelta

from flask import Flask, current_app

from remas import clock, rehearsal
from remas.config import Settings
from remas.extensions import db
from remas.jobs.carriers import Carrier, carrier_for
from remas.jobs.election import Election, election_for
from remas.jobs.following import Follower, follower_for
from remas.services import chores, heartbeats, marks, monitoring, outbox

BATCH = 200  # rows taken at once
GLANCE = timedelta(seconds=2)  # so soon is noticed what was written after the last look
STANDBY = timedelta(seconds=5)  # after this the others stand for election again
DAY = timedelta(days=1)


class _Rhythm:
    """Something that is to be done once in a while, at first at once."""

    def __init__(self, period: timedelta) -> None:
        self._period = period
        self._last: datetime | None = None

    def is_due(self) -> bool:
        """Whether it is time again; then it counts as done. A clock that is put back is no wait."""
        now = clock.now()
        if self._last is not None and abs(now - self._last) < self._period:
            return False
        self._last = now
        return True


class Ticker:
    """Works in the thread that calls `run`; `stop` may be called from any, and from a signal."""

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        carrier: Carrier | None = None,
        election: Election | None = None,
        follower: Follower | None = None,
    ) -> None:
        self._app, self._settings = app, settings
        self._carrier = carrier or carrier_for(settings)
        self._follower = follower or follower_for(app, settings)
        with app.app_context():
            self._election = election or election_for(settings, db.engine)
        self._stopped = threading.Event()
        self._beats = _Rhythm(settings.ticker_period)
        self._days = _Rhythm(DAY)
        self._glances = _Rhythm(min(GLANCE, settings.ticker_period))

    def run(self) -> None:
        """Look, carry, wait, until `stop`."""
        try:
            while not self._stopped.is_set():
                self._stopped.wait(self.turn().total_seconds())
        finally:
            if self._follower:
                self._follower.stop()
            self._election.resign()

    def stop(self) -> None:
        """End after the row that is being carried."""
        self._stopped.set()

    def turn(self) -> timedelta:
        """One turn; how long to wait for the next. Whatever goes wrong, there is a next one."""
        with self._app.app_context():
            try:
                return self._look() if self._election.holds() else STANDBY
            except Exception:
                current_app.logger.exception("the ticker could not do its turn")
                return STANDBY

    def _look(self) -> timedelta:
        """Carry what is due; how long to wait for what comes."""
        self._beat()
        if self._days.is_due():
            chores.do(self._settings)
        self._see_to_grafana()
        longest = min(GLANCE, self._settings.ticker_period)
        next_due, now = outbox.next_due(), clock.now()
        db.session.rollback()
        if next_due is None or next_due > now:
            return longest if next_due is None else min(longest, next_due - now)
        ids = outbox.take(BATCH)
        rehearsal.reached("taken")
        self._carrier.carry(ids, self._goes_on)
        return timedelta() if ids else longest

    def _goes_on(self) -> bool:
        """Between two rows: whether to carry the next one."""
        self._beat()
        self._see_to_grafana()
        return not self._stopped.is_set()

    def _see_to_grafana(self) -> None:
        """Now and then have Grafana made good; whatever goes wrong with it keeps no letter."""
        if self._follower is None or not self._glances.is_due():
            return
        try:
            marks.mark_starts_and_ends()
            if monitoring.is_due():
                self._follower.start()
        except Exception:
            current_app.logger.exception("the ticker could not see to Grafana")

    def _beat(self) -> None:
        if self._beats.is_due():
            heartbeats.beat(heartbeats.TICKER)
