"""Administrators edit the notification policies while REMAS puts its own among them."""

import logging
from collections.abc import Callable

import pytest

from remas.clients.grafana import Grafana
from remas.grafana import reconcile
from remas.grafana.refusals import SomeRefused
from tests.support.grafana import Double
from tests.support.grafana_changes import ADA, BOB, USUAL
from tests.support.grafana_state import Json, State
from tests.support.grafana_wishes import POLICIES, a_wish, amiss, is_our_route

POLICIES_PATH = "/v1/provisioning/policies"
READ, WRITE = f"GET {POLICIES_PATH}", f"PUT {POLICIES_PATH}"
WISHES = (*USUAL, a_wish(9, 4))


def their_route(team: str) -> Json:
    return {"receiver": "grafana-default-email", "object_matchers": [["team", "=", team]]}


def saved(team: str) -> Callable[[State], None]:
    """An administrator adds a policy to the tree as it was before we wrote, and saves that."""

    def edit(state: State) -> None:
        routes = state.tree.get("routes") or []
        theirs = [route for route in routes if not is_our_route(state, route)]
        state.tree = {**state.tree, "routes": [*theirs, their_route(team)]}

    return edit


def test_between_reading_and_writing_there_is_no_other_call(
    double: Double, client: Grafana
) -> None:
    reconcile.person(client, USUAL[0], POLICIES)
    calls = [str(call) for call in double.log]
    at = calls.index(WRITE)
    assert calls[at - 1 : at + 2] == [READ, WRITE, READ]


def test_what_is_saved_before_our_writing_is_lost_and_the_log_has_what_was(
    usual: Double, client: Grafana, caplog: pytest.LogCaptureFixture
) -> None:
    usual.state.tree["routes"].append(their_route("before"))
    usual.faults.meanwhile[READ] = saved("meanwhile")
    with caplog.at_level(logging.INFO, logger="remas"):
        reconcile.person(client, WISHES[-1], POLICIES)
    assert amiss(usual.state, WISHES) == []
    assert usual.state.tree["routes"][1:] == [their_route("before")]
    (said,) = [line for line in caplog.messages if "were: " in line]
    assert '"before"' in said
    assert '"remas user 7"' in said


def test_what_is_saved_over_our_writing_stays_and_ours_is_put_into_it(
    usual: Double, client: Grafana
) -> None:
    usual.faults.meanwhile[WRITE] = saved("meanwhile")
    reconcile.everybody(client, WISHES, POLICIES)
    assert amiss(usual.state, WISHES) == []
    assert usual.state.tree["routes"][1:] == [their_route("meanwhile")]
    assert usual.writes().count(WRITE) >= 2


def test_what_is_added_to_our_writing_needs_no_other(usual: Double, client: Grafana) -> None:
    def added(state: State) -> None:
        state.tree["routes"].append(their_route("added"))

    usual.faults.meanwhile[WRITE] = added
    reconcile.person(client, WISHES[-1], POLICIES)
    assert usual.state.tree["routes"][1:] == [their_route("added")]
    assert usual.writes().count(WRITE) == 1
    assert amiss(usual.state, WISHES) == []


def test_who_writes_against_us_without_end_is_told(usual: Double, client: Grafana) -> None:
    def again(state: State) -> None:
        state.tree = {**state.tree, "routes": [their_route("theirs")]}
        usual.faults.meanwhile[WRITE] = again

    again(usual.state)
    with pytest.raises(SomeRefused, match="somebody else writes them"):
        reconcile.everybody(client, [a_wish(ADA, 4, 4)], POLICIES)
    assert usual.writes().count(WRITE) == 3
    usual.forget()
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(usual.state, USUAL) == []
    assert usual.state.tree["routes"][1:] == [their_route("theirs")]
    assert f"remas-cp-{BOB}" in usual.state.contacts
