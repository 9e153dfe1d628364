"""Parts that run by themselves say that they live; the status page and /metrics tell when last."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from remas import clock
from remas.extensions import db
from remas.models import Heartbeat
from remas.services.transaction import writing

TICKER = "ticker"


def beat(name: str) -> None:
    """Note that this part is at work now."""
    with writing() as session:
        is_postgresql = session.connection().dialect.name == "postgresql"
        insert = postgresql.insert if is_postgresql else sqlite.insert
        now = clock.now()
        row = insert(Heartbeat).values(name=name, at=now)
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"at": now}))


def last(name: str) -> datetime | None:
    """When this part was last at work; None: never."""
    return db.session().scalar(select(Heartbeat.at).where(Heartbeat.name == name))
