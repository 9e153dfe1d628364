"""Asking Prometheus on behalf of a page: within a second in all, and not twice for the same.

What it answered is kept for a moment in each process, and so is that it does not answer: a page
that many look at does not make each of them wait.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from remas import clock
from remas.clients.prometheus import Prometheus, PrometheusError, Series
from remas.errors import MeasurementsAway, NotFound
from remas.services.context import settings
from remas.services.transaction import let_go

PATIENCE = 0.9  # seconds for all questions of one page together
KEPT = timedelta(seconds=30)
SILENT = timedelta(seconds=5)  # for so long nobody asks a Prometheus again that did not answer
GRAIN = timedelta(seconds=15)  # as often as it usually measures: moments in between are the same
MOST_KEPT = 200_000  # values in all, some 30 MB

Key = tuple[str, ...]
Answer = tuple[Series, ...]


@dataclass(slots=True)
class _Memory:
    """The latest answers, oldest first; and until when an address is taken for silent, and why."""

    answers: "OrderedDict[Key, tuple[datetime, Answer]]" = field(default_factory=OrderedDict)
    silent: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    size: int = 0
    lock: Lock = field(default_factory=Lock)

    def recall(self, key: Key, now: datetime) -> Answer | None:
        """What was answered a moment ago, if that was asked then."""
        with self.lock:
            found = self.answers.get(key)
            return found[1] if found and found[0] > now else None

    def keep(self, key: Key, now: datetime, answer: Answer) -> None:
        """Remember an answer; the oldest are forgotten where it is too much."""
        with self.lock:
            self._forget(key)
            self.answers[key] = now + KEPT, answer
            self.size += _size(answer)
            while self.size > MOST_KEPT:
                self._forget(next(iter(self.answers)))

    def _forget(self, key: Key) -> None:
        if known := self.answers.pop(key, None):
            self.size -= _size(known[1])

    def forget_all(self) -> None:
        """As after a start."""
        with self.lock:
            self.answers.clear()
            self.silent.clear()
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


def recent(moment: datetime) -> datetime:
    """The moment, rounded down to `GRAIN`: what is asked again soon is then the same question."""
    return moment - timedelta(seconds=moment.timestamp() % GRAIN.total_seconds())


class Asking:
    """Questions that have `PATIENCE` in common.

    Both methods raise `MeasurementsAway` when Prometheus does not answer, `PrometheusError` when
    it cannot take just this question.
    """

    def __init__(self, url: str, prometheus: Prometheus) -> None:
        self._url, self._prometheus = url, prometheus

    def at(self, expression: str, moment: datetime) -> Answer:
        """One value for each series at most."""
        key = self._url, expression, moment.isoformat()
        return self._kept(key, lambda: self._prometheus.query(expression, moment))

    def over(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Answer:
        """Values at `start`, each `step` after it, and no later than `end`."""
        key = self._url, expression, start.isoformat(), end.isoformat(), str(step)
        ask = self._prometheus.query_range
        return self._kept(key, lambda: ask(expression, start, end, step))

    def _kept(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        now = clock.now()
        known = memory.recall(key, now)
        if known is not None:
            return known
        until, why = memory.silent.get(self._url, (now, ""))
        if until > now:
            raise MeasurementsAway(why)
        try:
            answer = ask()
        except PrometheusError as error:
            if error.is_refusal:
                raise
            memory.silent[self._url] = now + SILENT, str(error)
            raise MeasurementsAway(str(error)) from error
        memory.silent.pop(self._url, None)
        memory.keep(key, now, answer)
        return answer


@contextmanager
def asking() -> Iterator[Asking]:
    """Begin to ask; the database is let go meanwhile, so rows are to be read before."""
    url = settings().prometheus_url
    let_go()
    with Prometheus(url, PATIENCE) as prometheus:
        yield Asking(url, prometheus)
