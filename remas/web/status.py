"""How things stand now: what is free on each node, and for administrators REMAS itself."""

from datetime import timedelta

from flask import Blueprint, render_template

from remas import clock
from remas.forms.notifications import STATES
from remas.models.outbox import OutboxState
from remas.services import status
from remas.services.context import settings
from remas.web import current

blueprint = Blueprint("status", __name__)

SILENT = timedelta(minutes=3)  # the ticker says more often than this that it lives
LATE = timedelta(minutes=5)  # a letter that is late by more is worth a look
OPEN = (OutboxState.WAITING, OutboxState.RETRYING, OutboxState.DEAD)


@blueprint.get("/status")
def index() -> str:
    """The nodes now, and the way to Grafana where there is one."""
    actor, now = current.actor(), clock.now()
    service = status.service(actor) if actor.is_admin else None
    return render_template(
        "status/index.html",
        nodes=status.nodes_now(),
        service=service,
        silent=service is not None
        and (service.ticker_seen is None or now - service.ticker_seen > SILENT),
        late=service is not None
        and service.oldest_due is not None
        and now - service.oldest_due > LATE,
        open_states=OPEN,
        letter_states=STATES,
        mail_is_on=settings().smtp_enabled,
        grafana=settings().grafana_redirect_url,
        now=now,
    )
