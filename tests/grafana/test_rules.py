"""Alert rules: what a template and somebody's facts become, and when two rules say the same."""

import copy
import json
from typing import Any

import pytest

from remas.grafana import names, rules
from tests.support.grafana_wishes import a_person, an_alert

BREAK_OUTS = [
    'One","isPaused":true,"y":"',
    '"}],"title":"gone',
    "{{ .Values }}",
    "{{{ triple",
    "\\",
    "${user_email}",
    "\x00bare:allocation_amount",
]


def made(username: str = "", receiver: str | None = None, **values: Any) -> rules.Rule:
    person = a_person(7, username=username)
    return rules.of(an_alert(person, **values), person, receiver)


def theirs(rule: rules.Rule, **changes: Any) -> dict[str, Any]:
    """The rule as Grafana would give it back."""
    stored = json.loads(json.dumps(rule)) | {"id": 12, "updated": "2026-01-01", "provenance": "api"}
    stored["data"][0]["model"] |= {"intervalMs": 1000, "maxDataPoints": 43200}
    return {**stored, **changes}


@pytest.mark.parametrize("name", BREAK_OUTS)
def test_no_name_changes_the_rule(name: str) -> None:
    plain = made(user_name="Ada", user_username="ada", node_name="n2")
    odd = made(user_name=name, user_username=name, node_name=name)
    for rule in (plain, odd):
        del rule["annotations"], rule["data"][0]["model"]["expr"]
    assert odd == plain


@pytest.mark.parametrize("name", BREAK_OUTS)
def test_grafana_finds_no_program_in_a_name(name: str) -> None:
    person = a_person(7, username=name)
    template = (
        '{"data": [], "annotations": {"a": "{${user_name}{", "b": "${user_name}${user_name}"},'
        ' "labels": {"who": "${user_name}"}}'
    )
    alert = an_alert(person, node=(2, name), template=template, user_name=name)
    rule = rules.of(alert, person, None)
    texts = [*rule["annotations"].values(), *rule["labels"].values()]
    assert [text for text in texts if "{{" in text] == []


def test_what_the_author_of_a_template_programs_stays() -> None:
    rule = made(template='{"data": [], "annotations": {"a": "{{ $values.A }} on ${node_name}"}}')
    assert rule["annotations"] == {"a": "{{ $values.A }} on n2"}


def test_a_query_asks_for_the_very_name() -> None:
    rule = made(user_username='ada"{{', node_name="a.b")
    assert rule["data"][0]["model"]["expr"] == 'used{who="ada\\"{{",node="a.b"}'


def test_an_amount_is_a_number() -> None:
    params = made(amount=0)["data"][1]["model"]["conditions"][0]["evaluator"]["params"]
    assert params == [0]
    assert not isinstance(params[0], bool)


def test_what_a_template_leaves_out_alerts_nobody_without_need() -> None:
    rule = made(template='{"title": "T", "condition": "A", "data": [{"refId": "A"}]}')
    known = {name: rule[name] for name in rules.DEFAULTS}
    assert known == {
        "noDataState": "OK",
        "execErrState": "KeepLast",
        "for": "5m",
        "isPaused": False,
    }


@pytest.mark.parametrize("data", ["null", "7", '"text"', "{}"])
def test_queries_that_are_none_are_left_to_grafana_to_refuse(data: str) -> None:
    assert made(template=f'{{"title": "T", "data": {data}}}')["data"] == []


def test_labels_and_annotations_that_are_null_are_none() -> None:
    rule = made(template='{"data": [], "labels": null, "annotations": null}')
    assert rule["annotations"] == {}
    assert rule["labels"] == made(template='{"data": []}')["labels"]


def test_labels_are_ours_whatever_the_template_says() -> None:
    labels = '{"remas_managed": "false", "remas_user_id": "1", "__alert_rule_uid__": "x", "n": 7}'
    rule = made(template=f'{{"data": [], "labels": {labels}}}')
    assert rule["labels"] | {"remas_managed": "true", "remas_user_id": "7"} == rule["labels"]
    assert rule["labels"]["n"] == "7"
    assert "__alert_rule_uid__" not in rule["labels"]


def test_a_receiver_is_named_only_where_rules_are_routed_directly() -> None:
    assert made()["notification_settings"] is None
    assert made(receiver="remas user 7")["notification_settings"] == {"receiver": "remas user 7"}


# Titles


def test_a_title_tells_who_and_where() -> None:
    assert made()["title"] == "Too much cpu · user7@n2 #3-7-2"


@pytest.mark.parametrize("length", [1, 100, 200])
def test_titles_are_short_enough_and_differ(length: int) -> None:
    """By the numbers at their end, whatever is clipped."""
    titles = set()
    for number in (7, 8):
        person = a_person(number, username="u" * length)
        for node in (2, 3):
            alert = an_alert(person, node=(node, "n" * length), resource_name="x" * 300)
            titles.add(rules.of(alert, person, None)["title"])
    assert len(titles) == 4
    assert max(map(len, titles)) <= rules.LONGEST_TITLE


# Whether Grafana's rule says the same


def test_what_grafana_adds_is_no_difference() -> None:
    rule = made()
    assert rules.same_rule(rule, theirs(rule))


@pytest.mark.parametrize(
    ("ours", "written"), [("300s", "5m"), ("5m", "300s"), ("90m", "1h30m"), ("0s", "0s")]
)
def test_the_same_time_written_otherwise_is_no_difference(ours: str, written: str) -> None:
    rule = made() | {"for": ours}
    assert rules.same_rule(rule, theirs(rule, **{"for": written}))
    assert not rules.same_rule(rule, theirs(rule, **{"for": "7m"}))


def test_a_time_that_is_none_is_compared_as_it_stands() -> None:
    rule = made() | {"for": "soon"}
    assert rules.same_rule(rule, theirs(rule))
    assert not rules.same_rule(rule, theirs(rule, **{"for": "5m"}))


@pytest.mark.parametrize("missing", ["isPaused", "notification_settings", "record"])
def test_what_is_empty_may_be_left_out(missing: str) -> None:
    rule = made()
    stored = theirs(rule)
    del stored[missing]
    assert rules.same_rule(rule, stored)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"isPaused": True},
        {"condition": "A"},
        {"labels": {}},
        {"labels": None},
        {"annotations": {"summary": "?"}},
        {"data": []},
        {"data": None},
        {"notification_settings": {"receiver": "somebody"}},
        {"folderUID": "ops"},
        {"ruleGroup": "user-8"},
    ],
)
def test_what_somebody_changed_is_a_difference(change: dict[str, Any]) -> None:
    rule = made()
    assert not rules.same_rule(rule, theirs(rule, **change))


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_what_somebody_added_is_a_difference(where: str) -> None:
    rule = made()
    stored = theirs(rule)
    stored[where] = {**stored[where], "team": "x", "runbook": "y"}
    assert not rules.same_rule(rule, stored)


def test_another_amount_is_a_difference() -> None:
    assert not rules.same_rule(made(amount=4), theirs(made(amount=5)))


def test_making_a_rule_changes_nothing_of_the_template() -> None:
    alert = an_alert(a_person())
    before = copy.deepcopy(alert.rule)
    rules.of(alert, a_person(), None)
    assert alert.rule == before


# Whose a rule is


def test_ours_are_known_by_label_or_by_uid() -> None:
    assert rules.is_ours({"uid": "x", "labels": {names.OURS: "true"}})
    assert rules.is_ours({"uid": "remas-r-3-7-2", "labels": None})
    assert not rules.is_ours({"uid": "x", "labels": {names.OURS: "false"}})
    assert not rules.is_ours({"uid": "mine"})


@pytest.mark.parametrize("uid", ["remas-u-", "remas-u-x", "u-7", "remas-u-7a", "remas-u--7"])
def test_other_uids_belong_to_nobody(uid: str) -> None:
    assert names.owner_of(uid, names.FOLDER_PREFIX) is None


def test_a_uid_tells_its_owner() -> None:
    assert names.owner_of("remas-u-7", names.FOLDER_PREFIX) == 7
