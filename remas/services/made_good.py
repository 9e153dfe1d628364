"""Which marks there are for Grafana, and what became of them: each function is one short step.

Whoever locks both, locks the row of the state first, then marks.

Marks that were read are deleted by their ids. Whatever is marked after the reading stays, also
where it is about the same person, or has a lower id and was only committed later.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from remas import clock
from remas.clients.grafana import GrafanaError
from remas.models import GrafanaMark
from remas.services import grafana_state
from remas.services.outbox import LONGEST_ERROR, wait_after
from remas.services.transaction import DbSession, writing

AT_ONCE = 1000  # ids in a statement
LONGEST_REFUSED = timedelta(hours=1)  # between two tries for somebody for whom Grafana refuses
LONGEST_ASKED = timedelta(hours=1)  # that Grafana, or a proxy before it, may ask for
LOCKED_OUT = timedelta(minutes=5)  # after which Grafana hears a name and a password again


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of one person, or of everybody, that there were at one moment.

    `since`: when the oldest was made. `attempts`: how often Grafana refused so far. `is_due`: at
    least one does not wait.
    """

    ids: tuple[int, ...]
    since: datetime
    attempts: int
    is_due: bool


Marked = Mapping[int | None, Marks]
"""By the id of the person; None: everybody."""

Refused = Mapping[int, GrafanaError]
"""Why Grafana refused, by the id of the person."""


def read(session: DbSession, now: datetime) -> Marked:
    """All marks that there are. To be called before what is wished is read."""
    found: dict[int | None, list[GrafanaMark]] = defaultdict(list)
    for row in session.scalars(select(GrafanaMark).order_by(GrafanaMark.id)):
        found[row.user_id].append(row)
    return {
        user_id: Marks(
            tuple(row.id for row in rows),
            min(row.created_at for row in rows),
            max(row.attempts for row in rows),
            any(row.next_attempt_at <= now for row in rows),
        )
        for user_id, rows in found.items()
    }


def refused_before(marked: Marked) -> set[int]:
    """Those of them whom an earlier run noted as refused."""
    return {user_id for user_id, found in marked.items() if user_id and found.attempts}


def settle(marked: Marked) -> None:
    """These are made good."""
    with writing() as session:
        _delete(session, marked)


def ended(marked: Marked, refused: Refused, passed_at: datetime | None = None) -> None:
    """A run came to its end, so Grafana works: these are made good, but for those refused.

    Who is refused is tried again after a while. `passed_at`: now, if everybody was looked at.
    """
    with writing() as session:
        state = grafana_state.held(session)
        _delete(session, marked)
        session.add_all(_again(marked, refused))
        state.failures, state.last_error, state.next_attempt_at = 0, None, None
        if passed_at is not None:
            state.passed_at = passed_at


def failed(error: Exception, longest_wait: timedelta, marked: Marked, refused: Refused) -> None:
    """Grafana as a whole does not do as asked: it is left alone for a while.

    Who was refused before that is noted; no other mark goes.
    """
    is_told = isinstance(error, GrafanaError)
    text = str(error) if is_told else f"Unforeseen, the log has more: {type(error).__name__}."
    with writing() as session:
        state = grafana_state.held(session)
        _delete(session, {who: marked[who] for who in refused if who in marked})
        session.add_all(_again(marked, refused))
        state.failures += 1
        state.last_error = text[:LONGEST_ERROR]
        wait = wait_after(state.failures, longest_wait)
        if isinstance(error, GrafanaError):
            wait = max(wait, _asked_for(error))
        state.next_attempt_at = clock.now() + wait


def _asked_for(error: GrafanaError) -> timedelta:
    """How long Grafana wants to be left alone at least."""
    if error.is_locked_out:
        return LOCKED_OUT
    return min(error.wait or timedelta(), LONGEST_ASKED)


def forget() -> None:
    """Delete all marks, where there is no Grafana any more that could be made good."""
    with writing() as session:
        session.execute(delete(GrafanaMark).execution_options(synchronize_session=False))


def _delete(session: DbSession, marked: Marked) -> None:
    ids = [number for marks in marked.values() for number in marks.ids]
    for start in range(0, len(ids), AT_ONCE):
        gone = delete(GrafanaMark).where(GrafanaMark.id.in_(ids[start : start + AT_ONCE]))
        session.execute(gone.execution_options(synchronize_session=False))


def _again(marked: Marked, refused: Refused) -> Iterator[GrafanaMark]:
    """For each of those refused one mark, in place of all that the person had."""
    now = clock.now()
    for user_id, error in refused.items():
        before = marked.get(user_id)
        attempts = (before.attempts if before else 0) + 1
        yield GrafanaMark(
            user_id=user_id,
            created_at=before.since if before else now,
            next_attempt_at=now + wait_after(attempts, LONGEST_REFUSED),
            attempts=attempts,
            last_error=str(error)[:LONGEST_ERROR],
        )
