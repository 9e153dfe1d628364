"""A rule made in Grafana's editor becomes a template, and the template the rule again."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remas.grafana import export, promql, rules
from remas.grafana.export import Chosen, Exported, Somebody
from remas.letters import alert, alert_shape
from remas.paths import GRAFANA_TEMPLATES
from tests.support.grafana_wishes import a_person, an_alert

ADA, BOB = Somebody("ada", 1007), Somebody("bob", 1008)
NODES = ("n1", "n2", "gpu.cluster")
NOTHING = Chosen()


def a_rule(expr: str = "up", amount: Any = 8, **fields: Any) -> dict[str, Any]:
    """A rule as Grafana gives it: a query, and a threshold that decides."""
    query = {
        "refId": "A",
        "queryType": "",
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": "prometheus",
        "model": {"refId": "A", "expr": expr, "intervalMs": 1000, "legendFormat": "{{node}} $x"},
    }
    condition = {"evaluator": {"type": "gt", "params": [amount]}, "query": {"params": ["B"]}}
    above = {"refId": "B", "type": "threshold", "expression": "A", "conditions": [condition]}
    rule = {
        "id": 12,
        "uid": "cdx1",
        "orgID": 1,
        "folderUID": "ops",
        "ruleGroup": "cpu",
        "title": "CPU of ada on n1",
        "condition": "B",
        "data": [query, {"refId": "B", "datasourceUid": "__expr__", "model": above}],
        "updated": "2026-01-01T00:00:00Z",
        "noDataState": "NoData",
        "execErrState": "Error",
        "for": "1m",
        "annotations": {"summary": "{{ $values.A }} on n1, costs $$ and ${x}"},
        "labels": {"team": "ops", "remas_managed": "true"},
        "isPaused": False,
        "notification_settings": {"receiver": "ops"},
        "record": None,
        "provenance": "api",
    }
    return {**rule, **fields}


def exported(rule: dict[str, Any], **chosen: Any) -> Exported:
    return export.template_of(rule, NODES, (ADA, BOB), Chosen(**chosen))


def expr_of(made: Exported) -> str:
    text: str = made.rule["data"][0]["model"]["expr"]
    return text


def params_of(made: Exported) -> Any:
    return made.rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"]


# What is found


def test_what_is_grafanas_own_goes_and_what_is_the_authors_stays() -> None:
    made = exported(a_rule('used{node="n1",groupname=~"ada|1007"}')).rule
    kept = {"title", "condition", "noDataState", "execErrState", "for", "isPaused", "data"}
    assert made.keys() == kept | {"annotations", "labels"}
    assert made["labels"] == {"team": "ops"}
    assert made["title"] == "CPU of ${user_username} on ${node_name}"
    summary = "{{ $values.A }} on ${node_name}, costs $$$ and $${x}"
    assert made["annotations"] == {"summary": summary}
    assert made["data"][0]["model"]["legendFormat"] == "{{node}} $x"


@pytest.mark.parametrize(
    ("expr", "written"),
    [
        ('used{node="n1"}', 'used{node="${node_name}"}'),
        ("used{node = 'n1'}", "used{node = '${node_name}'}"),
        ('used{instance="n1:9100"}', 'used{instance="${node_name}:9100"}'),
        ('used{instance=~"n1(:.*)?"}', 'used{instance=~"${node_name}(:.*)?"}'),
        ('used{node=~"gpu\\\\.cluster"}', 'used{node=~"${node_name}"}'),
        ('used{node=~"gpu.cluster"}', 'used{node=~"${node_name}"}'),
        (
            'used{node!="n1"} or up{node="n1"}',
            'used{node!="${node_name}"} or up{node="${node_name}"}',
        ),
        ('used{groupname=~"(ada|1007)"}', 'used{groupname=~"(${user_username}|${user_uid})"}'),
        ('used{groupname="1007"}', 'used{groupname="${user_uid}"}'),
        ('used{username="ada",port="1007"}', 'used{username="${user_username}",port="1007"}'),
        ('used{node="n12",job="n1"}', 'used{node="n12",job="n1"}'),
        ('used{node=~"n1.*"}', 'used{node=~"n1.*"}'),
        ('used{node="n1.cluster"}', 'used{node="n1.cluster"}'),
        ('used{node="x-n1"}', 'used{node="x-n1"}'),
        (
            'label_replace(used, "node", "n1", "a", "b")',
            'label_replace(used, "node", "n1", "a", "b")',
        ),
    ],
)
def test_names_are_found_where_labels_have_to_match_them(expr: str, written: str) -> None:
    assert expr_of(exported(a_rule(expr))) == written


@pytest.mark.parametrize(
    ("chosen", "expr", "written"),
    [
        ({"node": "n7"}, 'used{node="n7"}', 'used{node="${node_name}"}'),
        ({"node": "n1"}, 'used{machine="n1",user="n1"}', 'used{machine="${node_name}",user="n1"}'),
        ({"node": "n2"}, 'used{node=~"n1|n2"}', 'used{node=~"n1|${node_name}"}'),
        ({"user": Somebody("eve", None)}, 'used{who="eve"}', 'used{who="${user_username}"}'),
        ({"user": Somebody("eve", 7)}, 'used{user="7",x="7"}', 'used{user="${user_uid}",x="7"}'),
    ],
)
def test_what_is_said_is_found_under_other_labels_too(
    chosen: dict[str, Any], expr: str, written: str
) -> None:
    assert expr_of(exported(a_rule(expr), **chosen)) == written


@pytest.mark.parametrize("amount", [8, 8.0, 0])
def test_the_threshold_that_decides_becomes_the_amount(amount: float) -> None:
    made = exported(a_rule(amount=amount))
    assert params_of(made) == [alert.variable("allocation_amount")]
    assert made.values == {"allocation_amount": amount}
    assert "${allocation_amount}\n" in alert.write(made.rule)


@pytest.mark.parametrize(
    ("expr", "written"),
    [
        ("used > 8", "used > ${allocation_amount}"),
        ("used >= bool 8 ", "used >= bool ${allocation_amount} "),
        ("used > 8.5", "used > 8.5"),
        ("used / 8", "used / 8"),
    ],
)
def test_a_comparison_in_the_query_itself(expr: str, written: str) -> None:
    assert expr_of(exported(a_rule(expr, condition="A"))) == written


def test_a_comparison_in_a_sum_of_others() -> None:
    rule = a_rule()
    rule["data"][1]["model"] = {"refId": "B", "type": "math", "expression": "$A > 8"}
    made = exported(rule)
    assert made.rule["data"][1]["model"]["expression"] == "$A > ${allocation_amount}"
    assert export.filled(made.rule, made.values)["data"] == rule["data"]


def test_the_same_number_where_nothing_is_decided_stays() -> None:
    made = exported(a_rule("used > 8", amount=8))
    assert expr_of(made) == "used > 8"
    assert made.times == {"allocation_amount": 1}


def test_an_amount_that_is_said_is_replaced_wherever_it_is_compared_with() -> None:
    made = exported(a_rule("used > 5", amount=8), amount=5)
    assert expr_of(made) == "used > ${allocation_amount}"
    assert params_of(made) == [8]


# What is told


@pytest.mark.parametrize(
    ("rule", "chosen", "text"),
    [
        (a_rule(), {}, "No node of REMAS is named in its queries. Say which with --node."),
        (a_rule(), {}, "No user of REMAS is named in its queries. Say which with --user."),
        (a_rule('u{node=~"n1|n2"}'), {}, "more than one node: n1, n2. Say which with --node."),
        (a_rule('u{user=~"ada|1008"}'), {}, "more than one user: ada, bob."),
        (a_rule(amount=0.5), {}, "it compares with no whole number. Say which amount"),
        (a_rule(amount=-1), {}, "it compares with no whole number. Say which amount"),
        (a_rule(), {"node": "n9"}, "The node n9 stands nowhere in it."),
        (a_rule(), {"user": Somebody("eve", None)}, "The user eve stands nowhere in it."),
        (a_rule(), {"amount": 7}, "It compares with the amount 7 nowhere."),
        (a_rule(isPaused=True), {}, "The rule is paused"),
        (a_rule('u{node=~"gpu.cluster"}'), {}, "Names are matched letter by letter"),
        (a_rule(condition="C"), {}, 'cannot be saved in REMAS. The condition is "C"'),
    ],
)
def test_what_is_not_found_or_odd_is_told(
    rule: dict[str, Any], chosen: dict[str, Any], text: str
) -> None:
    assert [remark for remark in exported(rule, **chosen).remarks if text in remark] != []


def test_two_amounts_are_told() -> None:
    rule = a_rule()
    conditions = rule["data"][1]["model"]["conditions"]
    conditions.append({"evaluator": {"type": "lt", "params": [3]}})
    made = exported(rule)
    assert "more than one amount: 3, 8" in " ".join(made.remarks)
    assert params_of(made) == [8]


def test_a_rule_that_is_found_whole_needs_no_remark() -> None:
    made = exported(a_rule('used{node="n1",groupname=~"ada|1007"}'))
    assert made.remarks == ()
    assert made.times == {
        "node_name": 3,
        "user_username": 2,
        "user_uid": 1,
        "allocation_amount": 1,
    }


def test_what_only_writes_numbers_down_is_refused() -> None:
    with pytest.raises(ValueError, match="recording rule"):
        exported(a_rule(record={"metric": "m", "from": "A"}))


@pytest.mark.parametrize(
    "odd",
    [
        {"data": None},
        {"data": []},
        {"data": ["odd"]},
        {"data": [{"refId": "B"}]},
        {"data": [{"refId": "B", "model": {"conditions": "odd", "expr": 7}}]},
        {"data": [{"refId": "B", "model": {"conditions": [7, {"evaluator": {"type": "gt"}}]}}]},
        {
            "data": [
                {
                    "refId": "B",
                    "model": {"conditions": [{"evaluator": {"type": "gt", "params": ["x"]}}]},
                }
            ]
        },
        {"labels": None, "annotations": None},
    ],
)
def test_rules_of_another_shape_do_no_harm(odd: dict[str, Any]) -> None:
    made = exported(a_rule(**odd))
    assert alert.parse(alert.write(made.rule)) == made.rule


# There and back


@pytest.mark.parametrize("path", sorted(GRAFANA_TEMPLATES.glob("*.json")), ids=lambda p: p.stem)
def test_the_templates_that_come_with_remas_are_found_again(path: Path) -> None:
    """Filled in and exported, each is itself again: no variable is missed."""
    template = alert.parse(path.read_text(encoding="utf-8"))
    values = {**alert.SAMPLE, "node_name": "n1", "user_username": "ada", "user_uid": 1007}
    filled = export.filled(template, values)
    filled["annotations"] = {}
    made = exported({**a_rule(), **filled})
    assert made.rule["data"] == template["data"]


names = st.from_regex(r"[a-z][a-z0-9_.\-]{1,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["$", "$$", "${user_name}", "$${x}", "{{ $labels.a }}", "a$", "ada n1", '"', "\\"]
)


@st.composite
def made_rules(draw: st.DrawFn) -> tuple[dict[str, Any], str, Somebody]:
    """A rule about a node and a person, with whatever else there may be."""
    node, user = draw(names), Somebody(draw(names), draw(st.integers(1, 10**6)))
    parts = []
    for label, value in (("node", node), ("groupname", user.username), ("username", str(user.uid))):
        operator, quote = (
            draw(st.sampled_from(["=", "!=", "=~", "!~"])),
            draw(st.sampled_from("\"'")),
        )
        literal = promql.Literal("", quote, label, as_pattern="~" in operator)
        also = draw(st.sampled_from(["", "|x", "|(y)"])) if literal.as_pattern else ""
        parts.append(f"{label}{operator}{quote}{literal.written(value)}{also}{quote}")
    other = draw(texts).translate({ord(sign): "" for sign in "\"'\\`"})
    expr = f'f(u{{{",".join(draw(st.permutations(parts)))},x="{other}"}}[5m]) {draw(texts)}'
    shown = {name: draw(texts) for name in draw(st.sets(st.sampled_from("abc")))}
    title = draw(st.sampled_from(["T", f"{user.username} on {node}", f"{user.username}@{node}."]))
    amount = draw(st.integers(0, 2**53) | st.floats(0, 100))
    return a_rule(expr, amount, title=title, annotations=shown, labels=shown), node, user


@settings(deadline=None, max_examples=200)
@given(made_rules(), st.booleans())
def test_filled_in_again_it_is_the_rule_it_was_made_of(
    given_rule: tuple[dict[str, Any], str, Somebody], said: bool
) -> None:
    rule, node, user = given_rule
    before = json.dumps(rule)
    chosen = Chosen(node, user, None) if said else NOTHING
    made = export.template_of(rule, [node, "other"], [user, Somebody("other", 0)], chosen)
    assert json.dumps(rule) == before
    read = alert.parse(alert.write(made.rule))
    assert read == made.rule
    assert alert_shape.faults(read) == []
    again = export.filled(read, made.values)
    assert again == {name: rule[name] for name in again}
    assert "node_name" in made.values


def test_one_persons_rule_becomes_another_persons() -> None:
    template = exported(a_rule('used{node="n1",groupname=~"ada|1007"}')).rule
    eve = a_person(8, "eve")
    about = an_alert(eve, 3, (2, "n2"), template=alert.write(template), user_uid=1009)
    made = rules.of(about, eve, None)
    assert made["data"][0]["model"]["expr"] == 'used{node="n2",groupname=~"eve|1009"}'
    assert made["data"][1]["model"]["conditions"][0]["evaluator"]["params"] == [3]
    assert made["title"].startswith("CPU of eve on n2")
