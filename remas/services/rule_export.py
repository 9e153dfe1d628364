"""A rule of Grafana's as a template for an alert of REMAS: for whoever runs the server."""

from dataclasses import dataclass

from sqlalchemy import select

from remas.clients.grafana import Grafana
from remas.errors import Invalid, NotFound
from remas.grafana import export
from remas.grafana.export import Chosen, Exported, Somebody
from remas.models import Node, User
from remas.services.context import settings
from remas.services.fields import Check
from remas.services.transaction import let_go


@dataclass(frozen=True, slots=True)
class About:
    """What the rule is about, where it is not to be found out: names, and a number of units."""

    node: str | None = None
    username: str | None = None
    uid: int | None = None
    amount: int | None = None


def template_of(rule_uid: str, about: About) -> Exported:
    """The rule with this uid as a template. Nothing is held while Grafana is asked.

    Raises `NotFound`, `Invalid` for what alerts nobody, and `GrafanaError`.
    """
    _check(about)
    session = let_go()
    nodes = list(session.scalars(select(Node.name)))
    rows = session.execute(select(User.username, User.uid)).all()
    people = [Somebody(username, uid) for username, uid in rows]
    let_go()
    with Grafana.of(settings()) as grafana:
        rule = grafana.rule(rule_uid)
    if rule is None:
        raise NotFound(f"Grafana has no alert rule with the uid {rule_uid}.")
    chosen = Chosen(about.node, _somebody(about, people), about.amount)
    try:
        return export.template_of(rule, nodes, people, chosen)
    except ValueError as wrong:
        raise Invalid.field("uid", str(wrong)) from None


def _check(about: About) -> None:
    checks = Check()
    if about.amount is not None:
        checks.amount("amount", about.amount)
    if about.uid is not None and about.username is None:
        checks.refuse("uid", "A uid belongs to a user: say which.")
    checks.done()


def _somebody(about: About, people: list[Somebody]) -> Somebody | None:
    """Who is meant, with the uid that is known of them."""
    if about.username is None:
        return None
    known = next((one.uid for one in people if one.username == about.username), None)
    return Somebody(about.username, known if about.uid is None else about.uid)
