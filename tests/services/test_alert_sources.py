"""An alert is looked at when it is saved: that it holds together, and that its data sources are
in Grafana, where that answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.letters import alert, alert_shape
from remas.models import Notification, NotificationType
from remas.paths import GRAFANA_TEMPLATES
from remas.services import alert_sources, assignments, notifications
from remas.services.actor import Actor
from remas.services.notification_rows import Known
from remas.services.notification_rules import Draft
from remas.services.notifications import NotificationChange
from tests.support import factories
from tests.support.alerts import an_alert_template
from tests.support.factories import actor_of
from tests.support.grafana import Double
from tests.support.grafana_app import add_sources, with_grafana

pytestmark = pytest.mark.usefixtures("app_context")

GENERAL, START = NotificationType.EXCEEDANCE_GENERAL, NotificationType.TASK_START


def a_rule(**fields: Any) -> str:
    """A template with a query and a threshold; `fields` replace parts."""
    query = {"refId": "A", "datasourceUid": "prometheus", "model": {"expr": "up"}}
    above = {"type": "threshold", "expression": "A"}
    rule = {
        "title": "${user_username}",
        "condition": "B",
        "data": [query, {"refId": "B", "datasourceUid": "__expr__", "model": above}],
    }
    return json.dumps({**rule, **fields})


def an_expression(**model: Any) -> list[dict[str, Any]]:
    """Queries A and B, and an expression C."""
    queries = [{"refId": name, "datasourceUid": "prometheus"} for name in "AB"]
    return [*queries, {"refId": "C", "datasourceUid": "__expr__", "model": model}]


@pytest.fixture
def grafana(app: Flask) -> Iterator[Double]:
    with with_grafana(app) as double:
        add_sources(double, "prometheus", "loki")
        yield double


@pytest.fixture
def root() -> Actor:
    factories.make_resource("cpu")
    return actor_of(factories.make_user("root", admin=True), admin=True)


def save(actor: Actor, template: str = "", name: str = "Too much", **fields: Any) -> Known:
    known = {"type": GENERAL, "resource": "cpu", "default_amount": 0, **fields}
    return notifications.create(actor, Draft(name=name, template=template or a_rule(), **known))


def refused(actor: Actor, template: str) -> list[str]:
    with pytest.raises(Invalid) as told:
        save(actor, template)
    assert set(told.value.errors) == {"template"}
    return told.value.errors["template"]


# That it holds together


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{}", '"data" has to list the queries'),
        (a_rule(data=[]), '"data" has to list the queries'),
        (a_rule(data="up"), '"data" has to list the queries'),
        (a_rule(data=[{"datasourceUid": "p"}]), 'each with its "refId"'),
        (a_rule(data=["A"]), 'each with its "refId"'),
        (a_rule(condition=None), 'Name in "condition" the query that decides: "A", "B".'),
        (a_rule(condition="C"), 'The condition is "C", but there is only "A", "B".'),
        (
            a_rule(data=[{"refId": "B"}]),
            'The query "B" names no data source: write its "datasourceUid".',
        ),
        (
            a_rule(data=an_expression(type="threshold", expression="D")),
            'The expression "C" is about "D", but there is only "A", "B".',
        ),
        (
            a_rule(data=an_expression(type="reduce", expression="C")),
            'The expression "C" is about "C"',
        ),
        (
            a_rule(data=an_expression(type="math", expression="$A + $D > 7")),
            'The expression "C" is about "D"',
        ),
        (
            a_rule(
                data=an_expression(
                    type="classic_conditions", conditions=[{"query": {"params": ["D"]}}]
                )
            ),
            'The expression "C" is about "D"',
        ),
        (
            a_rule(
                condition="A",
                data=[
                    {
                        "refId": "A",
                        "datasourceUid": "-100",
                        "model": {"type": "reduce", "expression": "B"},
                    }
                ],
            ),
            'The expression "A" is about "B", but there is no other.',
        ),
    ],
)
def test_a_rule_that_could_never_alert_is_told(root: Actor, template: str, text: str) -> None:
    (told,) = refused(root, template)
    assert text in told


@pytest.mark.parametrize(
    "model",
    [
        {"type": "math", "expression": "$A > $${B}"},
        {"type": "reduce", "expression": "$A"},
        {"type": "resample", "expression": " B "},
        {"type": "sql", "expression": "SELECT * FROM A"},
        {"type": "threshold", "expression": "A", "conditions": [{"query": {"params": ["C"]}}]},
        {"type": "classic_conditions", "conditions": [{"query": {"params": ["A", "5m", "now"]}}]},
        {"type": "classic_conditions", "conditions": ["odd", {"query": None}, {}]},
        {"type": "of a later Grafana"},
        None,
        "odd",
    ],
)
def test_expressions_that_refer_to_what_is_there(root: Actor, model: Any) -> None:
    queries = an_expression()
    queries[-1]["model"] = model
    assert save(root, a_rule(data=queries)).notification.id


@pytest.mark.parametrize("template", sorted(GRAFANA_TEMPLATES.glob("*.json")), ids=lambda p: p.stem)
def test_the_templates_that_come_with_remas_can_be_saved(root: Actor, template: Any) -> None:
    assert save(root, template.read_text(encoding="utf-8")).notification.id


def test_sources_are_told_apart_from_expressions_and_variables() -> None:
    queries = [
        {"refId": name, "datasourceUid": uid}
        for name, uid in zip(
            "ABCDEF", ["p", "__expr__", "q", "p", "${node_name}", "-100"], strict=True
        )
    ]
    assert alert_shape.sources(alert.parse(a_rule(data=queries))) == ["p", "q"]
    assert alert_shape.sources({"data": "odd"}) == []


# That its data sources are in Grafana


def test_what_grafana_has_not_is_told_with_what_it_has(root: Actor, grafana: Double) -> None:
    wrong = a_rule().replace('"prometheus"', '"promethoius"')
    (told,) = refused(root, wrong)
    assert told == "Grafana has no data source with the uid promethoius. It has loki, prometheus."
    grafana.state.sources.clear()
    assert refused(root, wrong)[0].endswith("It has none.")
    assert db.session.query(Notification).count() == 0


def test_administrators_alone_are_told_what_grafana_has(root: Actor, grafana: Double) -> None:
    eve = actor_of(factories.make_user("eve"))
    wrong = Draft(
        name="Mine",
        type=GENERAL,
        resource="cpu",
        default_amount=0,
        template=a_rule().replace('"prometheus"', '"promethoius"'),
    )
    with pytest.raises(Invalid) as told:
        notifications.create(eve, wrong, own=True)
    (text,) = told.value.errors["template"]
    assert "promethoius" in text
    assert "loki" not in text
    assert text.endswith("Administrators know which there are.")


def test_grafana_is_asked_about_nothing_that_one_may_not_change(
    root: Actor, grafana: Double
) -> None:
    eve, adam = (actor_of(factories.make_user(name)) for name in ("eve", "adam"))
    everybodys = save(root).notification.id
    own = Draft(name="Mine", type=GENERAL, resource="cpu", default_amount=0, template=a_rule())
    adams = notifications.create(adam, own, own=True).notification.id
    grafana.forget()
    other = NotificationChange(template=a_rule(title="Other"))
    for number in (everybodys, adams, 12345):
        with pytest.raises(NotFound):
            notifications.change(eve, number, other)
    assignments.assign(root, everybodys, user="eve")
    with pytest.raises(Forbidden):
        notifications.change(eve, everybodys, other)
    assert grafana.log == []


def test_many_data_sources_make_no_endless_sentence(root: Actor, grafana: Double) -> None:
    add_sources(grafana, *(f"source{number:02}" for number in range(30)))
    (told,) = refused(root, an_alert_template().replace("prometheus", "gone"))
    assert told.endswith("source17 and 12 more.")


def test_what_is_there_is_saved_and_nothing_remarked(root: Actor, grafana: Double) -> None:
    assert save(root).unchecked is False
    assert grafana.reads() == ["GET /datasources"]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_it_is_saved_and_remarked_when_grafana_does_not_tell(
    root: Actor, grafana: Double, status: int
) -> None:
    grafana.faults.broken = [status] * 2
    made = save(root)
    assert made.unchecked
    other = NotificationChange(template=a_rule(title="Other"))
    assert notifications.change(root, made.notification.id, other).unchecked


def test_a_slow_grafana_is_not_waited_for(
    root: Actor, grafana: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alert_sources.WITHIN <= 2
    monkeypatch.setattr(alert_sources, "WITHIN", 0.1)
    grafana.faults.seconds = 0.3
    assert save(root).unchecked


def test_a_grafana_that_is_down_stops_nobody(root: Actor, grafana: Double) -> None:
    grafana.faults.calls_left = 0
    assert save(root).unchecked


def test_without_grafana_nothing_is_remarked(root: Actor) -> None:
    assert save(root).unchecked is False


def test_no_transaction_is_open_while_grafana_is_asked(
    root: Actor, grafana: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones = []
    asked = alert_sources.Grafana.data_source_uids

    def look(self: Any) -> set[str]:
        open_ones.append(db.session().in_transaction())
        return asked(self)

    monkeypatch.setattr(alert_sources.Grafana, "data_source_uids", look)
    made = save(root).notification.id
    notifications.change(root, made, NotificationChange(template=a_rule(title="Other")))
    assert open_ones == [False, False]


def test_only_a_template_that_changes_is_looked_at(root: Actor, grafana: Double) -> None:
    """Who renames an alert need not mend what somebody else did in Grafana."""
    number = save(root).notification.id
    grafana.state.sources.clear()
    grafana.forget()
    same = NotificationChange(name="Other", template=a_rule(), default_amount=4)
    assert notifications.change(root, number, same).notification.name == "Other"
    assert grafana.log == []
    with pytest.raises(Invalid, match="no data source"):
        notifications.change(root, number, NotificationChange(template=a_rule(title="New")))


def test_letters_are_none_of_grafanas_business(root: Actor, grafana: Double) -> None:
    made = save(root, "${task_name}", type=START, time_offset=0, resource=None, default_amount=None)
    number = made.notification.id
    grafana.state.sources.clear()
    looks_like_one = NotificationChange(template=an_alert_template('"a": "b"'))
    assert not notifications.change(root, number, looks_like_one).unchecked
