"""The double of Grafana behaves as Grafana does: contact points, policies, alert rules."""

from typing import Any

import pytest

from tests.grafana.conftest import Http
from tests.support.grafana import NEW, OLD, Double
from tests.support.grafana_alerting import POINTS, POLICIES, receivers_of
from tests.support.grafana_rules import RULES
from tests.support.grafana_wishes import a_raw_point as point
from tests.support.grafana_wishes import a_raw_rule as a_rule

GROUP = "/v1/provisioning/folder/f/rule-groups/a%20b"
MAY_BE_EDITED = {"X-Disable-Provenance": "true"}
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


# Contact points and policies


def test_a_contact_point_from_beginning_to_end(http: Http) -> None:
    assert http.status("PUT", f"{POINTS}/p", point()) == 404
    assert http.status("POST", POINTS, point()) == 202
    assert http.status("POST", POINTS, point()) == 409
    assert http.status("POST", POINTS, point(uid="q")) == 202
    assert [one["uid"] for one in http("GET", f"{POINTS}?name=P")[1]] == ["p", "q"]
    assert http.status("PUT", f"{POINTS}/p", point(addresses="")) == 400
    assert http.status("PUT", f"{POINTS}/p", point(), **MAY_BE_EDITED) == 500
    assert http.status("DELETE", f"{POINTS}/q") == 202
    assert http.status("DELETE", f"{POINTS}/q") == 202
    use = {"receiver": "grafana-default-email", "routes": [{"receiver": "P"}]}
    assert http.status("PUT", POLICIES, use, **MAY_BE_EDITED) == 202
    assert http.status("DELETE", f"{POINTS}/p") == 409
    assert http.status("PUT", f"{POINTS}/p", point(name="Q")) == 202
    assert http("GET", POLICIES)[1]["routes"] == [{"receiver": "Q"}]


def test_a_uid_that_is_taken_was_once_a_fault_of_the_server(http: Http) -> None:
    http.double.state.version = "11.4.0"
    assert http.status("POST", POINTS, point()) == 202
    assert http.status("POST", POINTS, point()) == 500


def test_a_contact_point_that_rules_name(folder: Http) -> None:
    folder("POST", POINTS, point())
    folder("POST", RULES, a_rule(notification_settings={"receiver": "P"}))
    assert "routes" not in folder("GET", POLICIES)[1]  # the policy of that rule is never shown
    status, body = folder("DELETE", f"{POINTS}/p")
    assert (status, body["messageId"].rpartition(".")[2]) == (409, "used-by-rule")
    assert folder.status("PUT", f"{POINTS}/p", point(name="Q")) == 202
    assert folder("GET", f"{RULES}/r")[1]["notification_settings"] == {"receiver": "Q"}
    folder("DELETE", f"{RULES}/r")
    assert folder.status("DELETE", f"{POINTS}/p") == 202


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"receiver": "unknown"},
        {"receiver": "grafana-default-email", "continue": True},
        {"receiver": "grafana-default-email", "object_matchers": [["a", "=", "b"]]},
        {"receiver": "grafana-default-email", "routes": [{"receiver": "unknown"}]},
        {"receiver": "grafana-default-email", "group_by": ["...", "a"]},
    ],
)
def test_policies_that_cannot_be(http: Http, tree: dict[str, Any]) -> None:
    assert http.status("PUT", POLICIES, tree, **MAY_BE_EDITED) == 400


def test_policies_once_owned_stay_so(http: Http) -> None:
    tree = http("GET", POLICIES)[1]
    assert http.status("PUT", POLICIES, tree, **MAY_BE_EDITED) == 202
    assert "provenance" not in http("GET", POLICIES)[1]
    assert http.status("PUT", POLICIES, tree) == 202
    assert http("GET", POLICIES)[1]["provenance"] == "api"
    assert http.status("PUT", POLICIES, tree, **MAY_BE_EDITED) == 403


def test_alerts_find_their_way(double: Double) -> None:
    team = [["team", "=", "ops"]]
    deep = [{"object_matchers": [["a", "!=", "1"]], "receiver": "deep"}]
    double.state.tree["routes"] = [
        {"object_matchers": team, "receiver": "first", "continue": True, "routes": deep},
        {"object_matchers": team},  # takes the receiver above it
        {"object_matchers": team, "receiver": "never"},
    ]
    root = "grafana-default-email"
    assert receivers_of(double.state, a_rule(labels={"team": "ops"})) == ["deep", root]
    assert receivers_of(double.state, a_rule(labels={"team": "ops", "a": "1"})) == ["first", root]
    assert receivers_of(double.state, a_rule()) == [root]
    double.state.tree["routes"] = [
        {"object_matchers": [["team", "!~", "o.*"]], "receiver": "others"},
        {"object_matchers": [["team", "=~", "o"]], "receiver": "never"},  # it fits as a whole
        {"object_matchers": [["team", "=~", "o.*"], ["a", "=", ""]], "receiver": "both"},
    ]
    assert receivers_of(double.state, a_rule(labels={"team": "ops"})) == ["both"]
    assert receivers_of(double.state, a_rule(labels={"team": "dev"})) == ["others"]
    direct = a_rule(notification_settings={"receiver": "me"}, labels={"team": "ops"})
    assert receivers_of(double.state, direct) == ["me"]


# Rules


@both_versions
def test_a_rule_from_beginning_to_end(folder: Http) -> None:
    assert folder("GET", f"{RULES}/r") == (404, None)
    assert folder("PUT", f"{RULES}/r", a_rule()) == (404, None)
    status, made = folder("POST", RULES, a_rule())
    assert (status, made["orgID"], made["provenance"], made["for"]) == (201, 1, "api", "5m")
    model = {"intervalMs": 1000, "maxDataPoints": 43200, "expr": "up"}
    assert made["data"][0]["model"] == model
    assert folder.status("POST", RULES, a_rule(title="other")) == 409
    same_title = folder.status("POST", RULES, a_rule("s", title="r"))
    assert same_title == (201 if folder.double.state.is_new else 400)
    assert folder.status("PUT", f"{RULES}/r", a_rule(title="new")) == 200
    assert folder.status("PUT", f"{RULES}/r", a_rule(title="new"), **MAY_BE_EDITED) == 500
    refused = 409 if folder.double.state.is_new else 500
    assert folder.status("DELETE", f"{RULES}/r", **MAY_BE_EDITED) == refused
    assert folder("DELETE", f"{RULES}/r") == (204, None)
    assert folder("DELETE", f"{RULES}/r") == (204, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"folderUID": "no"},
        {"data": []},
        {"title": "x" * 191},
        {"noDataState": "Maybe"},
        {"for": "soon"},
        {"uid": "a b"},
        {"labels": {"__name__": "x"}},
        {"labels": {"n": 7}},
        {
            "data": [
                {"refId": "A", "datasourceUid": "ds", "relativeTimeRange": {"from": 0, "to": 0}}
            ]
        },
    ],
)
def test_a_rule_that_cannot_be(folder: Http, wrong: dict[str, Any]) -> None:
    assert folder.status("POST", RULES, a_rule() | wrong) == 400


@both_versions
def test_a_receiver_that_is_unknown(folder: Http) -> None:
    rule = a_rule(notification_settings={"receiver": "unknown"})
    is_new = folder.double.state.is_new
    assert folder.status("POST", RULES, rule) == (400 if is_new else 500)
    assert folder.status("PUT", GROUP, {"interval": 60, "rules": [rule]}) == 400


def test_a_group_is_replaced_as_a_whole(folder: Http) -> None:
    body = {"interval": 60, "rules": [a_rule("r"), a_rule("s")]}
    assert folder("PUT", GROUP, body) == (200, body)
    assert [rule["uid"] for rule in folder("GET", GROUP)[1]["rules"]] == ["r", "s"]
    bad = {"interval": 60, "rules": [a_rule("t"), a_rule("u", title="x" * 200)]}
    assert folder.status("PUT", GROUP, bad) == 400
    assert folder.status("PUT", GROUP, {**body, "interval": 15}) == 400
    assert len(folder("GET", GROUP)[1]["rules"]) == 2
    assert folder.status("PUT", GROUP, {"interval": 120}) == 200
    assert folder("GET", GROUP)[1]["interval"] == 120
    assert folder.status("PUT", GROUP, {"interval": 60, "rules": [a_rule("s")]}) == 200
    assert [rule["uid"] for rule in folder("GET", RULES)[1]] == ["s"]
    assert folder.status("PUT", GROUP, {"interval": 60, "rules": []}) == 200
    assert folder.status("GET", GROUP) == 404


@both_versions
def test_what_is_taken_is_told_apart(folder: Http) -> None:
    folder("POST", RULES, a_rule("r"))
    uid_taken = folder("POST", RULES, a_rule("r", title="other"))[1]
    assert uid_taken["messageId"] == "alerting.alert-rule.conflict"
    status, body = folder("POST", RULES, a_rule("s", title="r"))
    if not folder.double.state.is_new:
        assert body["message"].startswith("[alerting.alert-rule.conflict]")
    assert status == (201 if folder.double.state.is_new else 400)


def test_a_group_unlocks_rules_that_were_provisioned(folder: Http) -> None:
    folder("POST", RULES, a_rule("r"))
    group = {"interval": 60, "rules": [a_rule("r", **{"for": "1h"})]}
    assert folder.status("PUT", GROUP, group, **MAY_BE_EDITED) == 200
    assert folder("GET", f"{RULES}/r")[1]["provenance"] == ""
    assert folder.status("PUT", f"{RULES}/r", a_rule("r"), **MAY_BE_EDITED) == 200


def test_only_what_changes_loses_its_state(folder: Http) -> None:
    rules = [a_rule("r"), a_rule("s")]
    folder("PUT", GROUP, {"interval": 60, "rules": rules})
    folder("PUT", GROUP, {"interval": 60, "rules": [a_rule("r"), a_rule("s", **{"for": "1h"})]})
    folder("PUT", GROUP, {"interval": 60, "rules": folder("GET", GROUP)[1]["rules"]})
    assert folder.double.state.resets == {"r": 1, "s": 2}


def test_a_rule_of_another_group_moves_here(folder: Http) -> None:
    folder("POST", RULES, a_rule("r", ruleGroup="other"))
    folder("PUT", GROUP, {"interval": 60, "rules": [a_rule("r")]})
    assert [(one["uid"], one["ruleGroup"]) for one in folder("GET", RULES)[1]] == [("r", "a b")]


def test_more_rules_than_the_quota(folder: Http) -> None:
    folder.double.state.rule_quota = 1
    assert folder.status("POST", RULES, a_rule("r")) == 201
    assert folder.status("POST", RULES, a_rule("s")) == 403
    group = {"interval": 60, "rules": [a_rule("s"), a_rule("t")]}
    assert folder.status("PUT", GROUP, group) == 403
