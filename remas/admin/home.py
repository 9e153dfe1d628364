"""Where administrators begin: what needs a look, and the parts of the administration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, url_for

from remas.admin.blueprint import bp
from remas.services import attention
from remas.services.attention import Look, Matter
from remas.web import current


@dataclass(frozen=True, slots=True)
class _Words:
    """How a matter is told, of one and of `{}`, and where it is looked after."""

    one: str
    many: str
    endpoint: str
    args: Mapping[str, Any]


WORDS: Mapping[Matter, _Words] = {
    Matter.OVER_COMMITTED: _Words(
        "On 1 node more is reserved than it has",
        "On {} nodes more is reserved than they have",
        "admin.contradiction_list",
        {},
    ),
    Matter.DEAD_LETTERS: _Words(
        "1 letter could not be sent and was given up",
        "{} letters could not be sent and were given up",
        "admin.outbox_list",
        {"state": "dead"},
    ),
    Matter.GRAFANA_BEHIND: _Words(
        "Grafana has been behind for 1 person for some time",
        "Grafana has been behind for {} people for some time",
        "status.index",
        {"_anchor": "grafana"},
    ),
    Matter.GRAFANA_REFUSES: _Words(
        "Grafana refuses something for 1 person",
        "Grafana refuses something for {} people",
        "status.index",
        {"_anchor": "grafana"},
    ),
    Matter.WAITING_ALERTS: _Words(
        "1 alert of somebody's own waits for approval",
        "{} alerts of people's own wait for approval",
        "admin.notification_list",
        {"waiting": "y"},
    ),
    Matter.ORPHANED: _Words(
        "1 reservation to come belongs to a deactivated account",
        "{} reservations to come belong to deactivated accounts",
        "admin.user_list",
        {"state": "inactive"},
    ),
    Matter.ONE_TIME: _Words(
        "1 account still has its one-time password",
        "{} accounts still have their one-time password",
        "admin.user_list",
        {"state": "one-time"},
    ),
    Matter.DRAINED: _Words(
        "1 node is drained: it takes no new reservations",
        "{} nodes are drained: they take no new reservations",
        "admin.node_list",
        {"state": "drained"},
    ),
    Matter.MAINTENANCE: _Words(
        "1 maintenance is going on or to come",
        "{} maintenances are going on or to come",
        "admin.maintenance_list",
        {},
    ),
}

PARTS = (
    ("admin.user_list", "Users", "Accounts, their passwords, limits, sessions."),
    ("admin.group_list", "Groups", "The tree: who is where, who administers, what is shared."),
    ("admin.node_list", "Nodes", "Machines, what each provides, and whether it takes more."),
    ("admin.resource_list", "Resources", "What is counted, in which unit, under which names."),
    ("admin.limit_list", "Limits", "The most that somebody may hold at one moment."),
    ("admin.maintenance_list", "Maintenance", "When which node is closed."),
    ("admin.reservation_list", "Reservations", "Everybody's, to search and to download."),
    ("admin.tag_list", "Tags", "The labels people put on what they reserve."),
    ("admin.notification_list", "Notifications", "What is told to whom, and when."),
    ("admin.outbox_list", "Outbox", "Letters on their way, sent, and given up."),
    ("admin.contradiction_list", "Contradictions", "What stands against what is stored."),
    ("admin.audit_list", "Audit", "Who changed what."),
)


@bp.get("")
def home() -> str:
    """What needs a look, and the parts."""
    looks = [_told(one) for one in attention.look(current.actor())]
    known = current_app.view_functions
    parts = [(url_for(part), text, line) for part, text, line in PARTS if part in known]
    return render_template("admin/home.html", looks=looks, parts_of_it=parts)


def _told(look: Look) -> tuple[str, str | None, Matter]:
    """The sentence, the address where it has one, and what it is about."""
    words = WORDS[look.matter]
    text = words.one if look.number == 1 else words.many.format(look.number)
    known = words.endpoint in current_app.view_functions
    return text, url_for(words.endpoint, **words.args) if known else None, look.matter
