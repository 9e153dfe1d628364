"""The one row that says how it goes with Grafana as a whole."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from remas.models import GrafanaState
from remas.models.monitoring import ONLY
from remas.services.transaction import DbSession


def known(session: DbSession) -> GrafanaState | None:
    """The row as it is; None: nothing has happened yet."""
    return session.get(GrafanaState, ONLY, populate_existing=True)


def held(session: DbSession) -> GrafanaState:
    """The row, locked until the transaction ends; made where it is missing."""
    is_postgresql = session.connection().dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    session.execute(insert(GrafanaState).values(id=ONLY, failures=0).on_conflict_do_nothing())
    only = select(GrafanaState).where(GrafanaState.id == ONLY).with_for_update()
    return session.scalars(only.execution_options(populate_existing=True)).one()
