"""What was sent to a person: to read again, and to be noticed."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from remas import clock
from remas.errors import Busy, Forbidden
from remas.extensions import db
from remas.models import Outbox, User
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.transaction import DbSession, writing

LOOKED_BACK = timedelta(days=30)  # to count what is new, older letters need not be read
MOST_COUNTED = 99


def search(actor: Actor, page: int = 1, per_page: int = PER_PAGE) -> Page[Outbox]:
    """The letters to the actor, latest first: sent, or only told here while mail is off."""
    query = select(Outbox).where(Outbox.recipient_id == _person(actor), Outbox.done_at.is_not(None))
    latest = query.order_by(Outbox.done_at.desc(), Outbox.id.desc())
    return page_of(db.session(), latest, page, per_page)


def unseen(actor: Actor) -> int:
    """How many came since the actor last looked at them; more than MOST_COUNTED are not counted."""
    session = db.session()
    new = (
        select(Outbox.id)
        .join(User, User.id == Outbox.recipient_id)
        .where(
            User.id == _person(actor),
            Outbox.due_at > clock.now() - LOOKED_BACK,
            Outbox.done_at > func.coalesce(User.letters_seen_at, User.created_at),
        )
        .limit(MOST_COUNTED)
    )
    return session.scalar(select(func.count()).select_from(new.subquery())) or 0


def look(actor: Actor) -> datetime:
    """From now on nothing that is there is new; until when the actor had looked before.

    Where it would have to wait for somebody, what is new stays new.
    """
    user = db.session().get_one(User, _person(actor))
    before, now = user.letters_seen_at or user.created_at, clock.now()
    with suppress(Busy), writing() as session:
        seen = update(User).where(User.id == user.id).values(letters_seen_at=now)
        session.execute(seen.execution_options(synchronize_session=False))
    return before


def wants_calendar(actor: Actor) -> bool:
    """Whether the actor gets a calendar file of what he makes, changes and cancels himself."""
    wants = select(User.calendar_letters).where(User.id == _person(actor))
    return bool(db.session().scalar(wants))


def want_calendar(actor: Actor, wanted: bool) -> None:
    """Ask for calendar files of one's own doing, or for none."""
    with writing() as session:
        user = _held(session, actor)
        before = {"calendar_letters": user.calendar_letters}
        user.calendar_letters = wanted
        after = {"calendar_letters": wanted}
        audit.record_change(session, actor, "user", (user.id, user.username), before, after)


def _held(session: DbSession, actor: Actor) -> User:
    locks.lock(session, users=[_person(actor)])
    return session.get_one(User, actor.id)


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person gets letters.")
    return actor.id
