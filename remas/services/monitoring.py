"""Bringing Grafana to what the database says. Nothing waits for it, and nothing is locked."""

from collections.abc import Iterator

from sqlalchemy import select

from remas.clients.grafana import Grafana
from remas.config import Settings
from remas.extensions import db
from remas.grafana import reconcile
from remas.grafana.reconcile import Policy
from remas.grafana.wish import Wish
from remas.models import User
from remas.services import watching


def sync(settings: Settings) -> int:
    """Make good whatever differs, for everybody; how many people were looked at.

    The caller holds the election for Grafana (remas/jobs/election.py): two at once would undo
    each other's work. Raises `GrafanaError`.
    """
    people = list(_everybody())
    policy = Policy(
        direct=settings.grafana_direct,
        fallback=settings.admin_email,
        own_login=settings.grafana_username,
    )
    with Grafana.of(settings) as grafana:
        reconcile.everybody(grafana, people, policy)
    return len(people)


def _everybody() -> Iterator[Wish]:
    """What each person should have there; no transaction stays open while Grafana is asked."""
    session = db.session()
    try:
        yield from watching.wishes(session, session.scalars(select(User.id)).all())
    finally:
        session.rollback()
