"""The double of Grafana behaves as Grafana does, where REMAS depends on it."""

from typing import Any

import pytest
import requests

from tests.grafana.conftest import Http
from tests.support.grafana import NEW, OLD
from tests.support.grafana_alerting import POINTS
from tests.support.grafana_rules import RULES
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD, State
from tests.support.grafana_wishes import a_raw_point as point
from tests.support.grafana_wishes import a_raw_rule as a_rule

both_versions = pytest.mark.parametrize("double", [OLD, NEW], indirect=True)


# Who may


def test_health_needs_no_account_and_tells_when_the_database_is_down(http: Http) -> None:
    assert http("GET", "/health", auth=None)[1]["version"] == OLD
    http.double.state.version_hidden = True
    assert "version" not in http("GET", "/health", auth=None)[1]
    http.double.state.database_down = True
    assert http("GET", "/health", auth=None)[0] == 503
    assert http.status("GET", "/org/users") == 500


def test_without_an_account_or_with_a_wrong_one(http: Http) -> None:
    assert http.status("GET", "/folders", auth=None) == 401
    status, body = http("GET", "/folders", auth=(OWN_LOGIN, "wrong"))
    assert (status, body["messageId"]) == (401, "password-auth.failed")


def test_five_wrong_passwords_lock_out_the_right_one(http: Http) -> None:
    for _ in range(5):
        http("GET", "/folders", auth=(OWN_LOGIN, "wrong"))
    assert http("GET", "/folders")[1]["messageId"] == "login-attempt.blocked"
    http.double.state.wrong_passwords.clear()
    assert http.status("GET", "/folders") == 200


def test_a_token_opens_all_but_accounts(http: Http) -> None:
    http.double.add_token("glsa_x")
    token = {"auth": None, "Authorization": "Bearer glsa_x"}
    assert http.status("GET", "/org/users", **token) == 200
    assert http.status("GET", "/users/lookup?loginOrEmail=remas", **token) == 403
    assert http.status("POST", "/admin/users", {}, **token) == 403
    assert http.status("GET", "/folders", auth=None, Authorization="Bearer no") == 401


def test_who_is_no_administrator_may_not_see_alerting(http: Http) -> None:
    http.double.add_token("glsa_e", role="Editor")
    token = {"auth": None, "Authorization": "Bearer glsa_e"}
    status, body = http("GET", RULES, **token)
    assert (status, body["title"]) == (403, "Access denied")
    assert http.status("GET", "/folders", **token) == 200


def test_what_is_unknown_is_not_found(http: Http) -> None:
    assert http("GET", "/nothing") == (404, {"message": "Not found"})


# Accounts


def test_an_account_from_beginning_to_end(http: Http) -> None:
    wish = {"login": "a b+c@x", "email": "abc@x", "password": "secret", "isDisabled": True}
    status, made = http("POST", "/admin/users", wish)
    assert status == 200
    own = made["id"]
    known = http("GET", "/users/lookup?loginOrEmail=A%20B%2Bc%40x")[1]
    assert (known["id"], known["isDisabled"], known["isGrafanaAdmin"]) == (own, False, False)
    assert {"userId": own, "role": "Viewer"}.items() <= http("GET", "/org/users")[1][1].items()
    for taken in ({"login": "A b+C@x"}, {"login": "n", "email": "ABC@x"}):
        assert http.status("POST", "/admin/users", {**taken, "password": "secret"}) == 412
    assert http.status("PUT", f"/users/{own}", {"email": "new@x"}) == 200
    assert http("GET", f"/users/{own}")[1]["login"] == "new@x"
    assert http.status("PUT", f"/users/{own}", {"login": OWN_LOGIN}) == 409
    assert http.status("DELETE", f"/admin/users/{own}") == 200
    assert http.status("DELETE", f"/admin/users/{own}") == 404
    assert len(http("GET", "/org/users")[1]) == 1


@pytest.mark.parametrize("wish", [{"login": "x", "password": "abc"}, {"password": "secret"}])
def test_an_account_without_what_it_needs(http: Http, wish: dict[str, str]) -> None:
    assert http.status("POST", "/admin/users", wish) == 400


def test_an_account_is_looked_for_by_address_only_where_that_has_its_sign(http: Http) -> None:
    for login, email in (("ada", "ada@x"), ("bob@x", "b@x"), ("odd", "bob@x")):
        wish = {"login": login, "email": email, "password": "secret"}
        assert http.status("POST", "/admin/users", wish) == 200
    lookup = "/users/lookup?loginOrEmail="
    assert http("GET", f"{lookup}ADA")[1]["email"] == "ada@x"
    assert http("GET", f"{lookup}Bob%40x")[1]["login"] == "odd"  # the address comes first
    assert http("GET", f"{lookup}b%40x")[1]["login"] == "bob@x"
    assert http("GET", f"{lookup}nobody") == (404, {"message": "user not found"})


def test_rights_are_given_and_taken(http: Http) -> None:
    own = http("POST", "/admin/users", {"login": "ada", "password": "secret"})[1]["id"]
    for wanted in (True, False):
        wish = {"isGrafanaAdmin": wanted}
        assert http.status("PUT", f"/admin/users/{own}/permissions", wish) == 200
        assert http("GET", f"/users/{own}")[1]["isGrafanaAdmin"] is wanted
    assert http.status("PATCH", f"/org/users/{own}", {"role": "Editor"}) == 200
    assert http("GET", "/org/users")[1][1]["role"] == "Editor"
    assert http.status("PUT", "/users/99", {"login": "x"}) == 404


def test_accounts_are_listed_in_pages(http: Http) -> None:
    for login in ("ada", "adele", "bob"):
        http("POST", "/admin/users", {"login": login, "password": "secret"})
    page = http("GET", "/users/search?perpage=1&page=2&query=ad")[1]
    assert (page["totalCount"], page["page"], page["perPage"]) == (2, 2, 1)
    assert [user["login"] for user in page["users"]] == ["adele"]
    assert http("GET", "/users/search")[1]["totalCount"] == 4


def test_what_an_account_could_see_goes_with_it(folder: Http) -> None:
    own = folder("POST", "/admin/users", {"login": "ada", "password": "secret"})[1]["id"]
    only = {"items": [{"userId": own, "permission": 2}]}
    folder("POST", "/folders/f/permissions", only)
    assert folder.status("DELETE", f"/admin/users/{own}") == 200
    assert folder("GET", "/folders/f/permissions")[1] == []


def test_the_last_administrators_stay(http: Http) -> None:
    no = {"isGrafanaAdmin": False}
    assert http.status("PUT", "/admin/users/1/permissions", no) == 400
    assert http.status("PATCH", "/org/users/1", {"role": "Viewer"}) == 400
    assert http.status("PATCH", "/org/users/1", {"role": "King"}) == 400
    assert http.status("PATCH", "/org/users/9", {"role": "Viewer"}) == 500
    again = {"loginOrEmail": OWN_LOGIN, "role": "Admin"}
    assert http.status("POST", "/org/users", again) == 409


def test_a_password_counts_at_once(http: Http) -> None:
    assert http.status("PUT", "/admin/users/1/password", {"password": "abc"}) == 400
    assert http.status("PUT", "/admin/users/1/password", {"password": "other"}) == 200
    assert http.status("GET", "/folders") == 401
    assert http.status("GET", "/folders", auth=(OWN_LOGIN, "other")) == 200


def test_who_a_proxy_vouches_for_cannot_be_disabled(http: Http) -> None:
    http.double.state.users[1]["isExternal"] = True
    assert http.status("POST", "/admin/users/1/disable") == 500


# Folders


@both_versions
def test_a_folder_has_one_uid(folder: Http) -> None:
    again = folder.status("POST", "/folders", {"uid": "f", "title": "Again"})
    assert again == (412 if folder.double.state.is_new else 409)
    same_title = folder.status("POST", "/folders", {"uid": "g", "title": "F"})
    assert same_title == (200 if folder.double.state.is_new else 409)
    for wrong in ({"uid": "x"}, {"uid": "x y", "title": "X"}, {"uid": "x" * 41, "title": "X"}):
        assert folder.status("POST", "/folders", wrong) == 400


def test_a_folder_is_first_seen_by_all_and_then_by_those_named(folder: Http) -> None:
    inner = {"uid": "inner", "title": "Inner", "parentUid": "f"}
    assert folder.status("POST", "/folders", inner) == 200
    first = folder("GET", "/folders/f/permissions")[1]
    assert [(one.get("role"), one["permission"]) for one in first] == [
        (None, 4),
        ("Editor", 2),
        ("Viewer", 1),
    ]
    assert len(folder("GET", "/folders/inner/permissions")[1]) == 1
    only = {"items": [{"userId": 1, "permission": 2}]}
    assert folder.status("POST", "/folders/f/permissions", only) == 200
    (entry,) = folder("GET", "/folders/f/permissions")[1]
    assert (entry["userId"], entry["userLogin"], entry["permission"]) == (1, OWN_LOGIN, 2)
    both = {"items": [{"userId": 1, "role": "Viewer", "permission": 1}]}
    assert folder.status("POST", "/folders/f/permissions", both) == 400
    assert folder.status("GET", "/folders/no/permissions") == 404


def test_a_folder_is_renamed_by_who_knows_its_version(folder: Http) -> None:
    assert folder.status("PUT", "/folders/f", {"title": "G", "version": 9}) == 412
    assert folder.status("PUT", "/folders/f", {"title": "G", "version": 1}) == 200
    assert folder.status("PUT", "/folders/f", {"title": "H", "overwrite": True}) == 200
    assert folder("GET", "/folders/f")[1]["version"] == 3


def test_a_list_of_folders_is_of_one_level_and_page(folder: Http) -> None:
    folder("POST", "/folders", {"uid": "inner", "title": "Inner", "parentUid": "f"})
    folder("POST", "/folders", {"uid": "g", "title": "G"})
    assert [one["uid"] for one in folder("GET", "/folders")[1]] == ["f", "g"]
    assert [one["uid"] for one in folder("GET", "/folders?limit=1&page=2")[1]] == ["g"]
    assert [one["uid"] for one in folder("GET", "/folders?parentUid=f")[1]] == ["inner"]
    assert [one["uid"] for one in folder("GET", "/search?folderUIDs=f")[1]] == ["inner"]


def test_a_folder_with_rules_in_it_is_not_deleted(folder: Http) -> None:
    folder("POST", RULES, a_rule())
    assert folder.status("DELETE", "/folders/f") == 400
    assert folder.status("DELETE", "/folders/f?forceDeleteRules=true") == 200
    assert folder.status("DELETE", "/folders/f") == 404
    assert folder("GET", RULES)[1] == []


def test_what_is_below_a_folder_goes_with_it(folder: Http) -> None:
    folder("POST", "/folders", {"uid": "inner", "title": "Inner", "parentUid": "f"})
    folder("POST", RULES, a_rule(folderUID="inner"))
    assert folder.status("DELETE", "/folders/f") == 400
    assert folder.status("DELETE", "/folders/f?forceDeleteRules=true") == 200
    assert (folder.double.state.folders, folder.double.state.rules) == ({}, {})


# What goes wrong


def test_faults_and_the_log(folder: Http) -> None:
    double = folder.double
    double.forget()
    double.faults.broken = [502]
    assert folder.status("GET", "/folders") == 502
    double.faults.conflicts = [409, 500]
    assert folder.status("GET", POINTS) == 200
    assert [folder.status("POST", POINTS, point()) for _ in range(3)] == [409, 500, 202]
    assert [str(call) for call in double.log] == [
        "GET /folders",
        f"GET {POINTS}",
        *[f"POST {POINTS}"] * 3,
    ]
    assert (len(double.reads()), len(double.writes())) == (2, 3)


def test_some_calls_fail_for_good_and_say_when_to_come_again(folder: Http) -> None:
    double = folder.double
    double.faults.failing = {"GET /folders/.*": 500}
    double.faults.headers = {"Retry-After": "7"}
    assert [folder.status("GET", "/folders/f") for _ in range(3)] == [500] * 3
    assert folder.status("GET", "/folders") == 200
    answer = folder.session.get(f"{double.url}/api/folders/f", auth=(OWN_LOGIN, OWN_PASSWORD))
    assert answer.headers["Retry-After"] == "7"
    double.forget()
    assert folder.status("GET", "/folders/f") == 200


def test_a_database_that_takes_no_writes_is_called_healthy(folder: Http) -> None:
    folder.double.state.read_only = True
    assert folder("GET", "/health")[1]["database"] == "ok"
    assert folder.status("GET", "/folders/f") == 200
    assert folder.status("PUT", "/folders/f", {"title": "New", "overwrite": True}) == 500
    assert folder.double.state.folders["f"]["title"] == "F"


def test_somebody_else_may_act_between_two_calls(http: Http) -> None:
    def rename(state: State) -> None:
        state.users[1]["name"] = "Changed"

    http.double.faults.meanwhile = {"GET /users/1": rename}
    assert [http("GET", "/users/1")[1]["name"] for _ in range(2)] == ["REMAS", "Changed"]


def test_the_organisation_is_the_one_named_else_where_the_account_is(folder: Http) -> None:
    folder.double.state.organisation = 2
    assert folder.status("GET", "/folders/f") == 403
    assert folder.status("GET", "/folders/f", X_Grafana_Org_Id="1") == 200


@pytest.mark.parametrize("owner", ["file", "converted_prometheus"])
def test_a_rule_that_somebody_else_provides_is_kept(folder: Http, owner: str) -> None:
    for uid in ("theirs", "ours"):
        folder("POST", RULES, a_rule(uid, ruleGroup="g"))
    kept = folder.double.state.rules["theirs"]
    kept["provenance"] = owner
    group = "/v1/provisioning/folder/f/rule-groups/g"
    ours = a_rule("ours", title="new")
    assert folder.status("DELETE", f"{RULES}/theirs") == 500
    assert folder.status("PUT", f"{RULES}/theirs", a_rule("theirs", title="new")) == 500
    assert folder.status("PUT", group, {"interval": 60, "rules": [ours]}) == 500
    changed = {**kept, "title": "newer"}
    assert folder.status("PUT", group, {"interval": 60, "rules": [ours, changed]}) == 500
    assert folder.status("PUT", group, {"interval": 60, "rules": [ours, kept]}) == 200
    assert folder.double.state.rules["theirs"] == kept


def test_cut_off_after_some_calls(http: Http) -> None:
    http.double.faults.calls_left = 1
    assert http.status("GET", "/folders") == 200
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            http("POST", "/folders", {"uid": "f", "title": "F"})
    assert http.double.state.folders == {}


def test_an_answer_is_lost_and_the_work_is_done(http: Http) -> None:
    http.double.faults.lost_writes = {1}
    with pytest.raises(requests.ConnectionError):
        http("POST", "/folders", {"uid": "f", "title": "F"})
    assert http.status("GET", "/folders/f") == 200


def test_answers_take_their_time(http: Http) -> None:
    http.double.faults.seconds = 0.3
    url = f"{http.double.url}/api/folders"
    with pytest.raises(requests.ReadTimeout):
        http.session.get(url, auth=(OWN_LOGIN, OWN_PASSWORD), timeout=0.05)
    assert http.status("GET", "/folders") == 200


LOST = [
    ("POST", "/admin/users", {"login": "ada", "password": "secret"}),
    ("POST", "/folders", {"uid": "g", "title": "G"}),
    ("POST", POINTS, point()),
    ("POST", RULES, a_rule()),
    ("POST", "/dashboards/db", {"dashboard": {"uid": "d", "title": "D"}, "folderUid": "f"}),
    ("POST", "/datasources", {"name": "P", "type": "prometheus", "uid": "p"}),
    ("PUT", "/users/1", {"login": OWN_LOGIN, "email": "new@x"}),
    ("PUT", "/folders/f", {"title": "New", "overwrite": True}),
    ("DELETE", "/folders/f", None),
]


@pytest.mark.parametrize(("method", "path", "body"), LOST, ids=lambda part: str(part)[:20])
def test_any_write_may_be_done_without_an_answer(
    folder: Http, method: str, path: str, body: Any
) -> None:
    before = repr(folder.double.state)
    folder.double.forget()
    folder.double.faults.lost_writes = {1}
    with pytest.raises(requests.ConnectionError):
        folder(method, path, body)
    assert repr(folder.double.state) != before
    assert folder.double.log[-1].status == 0
