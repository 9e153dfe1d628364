"""User ids of the nodes: which of them are people's, and which is free next."""

from sqlalchemy import func, select

from remas.extensions import db
from remas.models import User
from remas.services.actor import Actor
from remas.services.transaction import DbSession

FIRST, END = 1000, 65534
"""People's uids on Linux, `[FIRST, END)`: below are services, and 65534 is nobody."""


def suggested(actor: Actor) -> int | None:
    """One above the highest in use, else the lowest that is free; None: there is none."""
    actor.require_admin()
    session = db.session()
    highest = session.scalar(select(func.max(User.uid)).where(User.uid >= FIRST, User.uid < END))
    after = FIRST if highest is None else highest + 1
    return after if after < END else _first_gap(session)


def _first_gap(session: DbSession) -> int | None:
    used = set(session.scalars(select(User.uid).where(User.uid >= FIRST, User.uid < END)))
    return next((uid for uid in range(FIRST, END) if uid not in used), None)
