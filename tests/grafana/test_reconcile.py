"""From what is in Grafana to what should be: which calls a change takes, and what is left alone."""

from copy import deepcopy
from pathlib import Path

import pytest

from remas.clients.grafana import Grafana, GrafanaError
from remas.grafana import reconcile
from remas.grafana.wish import Wish
from tests.support.grafana import NEW, OLD, Double
from tests.support.grafana_changes import ADA, BOB, CHANGES, GROUP, USUAL, Change, measured, table
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD
from tests.support.grafana_wishes import (
    DIRECT,
    POLICIES,
    TEMPLATE,
    a_person,
    a_wish,
    amiss,
    an_alert,
    foreign,
)

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "grafana.md"
LOGINS = {"user7", "user8"}
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


# What a change costs


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title)
def test_a_change_takes_exactly_these_writes(change: Change, version: str) -> None:
    assert list(measured(change, version).writes) == list(change.writes)


def test_the_table_of_the_documentation_is_what_is_measured() -> None:
    assert table() in DOCUMENTATION.read_text(encoding="utf-8")


@both_versions
@pytest.mark.parametrize("policy", [POLICIES, DIRECT], ids=["policies", "direct"])
def test_from_nothing_everything_is_made(
    double: Double, client: Grafana, policy: reconcile.Policy
) -> None:
    wishes = [a_wish(ADA, 4, 0), a_wish(BOB, is_admin=True), a_wish(9, closed=True)]
    reconcile.everybody(client, wishes, policy)
    assert amiss(double.state, wishes, policy) == []
    assert double.state.user_of("user9") is None  # who was never here needs no account


@pytest.mark.parametrize("people", [1, 12])
def test_a_pass_lists_what_can_be_listed_once(double: Double, client: Grafana, people: int) -> None:
    wishes = [a_wish(number, 4) for number in range(1, people + 1)]
    reconcile.everybody(client, wishes, POLICIES)
    double.forget()
    reconcile.everybody(client, wishes, POLICIES)
    assert double.writes() == []
    # Of each person: the account, who may see the folder, and the policies, read afresh.
    assert len(double.reads()) == 6 + 3 * people
    assert double.reads().count("GET /v1/provisioning/alert-rules") == 1


def test_more_folders_than_a_page_holds(
    double: Double, client: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remas.clients.grafana.PER_PAGE", 2)
    wishes = [a_wish(number) for number in range(1, 6)]
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, wishes, POLICIES)
    assert double.writes() == []
    assert double.reads().count("GET /folders") == 4  # six folders, and a page that is empty


def test_a_rule_that_does_not_change_keeps_its_state(usual: Double, client: Grafana) -> None:
    before = dict(usual.state.resets)
    reconcile.person(client, a_wish(ADA, 4, 9), POLICIES)
    changed = {uid for uid, times in usual.state.resets.items() if times != before[uid]}
    assert changed == {"remas-r-3-7-2"}


def test_a_token_is_used_where_grafana_takes_one(double: Double) -> None:
    with double.client(double.add_token()) as client:
        reconcile.everybody(client, USUAL, POLICIES)
        assert amiss(double.state, USUAL) == []
        double.forget()
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.writes() == []


def test_one_persons_run_asks_for_nobody_elses_rules(usual: Double, client: Grafana) -> None:
    reconcile.person(client, a_wish(ADA, 4, 9), POLICIES)
    assert "GET /v1/provisioning/alert-rules" not in usual.reads()
    assert "GET /folders" not in usual.reads()


@both_versions
def test_alerts_of_several_notifications_stand_beside_one_another(
    double: Double, client: Grafana
) -> None:
    """Also with one title, and when only one of them has another amount."""
    person = a_person(ADA)
    for amount in (4, 9):
        alerts = (an_alert(person, amount), an_alert(person, 1, notification=4))
        reconcile.person(client, Wish(person, alerts), POLICIES)
    assert double.state.rules.keys() == {"remas-r-3-7-2", "remas-r-4-7-2"}
    assert double.state.resets == {"remas-r-3-7-2": 2, "remas-r-4-7-2": 1}


@pytest.mark.parametrize("uid", ["remas-u-7", "remas-alerts"])
def test_a_folder_that_somebody_deleted_is_made_again(
    usual: Double, client: Grafana, uid: str
) -> None:
    usual.state.rules.clear()
    del usual.state.folders[uid]
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(usual.state, USUAL) == []


# Rights, up and down


@both_versions
@pytest.mark.parametrize("closed", [False, True])
def test_rights_go_when_somebody_is_no_longer_an_administrator(
    double: Double, client: Grafana, closed: bool
) -> None:
    reconcile.person(client, a_wish(ADA, is_admin=True), POLICIES)
    account = double.state.user_of("user7")
    assert account
    assert (account["isGrafanaAdmin"], double.state.members[account["id"]]) == (True, "Admin")
    reconcile.person(client, a_wish(ADA, is_admin=closed, closed=closed), POLICIES)
    assert (account["isGrafanaAdmin"], double.state.members[account["id"]]) == (False, "Viewer")


def test_an_editor_made_in_grafana_stays_one(usual: Double, client: Grafana) -> None:
    account = usual.state.user_of("user7")
    assert account
    usual.state.members[account["id"]] = "Editor"
    reconcile.person(client, USUAL[0], POLICIES)
    assert usual.writes() == []


@pytest.mark.parametrize("role", ["Admin", "None", None])
def test_a_role_that_is_not_fitting_is_set(
    usual: Double, client: Grafana, role: str | None
) -> None:
    account = usual.state.user_of("user7")
    assert account
    usual.state.members.pop(account["id"])
    if role:
        usual.state.members[account["id"]] = role
    reconcile.person(client, USUAL[0], POLICIES)
    assert usual.state.members[account["id"]] == "Viewer"
    assert len(usual.writes()) == 1


def test_our_own_account_is_left_alone(double: Double, client: Grafana) -> None:
    before = deepcopy(double.state.users[1])
    wishes = [Wish(a_person(1, "remas", email="new@example.org"))]
    reconcile.everybody(client, wishes, POLICIES)
    assert (double.state.users[1], double.state.members[1]) == (before, "Admin")
    reconcile.everybody(client, [Wish(a_person(1, "remas", closed=True))], POLICIES)
    assert double.state.users[1] == before


def test_logins_differ_by_case_for_nobody(double: Double, client: Grafana) -> None:
    double.state.lower_case_logins = True
    wishes = [Wish(a_person(ADA, "Ada", email="Ada@Example.org"))]
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, wishes, POLICIES)
    assert double.writes() == []


def test_a_login_that_is_the_address_of_another(double: Double, client: Grafana) -> None:
    """Grafana looks among the addresses first."""
    client.create_user("other", "ada@example.org", "Other")
    client.create_user("Ada@example.org", "ada@home.example.org", "Ada")
    found = client.find_user("ada@example.org")
    assert found
    assert (found.login, found.email) == ("Ada@example.org", "ada@home.example.org")
    assert client.find_user("OTHER")


def test_a_login_with_signs_that_mean_something_in_an_address(
    double: Double, client: Grafana
) -> None:
    name = "a b+c@x&y=#/ä"
    reconcile.everybody(client, [Wish(a_person(ADA, name, email="abc@example.org"))], POLICIES)
    assert double.state.user_of(name)
    double.forget()
    reconcile.everybody(client, [Wish(a_person(ADA, name, email="abc@example.org"))], POLICIES)
    assert double.writes() == []


def test_who_comes_through_a_proxy_is_shut_out_by_other_means(
    usual: Double, client: Grafana
) -> None:
    account = usual.state.user_of("user7")
    assert account
    account["isExternal"] = True
    password = account["password"]
    closed = [a_wish(ADA, closed=True), USUAL[1]]
    reconcile.everybody(client, closed, POLICIES)
    assert usual.state.members[account["id"]] == "None"
    assert account["password"] != password
    assert f"POST /admin/users/{account['id']}/logout" in usual.writes()
    usual.forget()
    reconcile.everybody(client, closed, POLICIES)
    assert usual.writes() == []
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(usual.state, USUAL) == []


def test_what_a_proxy_tells_of_somebody_is_left_to_the_proxy(
    usual: Double, client: Grafana
) -> None:
    account = usual.state.user_of("user7")
    assert account
    account["isExternal"] = True
    reconcile.person(client, a_wish(ADA, 4, 4, full_name="Ada Byron"), POLICIES)
    assert usual.writes() == [GROUP]  # the alerts speak of the person by name


# What cannot be


@pytest.mark.parametrize("address", ["a@x.org;b@x.org", "a@x.org,b@x.org", "a@x.org\nb@x.org"])
def test_one_address_that_would_be_several_is_refused(
    double: Double, client: Grafana, address: str
) -> None:
    wishes = [Wish(a_person(ADA, email=address)), USUAL[1]]
    with pytest.raises(GrafanaError, match="several addresses"):
        reconcile.everybody(client, wishes, POLICIES)
    assert f"remas-cp-{ADA}" not in double.state.contacts
    assert amiss(double.state, USUAL[1:])[:-1] == []  # the others are seen to all the same


def test_an_address_that_another_account_has(double: Double, client: Grafana) -> None:
    client.create_user("stranger", "user7@example.org", "Stranger")
    with pytest.raises(GrafanaError, match="another account"):
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.state.user_of("user7") is None
    assert [what for what in amiss(double.state, USUAL) if what.startswith("user8")] == []


def test_several_refusals_are_told_together(double: Double, client: Grafana) -> None:
    wishes = [Wish(a_person(number, email="a;b")) for number in range(1, 6)]
    with pytest.raises(GrafanaError, match=r"5 times.*user1.*user3") as told:
        reconcile.everybody(client, wishes, POLICIES)
    assert "user4" not in str(told.value)


def test_a_rule_that_grafana_refuses_stops_only_its_own_person(
    double: Double, client: Grafana
) -> None:
    person = a_person(ADA)
    bad = Wish(person, (an_alert(person, template=TEMPLATE.replace('"300s"', '"soon"')),))
    with pytest.raises(GrafanaError, match="400"):
        reconcile.everybody(client, [bad, USUAL[1]], POLICIES)
    assert [what for what in amiss(double.state, [bad, USUAL[1]]) if "user8" in what] == []


@pytest.mark.parametrize("status", [401, 429, 502, 503])
def test_what_concerns_all_stops_the_pass(double: Double, client: Grafana, status: int) -> None:
    double.faults.broken = [status]
    with pytest.raises(GrafanaError, match=str(status)):
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.reads() == ["GET /users/lookup"]


@pytest.mark.parametrize("status", [409, 500])
def test_a_conflict_over_alerting_is_made_good_by_the_next_run(
    double: Double, client: Grafana, status: int
) -> None:
    double.faults.conflicts = [status]
    with pytest.raises(GrafanaError):
        reconcile.everybody(client, USUAL, POLICIES)
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(double.state, USUAL) == []


def test_titles_of_folders_that_are_taken(double: Double, client: Grafana) -> None:
    client.create_folder("theirs", "user7 (private)")
    client.create_folder("ops", "REMAS alerts")
    not_ours = foreign(double.state, LOGINS)
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.writes() == []
    assert amiss(double.state, USUAL) == []
    assert double.state.folders["remas-u-7"]["title"] == "user7 (private) [remas-u-7]"
    assert foreign(double.state, LOGINS) == not_ours


def test_a_time_that_grafana_11_does_not_know_is_left_out(double: Double, client: Grafana) -> None:
    template = TEMPLATE.replace('"labels"', '"keep_firing_for": "1m", "labels"')
    person = a_person(ADA)
    wish = Wish(person, (an_alert(person, template=template),))
    for version, kept in ((OLD, None), (NEW, "1m")):
        double.state.version = version
        for _ in range(2):
            double.forget()
            reconcile.person(client, wish, POLICIES)
        assert double.writes() == []
        assert double.state.rules["remas-r-3-7-2"].get("keep_firing_for") == kept


# Trouble on the way


@pytest.mark.parametrize("number", range(1, 8))
def test_an_answer_that_is_lost_is_no_harm(double: Double, client: Grafana, number: int) -> None:
    double.faults.lost_writes = {number}
    with pytest.raises(GrafanaError) as told:
        reconcile.everybody(client, USUAL, POLICIES)
    assert told.value.status is None
    double.forget()
    reconcile.everybody(client, USUAL, POLICIES)
    assert amiss(double.state, USUAL) == []


def test_slow_answers_are_waited_for_and_no_longer(double: Double) -> None:
    double.faults.seconds = 0.3
    hasty = Grafana(double.url, OWN_LOGIN, OWN_PASSWORD, patience=(0.2, 0.05))
    with hasty as client, pytest.raises(GrafanaError, match="no answer") as told:
        reconcile.person(client, USUAL[0], POLICIES)
    assert told.value.status is None
    assert not told.value.is_about_one


def test_a_wrong_password_is_told_apart(double: Double) -> None:
    with Grafana(double.url, "remas", "wrong") as client, pytest.raises(GrafanaError) as told:
        reconcile.everybody(client, USUAL, POLICIES)
    assert told.value.is_locked_out
    assert len(double.log) == 1  # each try brings the lock-out nearer
