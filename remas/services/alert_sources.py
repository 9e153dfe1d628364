"""Whether the data sources that an alert's template names are in Grafana, asked when it is saved.

Grafana may be away: then the template is saved all the same, and whoever saves it is told.
"""

import logging
from dataclasses import dataclass

from remas.clients.grafana import Grafana, GrafanaError
from remas.errors import Invalid
from remas.letters import alert, alert_shape
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.transaction import let_go

log = logging.getLogger(__name__)

WITHIN = 2.0  # seconds for all that is asked: somebody waits before the page
MOST_TOLD = 20  # uids in one sentence
UNCHECKED = "Grafana did not answer: whether the data sources of the rule are there is not checked."
"""What whoever saves an alert is told then."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking. `missing`: uids that the template names and Grafana has not.

    `unanswered`: Grafana was asked and did not tell.
    """

    missing: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    unanswered: bool = False

    def require(self, actor: Actor) -> None:
        """Raises `Invalid` where something is missing; administrators are told what is there."""
        if not self.missing:
            return
        verb = "no data source" if len(self.missing) == 1 else "no data sources"
        there = f"It has {_listed(self.known)}." if self.known else "It has none."
        if not actor.is_admin:
            there = "Administrators know which there are."
        text = f"Grafana has {verb} with the uid {_listed(self.missing)}. {there}"
        raise Invalid.field("template", text)


NOTHING = Looked()
"""There was nothing to look for."""


def look(template: str | None) -> Looked:
    """Look for the data sources of a template, which need not be one of an alert.

    Holds nothing meanwhile: whatever was read before is detached. Takes `WITHIN` at most.
    """
    wanted = _named(template)
    if not wanted or not settings().grafana_url:
        return NOTHING
    let_go()
    try:
        with Grafana.of(settings(), within=WITHIN) as grafana:
            known = grafana.data_source_uids()
    except GrafanaError as error:
        log.info("data sources of an alert are not checked: %s", error)
        return Looked(unanswered=True)
    return Looked(tuple(uid for uid in wanted if uid not in known), tuple(sorted(known)))


def _named(template: str | None) -> list[str]:
    try:
        return alert_shape.sources(alert.parse(template or ""))
    except ValueError:
        return []


def _listed(uids: tuple[str, ...]) -> str:
    more = f" and {len(uids) - MOST_TOLD} more" if len(uids) > MOST_TOLD else ""
    return ", ".join(uids[:MOST_TOLD]) + more
