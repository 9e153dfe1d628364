"""Asking Prometheus on behalf of a page: within a second in all, and not twice for the same.

What it answered is kept for a moment in each process, so that a page that many look at is asked
for once, and that a page whose questions take longer than a second has the rest at its next try.
Kept is as well what it did not answer. That says nothing yet of other questions: before the next
of them it is asked something that costs it nothing, and only where that fails nobody asks it
anything for a while.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar

from remas import clock
from remas.clients.prometheus import (
    UNREADABLE,
    Prometheus,
    PrometheusError,
    Series,
    Trouble,
)
from remas.errors import MeasurementsAway, NotFound
from remas.grafana import usage
from remas.services.context import settings
from remas.services.transaction import let_go

PATIENCE = 0.9  # seconds for all questions of one page together
KEPT = 30  # seconds
SILENT = 5  # seconds in which nobody asks again what was not answered
CHEAP, CHEAP_PATIENCE = "vector(1)", 0.4  # seconds
MOST_KEPT = 200_000  # values in all, some 30 MB
MOST_UNANSWERED = 1000  # questions

Key = tuple[str, ...]
Answer = tuple[Series, ...]
Item = TypeVar("Item")


@dataclass(slots=True)
class _Memory:
    """The latest answers with the moments of which they tell; what was not answered, and why: a
    question, or (the address alone) anything; oldest first, until a reading of the clock that
    nobody sets back. And the addresses that left something unanswered and nothing answered since.
    """

    answers: "OrderedDict[Key, tuple[float, datetime, Answer]]" = field(default_factory=OrderedDict)
    unanswered: "OrderedDict[Key, tuple[float, str]]" = field(default_factory=OrderedDict)
    doubted: set[str] = field(default_factory=set)
    size: int = 0
    lock: Lock = field(default_factory=Lock)

    def recall(self, key: Key) -> tuple[datetime, Answer] | None:
        """What was answered a moment ago, if that was asked then."""
        with self.lock:
            found = self.answers.get(key)
            return found[1:] if found and found[0] > time.monotonic() else None

    def keep(self, key: Key, moment: datetime, answer: Answer) -> None:
        """Remember an answer; the oldest are forgotten where it is too much."""
        with self.lock:
            self._forget(key)
            self.answers[key] = time.monotonic() + KEPT, moment, answer
            self.size += _size(answer)
            while self.size > MOST_KEPT:
                self._forget(next(iter(self.answers)))

    def _forget(self, key: Key) -> None:
        if known := self.answers.pop(key, None):
            self.size -= _size(known[2])

    def blame(self, key: Key, why: str) -> None:
        """Remember that this was not answered."""
        with self.lock:
            self.doubted.add(key[0])
            self.unanswered.pop(key, None)
            self.unanswered[key] = time.monotonic() + SILENT, why
            if len(self.unanswered) > MOST_UNANSWERED:
                self.unanswered.popitem(last=False)

    def blamed(self, key: Key) -> str | None:
        """Why this is better not asked now."""
        with self.lock:
            for one in (key, key[:1]):
                until, why = self.unanswered.get(one, (0.0, ""))
                if until > time.monotonic():
                    return why
            return None

    def trust(self, url: str) -> None:
        """Remember that it answers."""
        with self.lock:
            self.doubted.discard(url)

    def forget_all(self) -> None:
        """As after a start."""
        with self.lock:
            self.answers.clear()
            self.unanswered.clear()
            self.doubted.clear()
            self.size = 0


def _size(answer: Answer) -> int:
    return sum(5 + len(series.values) for series in answer)


memory = _Memory()


def is_on() -> bool:
    """Whether there is a Prometheus to ask."""
    return bool(settings().prometheus_url)


def require_on() -> None:
    """Raises `NotFound` where there is no Prometheus to ask."""
    if not is_on():
        raise NotFound("Nothing is measured here: PROMETHEUS_URL is not set.")


def place_of(series: Series, places: Sequence[Item]) -> Item:
    """Of which of the places that were asked for (`usage.of_places`) it tells.

    Raises `PrometheusError`.
    """
    try:
        return places[int(series.labels[usage.PLACE])]
    except (LookupError, ValueError):
        raise PrometheusError(UNREADABLE) from None


class Asking:
    """Questions that have `PATIENCE` in common.

    Both methods raise `MeasurementsAway` when Prometheus does not answer, `PrometheusError` when
    it cannot take just this question. `as_of`: the earliest moment of which an answer tells.
    """

    def __init__(self, url: str, prometheus: Prometheus) -> None:
        self._url, self._prometheus = url, prometheus
        self._now = self.as_of = clock.now()

    def now(self, expression: str) -> Answer:
        """One value for each series at most: of now, or of at most `KEPT` seconds ago."""
        key = self._url, expression
        return self._kept(key, lambda: self._prometheus.query(expression, self._now))

    def over(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Answer:
        """Values at `start`, each `step` after it, and no later than `end`."""
        key = self._url, expression, start.isoformat(), end.isoformat(), str(step)
        ask = self._prometheus.query_range
        return self._kept(key, lambda: ask(expression, start, end, step))

    def _kept(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        if known := memory.recall(key):
            moment, answer = known
            self.as_of = min(self.as_of, moment)
            return answer
        if why := memory.blamed(key):
            raise MeasurementsAway(why)
        if self._url in memory.doubted:
            with suppress(PrometheusError):  # whoever refuses answers
                self._asked((self._url,), self._try)
        answer = self._asked(key, ask)
        memory.keep(key, self._now, answer)
        return answer

    def _try(self) -> Answer:
        return self._prometheus.query(CHEAP, self._now, CHEAP_PATIENCE)

    def _asked(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        try:
            answer = ask()
        except PrometheusError as error:
            if error.is_refusal:
                memory.trust(self._url)
                raise
            if error.trouble is not Trouble.UNSENT:
                is_away = error.trouble is Trouble.UNREACHED
                memory.blame(key[:1] if is_away else key, str(error))
            raise MeasurementsAway(str(error)) from error
        memory.trust(self._url)
        return answer


@contextmanager
def asking() -> Iterator[Asking]:
    """Begin to ask; the database is let go meanwhile, so rows are to be read before."""
    url = settings().prometheus_url
    let_go()
    with Prometheus(url, PATIENCE) as prometheus:
        yield Asking(url, prometheus)
