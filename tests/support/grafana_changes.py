"""Typical changes, each with the calls that it costs: measured here, told in docs/grafana.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remas.clients.grafana import Grafana
from remas.grafana import reconcile
from remas.grafana.wish import Wish
from tests.support.grafana import OLD, grafana_double
from tests.support.grafana_wishes import POLICIES, a_person, a_wish, an_alert

ADA, BOB = 7, 8
USUAL = (a_wish(ADA, 4, 4), a_wish(BOB, 4, 4))

Run = Callable[[Grafana], None]


@dataclass(frozen=True, slots=True)
class Change:
    """Something happens in REMAS, and `run` makes it good in Grafana.

    `before`: what was wanted and made good, one after the other. `writes`: with ids of accounts
    as stars.
    """

    title: str
    run: Run
    writes: Sequence[str]
    before: Sequence[Sequence[Wish]] = (USUAL,)


@dataclass(frozen=True, slots=True)
class Cost:
    """The calls that a change took."""

    writes: Sequence[str]
    reads: int


def measured(change: Change, version: str = OLD) -> Cost:
    """What it costs on a double of Grafana."""
    with grafana_double(version) as double, double.client() as client:
        for wishes in change.before:
            reconcile.everybody(client, wishes, POLICIES)
        double.forget()
        change.run(client)
        return Cost([_general(call) for call in double.writes()], len(double.reads()))


def _general(call: str) -> str:
    """The call without the account's id, which Grafana chose."""
    parts = call.split("/")
    return "/".join("*" if part.isdecimal() else part for part in parts)


def _one(wish: Wish) -> Run:
    return lambda client: reconcile.person(client, wish, POLICIES)


def _all(*wishes: Wish) -> Run:
    return lambda client: reconcile.everybody(client, wishes, POLICIES)


def _renamed_node() -> Wish:
    person = a_person(ADA)
    return Wish(person, (an_alert(person, 4, (1, "n1")), an_alert(person, 4, (2, "new"))))


POINTS, TREE = "/v1/provisioning/contact-points", "PUT /v1/provisioning/policies"
GROUP = f"PUT /v1/provisioning/folder/remas-alerts/rule-groups/user-{ADA}"
START = "POST /dashboards/db"
NEW_PERSON = [
    "POST /admin/users",
    "POST /folders",
    f"POST /folders/remas-u-{ADA}/permissions",
    f"PUT {POINTS}/remas-cp-{ADA}",
    f"POST {POINTS}",
    TREE,
    GROUP,
    START,
]
FIRST_PERSON = [
    "POST /admin/users",
    "POST /folders",
    "POST /folders/remas-alerts/permissions",
    "POST /folders",
    f"POST /folders/remas-u-{ADA}/permissions",
    f"PUT {POINTS}/remas-cp-{ADA}",
    f"POST {POINTS}",
    f"PUT {POINTS}/remas-unrouted",
    f"POST {POINTS}",
    TREE,
    GROUP,
    START,
]
UP_OR_DOWN = ["PUT /admin/users/*/permissions", "PATCH /org/users/*"]
NO_MORE = [GROUP, TREE, f"DELETE {POINTS}/remas-cp-{ADA}"]
GONE = f"DELETE /folders/remas-u-{ADA}"
CLOSED = a_wish(ADA, closed=True)
CHIEF = a_wish(ADA, 4, 4, is_admin=True)

CHANGES = (
    Change("Nothing changed", _one(USUAL[0]), []),
    Change("A reservation starts, or ends", _one(a_wish(ADA, 4, 9)), [GROUP]),
    Change("A node is renamed", _one(_renamed_node()), [GROUP]),
    Change("A notification is no longer assigned", _one(a_wish(ADA)), [GROUP]),
    Change(
        "The e-mail address changes",
        _one(a_wish(ADA, 4, 4, email="new@example.org")),
        ["PUT /users/*", f"PUT {POINTS}/remas-cp-{ADA}"],
    ),
    Change("Somebody becomes an administrator", _one(CHIEF), UP_OR_DOWN),
    Change(
        "Somebody is no longer an administrator",
        _one(USUAL[0]),
        UP_OR_DOWN,
        before=((CHIEF, USUAL[1]),),
    ),
    Change("Somebody is deactivated", _one(CLOSED), ["POST /admin/users/*/disable", *NO_MORE]),
    Change(
        "Somebody is active again",
        _one(USUAL[0]),
        ["POST /admin/users/*/enable", *NEW_PERSON[3:-1]],
        before=(USUAL, (CLOSED, USUAL[1])),
    ),
    Change("A new person", _one(USUAL[0]), NEW_PERSON, before=(USUAL[1:],)),
    Change("The first person of all", _one(USUAL[0]), FIRST_PERSON, before=()),
    Change("A pass over two people, nothing changed", _all(*USUAL), []),
    Change(
        "A pass over all, somebody is gone",
        _all(USUAL[1]),
        ["POST /admin/users/*/disable", *NO_MORE[:2], GONE, NO_MORE[2]],
    ),
)


def table() -> str:
    """The table of docs/grafana.md."""
    lines = ["| what happens | reading calls | writing calls |", "|---|---|---|"]
    for change in CHANGES:
        cost = measured(change)
        writes = f"{len(cost.writes)}" if cost.writes else "none"
        lines.append(f"| {change.title} | {cost.reads} | {writes} |")
    return "\n".join(lines)
