"""Rules that somebody else provides, or that Grafana does not let go of."""

from typing import Any

import pytest

from remas.clients.grafana import Grafana
from remas.grafana import reconcile
from remas.grafana.refusals import SomeRefused
from remas.services import nodes
from remas.services.actor import SYSTEM
from remas.services.nodes import NodeChange
from tests.support.followed import Followed
from tests.support.grafana import NEW, OLD, Double
from tests.support.grafana_changes import ADA, USUAL
from tests.support.grafana_edits import Pick, provided_rule
from tests.support.grafana_state import Json
from tests.support.grafana_wishes import POLICIES, a_wish, amiss, foreign

LOGINS = {"user7", "user8"}
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


def a_copy(double: Double, uid: str, **fields: Any) -> Json:
    """Another rule, as one of Ada's."""
    rule = double.state.rules[f"remas-r-3-{ADA}-1"]
    made = {**rule, "uid": uid, "title": uid, **fields}
    double.state.rules[uid] = made
    return made


@both_versions
@pytest.mark.parametrize("owner", ["file", "converted_prometheus"])
@pytest.mark.parametrize("group", [f"user-{ADA}", "files"])
def test_what_another_owner_provides_is_never_touched(
    double: Double, client: Grafana, owner: str, group: str
) -> None:
    reconcile.everybody(client, USUAL, POLICIES)
    a_copy(double, "remas-r-99-7-1", provenance=owner, ruleGroup=group)
    not_ours = foreign(double.state, LOGINS)
    for wishes in ([a_wish(ADA, 9), USUAL[1]], [a_wish(ADA, closed=True), USUAL[1]], USUAL[1:]):
        reconcile.everybody(client, wishes, POLICIES)
        assert foreign(double.state, LOGINS) == not_ours
        assert amiss(double.state, wishes) == []


def test_a_provided_rule_with_the_uid_of_one_of_ours_is_told(
    usual: Double, client: Grafana
) -> None:
    usual.state.rules[f"remas-r-3-{ADA}-1"]["provenance"] = "file"
    with pytest.raises(SomeRefused, match="remas-r-3-7-1"):
        reconcile.everybody(client, [a_wish(ADA, 9, 9), a_wish(8, 5, 5)], POLICIES)
    assert [what for what in amiss(usual.state, [a_wish(8, 5, 5)]) if "user8" in what] == []


def test_the_edit_of_the_random_states_makes_such_a_rule(usual: Double) -> None:
    provided_rule(usual.state, Pick(1))
    assert "file" in {rule["provenance"] for rule in usual.state.rules.values()}


@pytest.mark.parametrize("status", [409, 500])
def test_a_stray_that_grafana_keeps_does_not_keep_the_pass(site: Followed, status: int) -> None:
    uid = next(uid for uid in site.double.state.rules)
    rule = site.double.state.rules[uid]
    site.double.state.rules["stray"] = {**rule, "uid": "stray", "title": "s", "ruleGroup": "else"}
    site.double.faults.failing["DELETE /v1/provisioning/alert-rules/stray"] = status
    before = site.state().passed_at
    site.later(seconds=5)
    nodes.change(SYSTEM, "n1", NodeChange(name="m1"))
    site.tick()
    assert site.amiss() == ["stray is left"]
    assert site.marks() == []
    state = site.state()
    assert state.failures == 0
    assert before
    assert state.passed_at
    assert state.passed_at > before
    site.double.forget()
    site.later(hours=1)
    site.tick()
    assert site.amiss() == []


def test_strays_that_grafana_keeps_are_told(usual: Double, client: Grafana) -> None:
    for number in range(4):
        a_copy(usual, f"stray{number}", ruleGroup="else")
    usual.faults.failing["DELETE /v1/provisioning/alert-rules/stray[0-2]"] = 500
    with pytest.raises(SomeRefused, match=r"3 times .*stray0.*stray1"):
        reconcile.everybody(client, USUAL, POLICIES)
    assert "stray3" not in usual.state.rules
