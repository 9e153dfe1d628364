"""Whose matter it is when Grafana does not do as asked: one person's, or everybody's.

- It understood and refused (4xx): that one person's. The others are seen to.
- It does not answer, takes no password (401), is asked too much (429), or a proxy answers in its
  place (502, 503, 504): everybody's. The run ends.
- It answers that it failed (any other 5xx): either. One broken account may answer so for ever; a
  Grafana whose database takes no writes answers so to every write, while it reads well and calls
  itself healthy. So it is that one person's, unless Grafana says that it is not well, or
  `IN_A_ROW` people fail so, one after the other, and nothing could be written for anybody between
  them: then the run ends, and a broken Grafana is not asked in vain for all the others.

That some people really are broken keeps nobody for ever: whoever fails is noted, also when the run
ends thereby. Those noted before come last (services/monitoring.py) and count in no row, as they
tell nothing new of Grafana. So each run that ends so leaves fewer who could end the next.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from remas.clients.grafana import Grafana, GrafanaError

IN_A_ROW = 3
TOLD = 3  # refusals, of all that there are


class NotPossible(GrafanaError):
    """What this one person is to have contradicts itself, or what is there; others do not mind."""

    @property
    def is_about_one(self) -> bool:
        return True


class SomeRefused(NotPossible):
    """A run went to its end, but for these."""

    def __init__(self, found: Collection[GrafanaError]) -> None:
        first = " ".join(str(error) for error in list(found)[:TOLD])
        several = f"{len(found)} times Grafana could not be made good. {first}"
        super().__init__(first if len(found) == 1 else several)


class Refusals:
    """What could not be made good in one run.

    `people`: those who could not be, with why. `others`: what is about nobody in particular, and
    is told, and tried again by the next pass over everybody.
    """

    def __init__(self, grafana: Grafana, known: Collection[int] = ()) -> None:
        """`known`: the numbers of those whom an earlier run noted."""
        self.people: dict[int, GrafanaError] = {}
        self.others: list[GrafanaError] = []
        self._grafana, self._known, self._row = grafana, known, 0

    @contextmanager
    def noted(self, user_id: int | None = None) -> Iterator[None]:
        """What is done here is about this person; None: about nobody in particular.

        Goes on where Grafana refuses just that; raises `GrafanaError` where it is everybody's.
        """
        before = self._grafana.writes
        try:
            yield
        except GrafanaError as error:
            self._note(user_id, error)
        else:
            if self._grafana.writes > before:
                self._row = 0

    def raise_if_any(self) -> None:
        """Raise `SomeRefused` where something could not be made good."""
        found = [*self.people.values(), *self.others]
        if found:
            raise SomeRefused(found)

    def _note(self, user_id: int | None, error: GrafanaError) -> None:
        failed = error.may_be_about_one and not error.is_about_one
        if not error.is_about_one and not (failed and self._is_well()):
            raise error
        if user_id is None:
            self.others.append(error)
            return
        self.people[user_id] = error
        self._row += failed and user_id not in self._known
        if self._row >= IN_A_ROW:
            raise error

    def _is_well(self) -> bool:
        try:
            return self._grafana.is_well()
        except GrafanaError:
            return False
