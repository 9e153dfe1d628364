"""The double of Grafana behaves as Grafana does: dashboards, search, data sources."""

from typing import Any

import pytest

from tests.grafana.conftest import Http
from tests.support.grafana import NEW, OLD

SAVE = "/dashboards/db"
both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


def a_board(uid: str = "d", title: str = "D", folder: str = "f", **more: Any) -> dict[str, Any]:
    """A dashboard as a call would bring it."""
    asked = {name: more.pop(name) for name in ("overwrite",) if name in more}
    board = {"id": None, "uid": uid, "title": title, "tags": ["t"], "panels": [], **more}
    return {"dashboard": board, "folderUid": folder, **asked}


def test_a_dashboard_from_beginning_to_end(folder: Http) -> None:
    status, made = folder("POST", SAVE, a_board())
    assert (status, made["uid"], made["version"], made["status"]) == (200, "d", 1, "success")
    found = folder("GET", "/dashboards/uid/d")[1]
    assert (found["meta"]["folderUid"], found["dashboard"]["version"]) == ("f", 1)
    assert found["dashboard"]["tags"] == ["t"]
    assert folder.status("DELETE", "/dashboards/uid/d") == 200
    assert folder.status("DELETE", "/dashboards/uid/d") == 404
    assert folder.status("GET", "/dashboards/uid/d") == 404


def test_one_that_is_there_is_changed_by_who_knows_its_version(folder: Http) -> None:
    folder("POST", SAVE, a_board())
    for version in ({}, {"version": 7}):
        status, body = folder("POST", SAVE, a_board(**version))
        assert (status, body["status"]) == (412, "version-mismatch")
    assert folder("POST", SAVE, a_board(version=1))[1]["version"] == 2
    assert folder("POST", SAVE, a_board(overwrite=True))[1]["version"] == 3


@pytest.mark.parametrize("wrong", [a_board(title=" "), a_board(uid="a b"), {"dashboard": None}])
def test_a_dashboard_that_cannot_be(folder: Http, wrong: dict[str, Any]) -> None:
    assert folder.status("POST", SAVE, wrong) == 400


def test_a_dashboard_of_no_folder_or_of_a_file(folder: Http) -> None:
    assert folder.status("POST", SAVE, a_board(folder="no")) == 404
    folder("POST", SAVE, a_board())
    folder.double.state.dashboards["d"]["provisioned"] = True
    assert folder.status("POST", SAVE, a_board(overwrite=True)) == 400
    assert folder.status("DELETE", "/dashboards/uid/d") == 400


def test_without_a_folder_it_moves_to_the_top(folder: Http) -> None:
    folder("POST", SAVE, a_board())
    folder("POST", SAVE, a_board(folder="", overwrite=True))
    assert folder("GET", "/dashboards/uid/d")[1]["meta"]["folderUid"] == ""
    assert "folderUid" not in folder("GET", "/search?tag=t")[1][0]


@both_versions
def test_a_title_stands_once_in_a_folder_in_releases_that_mind(folder: Http) -> None:
    folder("POST", SAVE, a_board("theirs"))
    status, body = folder("POST", SAVE, a_board("ours"))
    if folder.double.state.is_new:
        assert status == 200
        return
    assert (status, body["status"]) == (412, "name-exists")
    # Told to overwrite, it takes over the one that has the title, uid and all.
    assert folder("POST", SAVE, a_board("ours", overwrite=True))[1]["uid"] == "theirs"


def test_search_is_by_kind_tag_and_folder_in_pages(folder: Http) -> None:
    for uid in "abc":
        folder("POST", SAVE, a_board(uid, title=uid, folder="f" if uid != "c" else ""))
    folder("POST", SAVE, a_board("e", title="e", tags=["other"]))

    def found(query: str) -> list[str]:
        return [one["uid"] for one in folder("GET", f"/search?{query}")[1]]

    assert found("type=dash-db&tag=t") == ["a", "b", "c"]
    assert found("type=dash-db&tag=t&limit=2&page=2") == ["c"]
    assert found("folderUIDs=f") == ["a", "b", "e"]
    assert found("type=dash-folder") == ["f"]
    assert folder("GET", "/search?tag=t")[1][0] == {
        **{"id": 3, "uid": "a", "title": "a", "type": "dash-db"},
        **{"tags": ["t"], "isStarred": False, "folderUid": "f"},
    }


def test_dashboards_go_with_their_folder(folder: Http) -> None:
    folder("POST", SAVE, a_board())
    folder("DELETE", "/folders/f")
    assert folder.status("GET", "/dashboards/uid/d") == 404


def test_data_sources(http: Http) -> None:
    wish = {"name": "P", "type": "prometheus", "uid": "p", "access": "proxy", "url": "http://p"}
    assert http.status("GET", "/datasources/uid/p") == 404
    status, made = http("POST", "/datasources", wish)
    assert (status, made["datasource"]["uid"], made["name"]) == (200, "p", "P")
    assert http.status("POST", "/datasources", {**wish, "name": "Q"}) == 409
    assert http.status("POST", "/datasources", {**wish, "uid": "q"}) == 409
    assert http.status("POST", "/datasources", {"name": "Q"}) == 400
    assert http.status("PUT", "/datasources/uid/p", {**wish, "url": "http://q"}) == 200
    assert http("GET", "/datasources/uid/p")[1]["url"] == "http://q"
    assert http.status("PUT", "/datasources/uid/p", {**wish, "version": 1}) == 409
    assert http.status("PUT", "/datasources/uid/no", wish) == 404
    with http.double.client() as client:
        assert client.data_source_uids() == {"p"}


def test_a_data_source_of_a_file_is_not_changed(http: Http) -> None:
    known = {"uid": "p", "name": "P", "type": "prometheus", "readOnly": True}
    http.double.state.sources["p"] = known
    assert http.status("PUT", "/datasources/uid/p", {"name": "Q", "type": "prometheus"}) == 403
    assert http("GET", "/datasources")[1] == [known]
