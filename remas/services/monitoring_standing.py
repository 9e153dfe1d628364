"""How far Grafana is behind what the database says, and what keeps it. For administrators."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, union_all, update

from remas import clock
from remas.errors import NotFound
from remas.extensions import db
from remas.models import GrafanaMark, GrafanaState, Reservation, User
from remas.models.monitoring import ONLY
from remas.services import audit, grafana_state, marks
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.transaction import DbSession, writing

LATE = timedelta(minutes=10)  # whatever is longer behind is worth a look
MOST_TOLD = 20  # people who are refused, of all that there are


@dataclass(frozen=True, slots=True)
class Numbers:
    """`people`: for how many something may be different in Grafana, `since` at most so long (None:
    not known). Not among them are the `refused`: those for whom Grafana does not take it.

    `failures`: how often in a row Grafana as a whole failed. `passed_at`: when everybody was last
    looked at; None: never, so that all people wait.
    """

    people: int
    everybody: bool
    since: datetime | None
    refused: int
    failures: int
    passed_at: datetime | None

    @property
    def is_late(self) -> bool:
        """Whether somebody has been waiting for long."""
        return self.people > 0 and (self.since is None or clock.now() - self.since > LATE)


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody for whom Grafana does not take it, and why. `username` None: gone by now."""

    username: str | None
    since: datetime
    attempts: int
    text: str
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """`last_error` and `next_attempt_at` are of Grafana as a whole; None: nothing is wrong, or it
    is tried as soon as there is anything to do. `refused`: the first of them, the longest first.
    """

    numbers: Numbers
    last_error: str | None
    next_attempt_at: datetime | None
    refused: tuple[Refused, ...]


def numbers() -> Numbers | None:
    """The state of things in numbers; None: Grafana is not used. At most four queries."""
    if not settings().grafana_url:
        return None
    session = db.session()
    state = grafana_state.known(session)
    waiting, refused = _marked(session)
    for user_id, moment in _unmarked(session, state):
        waiting[user_id] = min(moment, waiting.get(user_id, moment))
    since = min((moment for who, moment in waiting.items() if who not in refused), default=None)
    people = waiting.keys() - refused - {marks.EVERYBODY}
    passed_at = state.passed_at if state else None
    everybody = marks.EVERYBODY in waiting or passed_at is None
    return Numbers(
        people=_all_but(session, refused) if everybody else len(people),
        everybody=everybody,
        since=since,
        refused=len(refused),
        failures=state.failures if state else 0,
        passed_at=passed_at,
    )


def standing(actor: Actor) -> Standing:
    """How it goes with Grafana. Raises `Forbidden`, `NotFound` where it is not used."""
    actor.require_admin()
    found = numbers()
    if found is None:
        raise _not_used()
    state = grafana_state.known(db.session())
    return Standing(
        numbers=found,
        last_error=state.last_error if state and state.failures else None,
        next_attempt_at=state.next_attempt_at if state else None,
        refused=tuple(_told(db.session())) if found.refused else (),
    )


def sync_now(actor: Actor) -> None:
    """Have everybody looked at as soon as the ticker comes round, without waiting for next tries.

    The record of it marks everybody. Raises `Forbidden`, `NotFound` where Grafana is not used.
    """
    actor.require_admin()
    if not settings().grafana_url:
        raise _not_used()
    with writing() as session:
        state, now = grafana_state.held(session), clock.now()
        state.next_attempt_at = None
        # Whoever deletes marks may wait for the row above; so nothing is waited for from here on.
        later = select(GrafanaMark.id).where(GrafanaMark.next_attempt_at > now)
        free = GrafanaMark.id.in_(later.with_for_update(skip_locked=True))
        again = update(GrafanaMark).where(free).values(next_attempt_at=now)
        session.execute(again.execution_options(synchronize_session=False))
        audit.record(session, actor, "bring up to date", "grafana", (ONLY, "Grafana"))


def _not_used() -> NotFound:
    return NotFound("Grafana is not used here: the setting GRAFANA_URL is empty.")


def _marked(session: DbSession) -> tuple[dict[int | None, datetime], set[int | None]]:
    """Who is marked, since when; and who of them is refused."""
    rows = session.execute(
        select(
            GrafanaMark.user_id, func.min(GrafanaMark.created_at), func.max(GrafanaMark.attempts)
        ).group_by(GrafanaMark.user_id)
    ).all()
    since = {user_id: moment for user_id, moment, _ in rows}
    return since, {user_id for user_id, _, attempts in rows if attempts}


def _unmarked(
    session: DbSession, state: GrafanaState | None
) -> Iterable[tuple[int | None, datetime]]:
    """Whose reservations have started or ended since the ticker last marked such people, and when
    first: while no ticker is at work, Grafana is behind without a mark."""
    since = (state.edges_until or state.passed_at) if state else None
    if since is None:
        return []
    now = clock.now()
    edges = union_all(
        *(
            select(Reservation.owner_id, edge.label("moment")).where(
                Reservation.cancelled_at.is_(None), edge > since, edge <= now
            )
            for edge in (Reservation.starts_at, Reservation.ends_at)
        )
    ).subquery()
    first = select(edges.c.owner_id, func.min(edges.c.moment)).group_by(edges.c.owner_id)
    return [(owner_id, moment) for owner_id, moment in session.execute(first)]


def _all_but(session: DbSession, refused: set[int | None]) -> int:
    query = select(func.count()).select_from(User)
    return session.scalar(query.where(User.id.not_in(refused - {marks.EVERYBODY}))) or 0


def _told(session: DbSession) -> Iterable[Refused]:
    """The refused, as many as are told. Each has one mark that was tried, and perhaps new ones."""
    rows = session.execute(
        select(GrafanaMark, User.username)
        .outerjoin(User, User.id == GrafanaMark.user_id)
        .where(GrafanaMark.attempts > 0)
        .order_by(GrafanaMark.created_at, GrafanaMark.id)
        .limit(MOST_TOLD)
    )
    return [
        Refused(name, row.created_at, row.attempts, row.last_error or "", row.next_attempt_at)
        for row, name in rows
    ]
