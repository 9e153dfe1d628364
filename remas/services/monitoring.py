"""Grafana follows what the database says. Nothing waits for it, and nothing is locked.

Changes leave marks (services/marks.py); here they are made good. First the marks are read, then
what is wished, then Grafana is brought there, and at last the marks that were read are deleted: cut
off anywhere, the next run does the same again, and finds most of it done. No transaction is open
while Grafana is asked.

Whoever calls `catch_up` or `sync` is the only one, having won the election for Grafana
(remas/jobs/election.py): two at once would undo each other's work.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from remas import clock, rehearsal
from remas.clients.grafana import Grafana, GrafanaError
from remas.config import Settings
from remas.errors import DomainError
from remas.extensions import db
from remas.grafana import reconcile
from remas.grafana.reconcile import Policy
from remas.grafana.refusals import Refusals, SomeRefused
from remas.grafana.wish import Wish
from remas.models import GrafanaMark, User
from remas.services import context, grafana_state, made_good, marks, watching
from remas.services.made_good import Marked
from remas.services.transaction import DbSession, let_go

log = logging.getLogger(__name__)

PASS = timedelta(hours=1)  # at least so often everybody is looked at, marked or not
SHARE = 3  # one person alone costs as many calls as this number in a pass over everybody

GoesOn = Callable[[], bool]


class _ToldToStop(Exception):
    """`goes_on` said no: what was begun is left to the next run."""


def is_due() -> bool:
    """Whether there is anything for `catch_up` to do now."""
    now = clock.now()
    session = let_go()
    try:
        if not _may_try(session, now):
            return False
        if _is_time_to_pass(session, now):
            return True
        due = select(GrafanaMark.id).where(GrafanaMark.next_attempt_at <= now).limit(1)
        return session.scalar(due) is not None
    finally:
        session.rollback()


def catch_up(settings: Settings, goes_on: GoesOn) -> None:
    """Make good what is marked and due; now and then everybody.

    Ends early between two people where `goes_on` says no. What goes wrong with Grafana is noted
    and tried again after a while, so it raises no `GrafanaError`.
    """
    now = clock.now()
    session = let_go()
    if not _may_try(session, now):
        session.rollback()
        return
    marked = made_good.read(session, now)
    people = {user_id for user_id, found in marked.items() if found.is_due}
    whole = _is_time_to_pass(session, now) or _concerns_all(session, people)
    session.rollback()
    if not (people or whole):
        return
    try:
        if whole:
            _everybody(settings, marked, goes_on)
        else:
            _some(settings, {who: marked[who] for who in people}, goes_on)
    except GrafanaError as error:
        log.warning("Grafana is not up to date: %s", error)
    except _ToldToStop:
        log.info("Grafana is not up to date yet: told to stop")


def sync(settings: Settings) -> int:
    """Make good whatever differs, for everybody, at once; how many people were looked at.

    Raises `GrafanaError`, also for what was refused for some people, when the others are seen to.
    """
    marked = made_good.read(let_go(), clock.now())
    return _everybody(settings, marked, lambda: True)


def _may_try(session: DbSession, now: datetime) -> bool:
    """Whether Grafana is not to be left alone right now.

    Nor is it when the time until then is longer than any wait: then the clock was put back.
    """
    state = grafana_state.known(session)
    until = state.next_attempt_at if state else None
    longest = max(context.settings().retry_limit, made_good.LONGEST_ASKED)
    return until is None or not now < until <= now + longest


def _is_time_to_pass(session: DbSession, now: datetime) -> bool:
    state = grafana_state.known(session)
    return state is None or state.passed_at is None or abs(now - state.passed_at) >= PASS


def _concerns_all(session: DbSession, people: Collection[int | None]) -> bool:
    """Whether to look at everybody: asked for, cheaper, or somebody among them is gone."""
    everyone = select(func.count()).select_from(User)
    if marks.EVERYBODY in people or len(people) * SHARE > (session.scalar(everyone) or 0):
        return True
    return session.scalar(everyone.where(User.id.in_(people))) != len(people)


def _some(settings: Settings, marked: Marked, goes_on: GoesOn) -> None:
    """Make good one person after the other; whom Grafana refuses keeps no other."""
    people = [user_id for user_id in marked if user_id is not None]
    with _grafana(settings, marked) as (grafana, refusals):
        for wish in _in_turn(people, marked, goes_on):
            who = wish.person.id
            with refusals.noted(who):
                reconcile.person(grafana, wish, _policy(settings))
            rehearsal.reached("reconciled")
            if who in refusals.people:
                log.warning("Grafana refuses for %s: %s", who, refusals.people[who])
            else:
                made_good.settle({who: marked[who]})
    made_good.ended({who: marked[who] for who in refusals.people}, refusals.people)


def _everybody(settings: Settings, marked: Marked, goes_on: GoesOn) -> int:
    """Make good everybody, and what is left of those who are gone; how many people.

    Raises `SomeRefused` at the end.
    """
    people = let_go().scalars(select(User.id)).all()
    with _grafana(settings, marked) as (grafana, refusals), suppress(SomeRefused):
        wishes = _in_turn(people, marked, goes_on)
        reconcile.everybody(grafana, wishes, _policy(settings), refusals)
    rehearsal.reached("reconciled")
    made_good.ended(marked, refusals.people, passed_at=clock.now())
    refusals.raise_if_any()
    return len(people)


def _in_turn(people: Collection[int], marked: Marked, goes_on: GoesOn) -> Iterator[Wish]:
    """As `_wishes`; whom Grafana refused before come last, and so keep nobody."""
    before = made_good.refused_before(marked)
    yield from _wishes([who for who in people if who not in before], goes_on)
    yield from _wishes([who for who in people if who in before], goes_on)


def _wishes(people: Collection[int], goes_on: GoesOn) -> Iterator[Wish]:
    """What each of these should have in Grafana; raises `_ToldToStop` before the next one."""
    session, ids = let_go(), sorted(people)
    for start in range(0, len(ids), watching.PEOPLE_AT_ONCE):
        moment = marks.moment_of(grafana_state.known(session), clock.now())
        some = ids[start : start + watching.PEOPLE_AT_ONCE]
        wishes = list(watching.wishes(session, some, moment))
        session.rollback()
        for wish in wishes:
            if not goes_on():
                raise _ToldToStop
            yield wish


@contextmanager
def _grafana(settings: Settings, marked: Marked) -> Iterator[tuple[Grafana, Refusals]]:
    """Grafana, and whom it refuses something in this run.

    What goes wrong with it as a whole is noted, and goes on to the caller.
    """
    grafana = Grafana.of(settings)
    refusals = Refusals(grafana, made_good.refused_before(marked))
    try:
        with grafana:
            yield grafana, refusals
    except (_ToldToStop, DomainError, SQLAlchemyError):
        raise  # none of which Grafana can do anything about
    except Exception as error:
        db.session().rollback()
        made_good.failed(error, settings.retry_limit, marked, refusals.people)
        raise


def _policy(settings: Settings) -> Policy:
    return Policy(
        direct=settings.grafana_direct,
        fallback=settings.admin_email,
        own_login=settings.grafana_username,
    )
