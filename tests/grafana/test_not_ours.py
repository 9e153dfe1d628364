"""Whom alerts reach, and what in Grafana is not REMAS's and therefore stays as it is."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from remas.clients.grafana import Grafana, GrafanaError
from remas.grafana import reconcile
from tests.support.grafana import NEW, OLD, Double
from tests.support.grafana_alerting import carry_name, receivers_of
from tests.support.grafana_changes import ADA, BOB, GROUP, USUAL
from tests.support.grafana_dashboards import stored_board
from tests.support.grafana_wishes import (
    DIRECT,
    POLICIES,
    a_wish,
    amiss,
    foreign,
)

LOGINS = {"user7", "user8"}
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


# Whom an alert reaches


def rule(double: Double, person: int = ADA) -> Any:
    return double.state.rules[f"remas-r-3-{person}-1"]


def test_alone_the_person_is_told(usual: Double) -> None:
    assert receivers_of(usual.state, rule(usual)) == ["remas user 7"]
    assert receivers_of(usual.state, rule(usual, BOB)) == ["remas user 8"]


def admins_too(double: Double, *matchers: list[str]) -> None:
    """An administrator adds a policy of the same alerts."""
    double.state.contacts["admins"] = {
        **double.state.contacts["default"],
        "uid": "admins",
        "name": "cluster admins",
    }
    managed = [["remas_managed", "=", "true"], *matchers]
    theirs = {"receiver": "cluster admins", "object_matchers": managed}
    double.state.tree["routes"].insert(0, theirs)


@pytest.mark.parametrize("matchers", [[], [["remas_node", "=", "n1"]]])
def test_policies_of_administrators_are_told_as_well(
    usual: Double, client: Grafana, matchers: list[list[str]]
) -> None:
    """Also one that matches exactly what ours matches; wherever they put it, ours goes first."""
    admins_too(usual, *matchers)
    not_ours = foreign(usual.state, LOGINS)
    reconcile.everybody(client, USUAL, POLICIES)
    assert receivers_of(usual.state, rule(usual)) == ["remas user 7", "cluster admins"]
    assert foreign(usual.state, LOGINS) == not_ours


@pytest.mark.parametrize("owner", ["api", "file"])
def test_policies_of_another_owner_are_left_and_rules_name_their_receiver(
    double: Double, client: Grafana, owner: str
) -> None:
    double.state.tree_provenance = owner
    before = deepcopy(double.state.tree)
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.writes() == []
    assert double.state.tree == before
    assert rule(double)["notification_settings"] == {"receiver": "remas user 7"}
    assert amiss(double.state, USUAL) == []


def test_the_tree_stays_editable(usual: Double) -> None:
    assert usual.state.tree_provenance == ""
    assert rule(usual)["provenance"] == "api"


@both_versions
def test_routing_can_be_changed_there_and_back(double: Double, client: Grafana) -> None:
    for policy in (POLICIES, DIRECT, POLICIES):
        reconcile.everybody(client, USUAL, policy)
        assert amiss(double.state, USUAL, policy) == []
        assert bool(double.state.tree.get("routes")) != policy.direct


def test_somebody_deactivated_after_routing_changed(usual: Double, client: Grafana) -> None:
    """Our policy of the other routing still holds the contact point that is to go."""
    closed = [a_wish(ADA, closed=True), USUAL[1]]
    reconcile.person(client, closed[0], DIRECT)
    assert amiss(usual.state, closed, POLICIES) == []


def test_a_contact_point_that_somebody_uses_is_told(usual: Double, client: Grafana) -> None:
    theirs = {"receiver": "remas user 7", "object_matchers": [["team", "=", "ops"]]}
    usual.state.tree["routes"].append(theirs)
    with pytest.raises(GrafanaError, match="policy"):
        reconcile.everybody(client, [a_wish(ADA, closed=True), USUAL[1]], POLICIES)
    assert theirs in usual.state.tree["routes"]


@pytest.mark.parametrize("gone", [False, True])
def test_our_policy_is_known_by_where_it_leads_whatever_that_is_called(
    usual: Double, client: Grafana, gone: bool
) -> None:
    """Somebody doubled it, led one elsewhere, and renamed a contact point of ours."""
    ours = usual.state.tree["routes"][0]
    usual.state.contacts["admins"] = {
        **usual.state.contacts["default"],
        "uid": "admins",
        "name": "cluster admins",
    }
    children = [dict(child) for child in ours["routes"][:1]]
    usual.state.tree["routes"].append({**ours, "receiver": "cluster admins", "routes": children})
    carry_name(usual.state, "remas user 7", "ada by mail")
    usual.state.contacts[f"remas-cp-{ADA}"]["name"] = "ada by mail"
    wanted = USUAL[1:] if gone else USUAL
    reconcile.everybody(client, wanted, POLICIES)
    assert amiss(usual.state, wanted) == []
    assert len(usual.state.tree["routes"]) == 1


def test_somebody_whose_contact_point_is_gone_is_not_led_to(usual: Double, client: Grafana) -> None:
    """Grafana would refuse the whole tree."""
    children = usual.state.tree["routes"][0]["routes"]
    match = [["remas_user_id", "=", "99"]]
    children.append({"receiver": "grafana-default-email", "object_matchers": match})
    reconcile.person(client, USUAL[0], POLICIES)
    receivers = [child["receiver"] for child in usual.state.tree["routes"][0]["routes"]]
    assert receivers == ["remas user 7", "remas user 8"]


def test_somebody_gone_whose_folder_was_moved_is_cleared_away_after_a_break(
    usual: Double, client: Grafana
) -> None:
    client.create_folder("ops", "Operations")
    usual.state.folders[f"remas-u-{ADA}"]["parentUid"] = "ops"
    usual.forget()
    usual.faults.lost_writes = {4}  # the folder is deleted, and nobody is told
    with pytest.raises(GrafanaError):
        reconcile.everybody(client, USUAL[1:], POLICIES)
    usual.forget()
    reconcile.everybody(client, USUAL[1:], POLICIES)
    assert amiss(usual.state, USUAL[1:]) == []


# What is not ours


def their_rule(**fields: Any) -> dict[str, Any]:
    """A rule as somebody would write it in Grafana's editor."""
    place = {"folderUID": "remas-alerts", "ruleGroup": f"user-{ADA}", "uid": "theirs"}
    query = {"refId": "A", "datasourceUid": "__expr__", "model": {}}
    known = {"title": "Theirs", "condition": "A", "noDataState": "OK", "execErrState": "OK"}
    return {**place, **known, "data": [query], "for": "1m", **fields}


def put(client: Grafana, made: dict[str, Any]) -> None:
    client._json(
        "POST", "/v1/provisioning/alert-rules", made, headers={"X-Disable-Provenance": "1"}
    )


@both_versions
def test_rules_in_our_group_that_are_not_ours_stay(double: Double, client: Grafana) -> None:
    reconcile.everybody(client, USUAL, POLICIES)
    put(client, their_rule())
    not_ours = foreign(double.state, LOGINS)
    for wish in (a_wish(ADA, 5), a_wish(ADA), a_wish(ADA, closed=True)):
        reconcile.everybody(client, [wish, USUAL[1]], POLICIES)
        assert foreign(double.state, LOGINS) == not_ours
    reconcile.everybody(client, USUAL[1:], POLICIES)
    assert foreign(double.state, LOGINS) == not_ours


def test_a_rule_elsewhere_may_use_our_routing(usual: Double, client: Grafana) -> None:
    client.create_folder("ops", "Operations")
    labels = {"remas_managed": "true", "remas_user_id": "7"}
    put(client, their_rule(folderUID="ops", ruleGroup="disks", labels=labels))
    reconcile.everybody(client, USUAL, POLICIES)
    assert receivers_of(usual.state, usual.state.rules["theirs"]) == ["remas user 7"]


def test_a_rule_of_ours_that_lost_its_label_is_made_good(usual: Double, client: Grafana) -> None:
    rule(usual)["labels"] = {}
    reconcile.person(client, USUAL[0], POLICIES)
    assert usual.writes() == [GROUP]
    assert amiss(usual.state, USUAL) == []


def test_rules_of_ours_that_stand_elsewhere_go(usual: Double, client: Grafana) -> None:
    labels = {"remas_managed": "true"}
    client.create_folder("ops", "Operations")
    put(client, their_rule(uid="remas-r-9-9-9", folderUID="ops", labels=labels))
    put(client, their_rule(uid="copy", ruleGroup="copies", title="Copy", labels=labels))
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(usual.state, USUAL) == []
    assert {"remas-r-9-9-9", "copy"}.isdisjoint(usual.state.rules)


def keep_dashboard(double: Double, _client: Grafana) -> None:
    stored_board(double.state, "d", f"remas-u-{ADA}", {"title": "Mine"})


def keep_rule(_double: Double, client: Grafana) -> None:
    put(client, their_rule(folderUID=f"remas-u-{ADA}"))


def keep_folder(_double: Double, client: Grafana) -> None:
    inner = {"uid": "inner", "title": "Inner", "parentUid": f"remas-u-{ADA}"}
    client._json("POST", "/folders", inner)


@pytest.mark.parametrize("keep", [keep_dashboard, keep_rule, keep_folder])
def test_what_somebody_kept_outlasts_them(
    usual: Double, client: Grafana, keep: Callable[[Double, Grafana], None]
) -> None:
    keep(usual, client)
    for _ in range(2):
        usual.forget()
        reconcile.everybody(client, USUAL[1:], POLICIES)
    assert usual.writes() == []
    assert f"remas-u-{ADA}" in usual.state.folders
    account = usual.state.user_of("user7")
    assert account
    assert account["isDisabled"]


def test_only_the_account_of_who_is_gone_is_closed(usual: Double, client: Grafana) -> None:
    """Whoever else was let into the folder keeps the account."""
    client.create_user("friend", "friend@example.org", "Friend")
    friend, bob = usual.state.user_of("friend"), usual.state.user_of("user8")
    assert friend
    assert bob
    acl = usual.state.folders[f"remas-u-{ADA}"]["acl"]
    acl += [{"userId": one["id"], "permission": 2} for one in (friend, bob)]
    reconcile.everybody(client, USUAL[1:], POLICIES)
    closed = [user["login"] for user in usual.state.users.values() if user["isDisabled"]]
    assert closed == ["user7"]
