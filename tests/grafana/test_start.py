"""The dashboard with which each private folder begins."""

import json
from hashlib import sha256
from typing import Any

import pytest

from remas.clients.grafana import Grafana, GrafanaError
from remas.grafana import reconcile, start
from tests.support.grafana import NEW, OLD, Double
from tests.support.grafana_changes import ADA, BOB, START, USUAL
from tests.support.grafana_dashboards import stored_board
from tests.support.grafana_wishes import POLICIES, a_person, a_wish, amiss

UID, FOLDER = f"remas-d-{ADA}", f"remas-u-{ADA}"
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)
MINE = {"id": 1, "type": "text", "title": "Mine"}


def board(double: Double) -> Any:
    return double.state.dashboards[UID]


def edit(double: Double, folder: str = FOLDER, **changes: Any) -> None:
    """Somebody saves the dashboard on Grafana's own pages."""
    stored_board(double.state, UID, folder, {**board(double)["model"], **changes})


def make_good(client: Grafana, whole: bool) -> None:
    if whole:
        reconcile.everybody(client, USUAL, POLICIES)
    else:
        reconcile.person(client, USUAL[0], POLICIES)


one_or_all = pytest.mark.parametrize("whole", [True, False], ids=["all", "one"])


def test_it_leads_to_the_person_and_to_the_cluster(usual: Double) -> None:
    shown = board(usual)
    (panel,) = shown["model"]["panels"]
    assert (shown["title"], shown["folderUid"]) == ("user7: start", FOLDER)
    assert "(d/remas-person?var-user=user7)" in panel["options"]["content"]
    assert "(d/remas-cluster)" in panel["options"]["content"]


@pytest.mark.parametrize(
    ("username", "written"),
    [
        ("a b", "a%20b"),
        ("x](javascript:alert)", "x%5D%28javascript%3Aalert%29"),
        ("<img onerror=1>", "%3Cimg%20onerror%3D1%3E"),
        ("ada&var-node=n1", "ada%26var-node%3Dn1"),
        ("${__user.login}", "%24%7B__user.login%7D"),
    ],
)
def test_a_username_is_a_value_in_the_link_and_never_markup(username: str, written: str) -> None:
    person = a_person(ADA, username)
    content = start.wanted(person, "t")["panels"][0]["options"]["content"]
    assert f"?var-user={written})" in content
    assert username not in content


def test_whoever_changes_what_it_shows_counts_the_edition_on() -> None:
    """Else those who have it already would never get the new one."""
    shown = json.dumps(start.wanted(a_person(ADA), "t"), sort_keys=True)
    assert (start.EDITION, sha256(shown.encode()).hexdigest()[:8]) == (1, "e0a31886")


@one_or_all
@pytest.mark.parametrize(
    ("folder", "changes"),
    [
        (FOLDER, {"title": "My page"}),
        (FOLDER, {"tags": []}),
        (FOLDER, {"tags": ["remas", "remas-start", "remas-start-0"]}),
        ("", {}),
    ],
    ids=["renamed", "without tags", "an older edition", "moved"],
)
def test_it_is_written_where_it_differs(
    usual: Double, client: Grafana, whole: bool, folder: str, changes: dict[str, Any]
) -> None:
    edit(usual, folder, **changes)
    make_good(client, whole)
    assert usual.writes() == [START]
    assert amiss(usual.state, USUAL) == []
    assert "remas-start-0" not in board(usual)["model"]["tags"]


@one_or_all
def test_it_is_made_again_when_it_was_deleted(usual: Double, client: Grafana, whole: bool) -> None:
    del usual.state.dashboards[UID]
    make_good(client, whole)
    assert usual.writes() == [START]
    assert amiss(usual.state, USUAL) == []


@one_or_all
def test_what_its_person_adds_is_no_difference(usual: Double, client: Grafana, whole: bool) -> None:
    model = board(usual)["model"]
    edit(usual, panels=[MINE], tags=[*model["tags"], "mine"], description="My own")
    make_good(client, whole)
    assert usual.writes() == []


@both_versions
def test_what_its_person_added_outlasts_a_new_name(double: Double, client: Grafana) -> None:
    reconcile.everybody(client, USUAL, POLICIES)
    model = board(double)["model"]
    edit(double, panels=[*model["panels"], MINE], tags=[*model["tags"], "mine"], timezone="utc")
    double.state.users[double.state.user_of("user7")["id"]]["login"] = "ada"  # type: ignore[index]
    renamed = a_wish(ADA, username="ada", email="user7@example.org")
    reconcile.person(client, renamed, POLICIES)
    now = board(double)
    ours, theirs = now["model"]["panels"]
    assert "var-user=ada)" in ours["options"]["content"]
    assert (now["title"], theirs, now["model"]["timezone"]) == ("ada: start", MINE, "utc")
    assert "mine" in now["model"]["tags"]


@both_versions
def test_another_dashboard_of_that_title_is_not_taken_over(double: Double, client: Grafana) -> None:
    reconcile.everybody(client, USUAL, POLICIES)
    del double.state.dashboards[UID]
    theirs = stored_board(double.state, "theirs", FOLDER, {"title": "user7: start"})
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, USUAL, POLICIES)
    assert double.writes() == []
    assert double.state.dashboards["theirs"] == theirs
    assert amiss(double.state, USUAL) == []


def test_what_somebody_saves_at_the_same_moment_is_not_written_over(
    usual: Double, client: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(usual, title="My page")
    put = Grafana.put_dashboard

    def late(self: Grafana, wish: dict[str, Any], folder: str) -> None:
        edit(usual, panels=[MINE])
        put(self, wish, folder)

    monkeypatch.setattr(Grafana, "put_dashboard", late)
    with pytest.raises(GrafanaError, match="412"):
        reconcile.person(client, USUAL[0], POLICIES)
    assert board(usual)["model"]["panels"] == [MINE]
    monkeypatch.undo()
    reconcile.person(client, USUAL[0], POLICIES)
    assert amiss(usual.state, USUAL) == []


def test_other_dashboards_of_the_folder_are_left_alone(usual: Double, client: Grafana) -> None:
    theirs = stored_board(usual.state, "theirs", FOLDER, {"title": "Mine", "tags": ["remas-start"]})
    reconcile.everybody(client, USUAL, POLICIES)
    assert usual.writes() == []
    assert usual.state.dashboards["theirs"] == theirs


# Somebody is gone


def test_it_goes_with_the_folder(usual: Double, client: Grafana) -> None:
    reconcile.everybody(client, USUAL[1:], POLICIES)
    assert usual.writes().count(f"DELETE /folders/{FOLDER}") == 1
    assert not any("dashboards" in call for call in usual.writes())
    assert UID not in usual.state.dashboards


def test_it_goes_alone_where_the_folder_stays(usual: Double, client: Grafana) -> None:
    theirs = stored_board(usual.state, "theirs", FOLDER, {"title": "Mine"})
    reconcile.everybody(client, USUAL[1:], POLICIES)
    assert f"DELETE /dashboards/uid/{UID}" in usual.writes()
    assert usual.state.dashboards["theirs"] == theirs
    assert amiss(usual.state, USUAL[1:]) == []


def test_it_goes_from_wherever_it_was_moved_to(usual: Double, client: Grafana) -> None:
    edit(usual, "")
    reconcile.everybody(client, USUAL[1:], POLICIES)
    assert UID not in usual.state.dashboards
    assert FOLDER not in usual.state.folders


def test_it_keeps_no_folder_of_another_who_is_gone_as_well(usual: Double, client: Grafana) -> None:
    other = f"remas-d-{BOB}"
    stored_board(usual.state, other, FOLDER, usual.state.dashboards[other]["model"])
    reconcile.everybody(client, [], POLICIES)
    assert amiss(usual.state, []) == []


def test_one_that_is_left_over_alone_is_found_by_its_tag(usual: Double, client: Grafana) -> None:
    stored_board(usual.state, "remas-d-99", "", {**board(usual)["model"], "title": "old: start"})
    reconcile.everybody(client, USUAL, POLICIES)
    assert usual.writes()[0] == "DELETE /dashboards/uid/remas-d-99"
    assert amiss(usual.state, USUAL) == []


def test_more_dashboards_than_a_page_holds(
    double: Double, client: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remas.clients.grafana.PER_PAGE", 2)
    wishes = [a_wish(number) for number in range(1, 6)]
    for _ in range(2):
        double.forget()
        reconcile.everybody(client, wishes, POLICIES)
    assert double.writes() == []
    assert double.reads().count("GET /search") == 3
    assert not any(call.startswith("GET /dashboards") for call in double.reads())


def test_what_its_person_saves_between_our_looking_and_our_writing_stays(
    usual: Double, client: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(usual, title="My page")
    look, saves = Grafana.dashboard, iter([True])

    def look_and_be_overtaken(self: Grafana, uid: str) -> Any:
        found = look(self, uid)
        if uid == UID and next(saves, False):
            edit(usual, panels=[*board(usual)["model"]["panels"], MINE])
        return found

    monkeypatch.setattr(Grafana, "dashboard", look_and_be_overtaken)
    make_good(client, whole=True)
    assert board(usual)["title"] == "user7: start"
    assert MINE in board(usual)["model"]["panels"]
