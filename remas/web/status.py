"""How things stand now: what is free on each node, and for administrators REMAS itself."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.forms.notifications import STATES
from remas.models.outbox import OutboxState
from remas.services import exceeding, monitoring_standing, status
from remas.services.context import settings
from remas.services.monitoring_standing import Standing
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
        watched=exceeding.is_shown(),
        service=service,
        following=_following(),
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


@blueprint.post("/status/grafana")
def bring_up_to_date() -> Response:
    """Have everybody looked at in Grafana now."""
    monitoring_standing.sync_now(current.actor())
    flash("Everybody is being looked at in Grafana. Look here again in a moment.", "success")
    return redirect(url_for(".index", _anchor="grafana"))


def _following() -> Standing | None:
    """How it goes with Grafana, for administrators, where it is used."""
    if current.actor().is_admin and settings().grafana_url:
        return monitoring_standing.standing(current.actor())
    return None
