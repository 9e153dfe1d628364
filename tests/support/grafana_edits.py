"""What people, crashes and older versions may have done in Grafana behind REMAS's back.

Each edit leaves a state that Grafana itself would allow.
"""

import random
from collections.abc import Callable
from typing import Any

from tests.support.grafana_alerting import carry_name
from tests.support.grafana_dashboards import stored_board
from tests.support.grafana_rules import stored
from tests.support.grafana_state import Json, State
from tests.support.grafana_wishes import a_person, an_alert, is_our_route

PEOPLE = (1, 2, 3, 4)
KNOWN_LOGINS = frozenset(f"user{number}" for number in PEOPLE)
ACLS: list[list[Json]] = [
    [],
    [{"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}],
    [{"userId": 1, "permission": 4}],
    [{"teamId": 3, "permission": 2}],
]


class Pick(random.Random):
    """Chance that can be repeated."""

    @property
    def person(self) -> int:
        return self.choice(PEOPLE)


def account(state: State, pick: Pick) -> None:
    """Somebody has an account, made by hand or changed by hand."""
    number = pick.person
    user = state.user_of(f"user{number}")
    if user is None:
        new = state.number()
        login = f"user{number}"
        user = state.users[new] = {"id": new, "login": login, "email": f"{login}@a.example.org"}
        user |= {"name": "", "password": "secret", "isExternal": False}
        state.members[new] = "Viewer"
    user["email"] = pick.choice([user["email"], f"{user['login']}@elsewhere.example.org"])
    user["name"] = pick.choice([user["name"], "Somebody Else"])
    user["isGrafanaAdmin"], user["isDisabled"] = pick.random() < 0.5, pick.random() < 0.5
    user["isExternal"] = pick.random() < 0.3
    role = pick.choice(["None", "Viewer", "Editor", "Admin", ""])
    state.members[user["id"]] = role
    if not role:
        del state.members[user["id"]]


def account_gone(state: State, pick: Pick) -> None:
    """An account is deleted."""
    user = state.user_of(f"user{pick.person}")
    if user is not None:
        del state.users[user["id"]]
        state.members.pop(user["id"], None)
        for folder in state.folders.values():
            folder["acl"] = [one for one in folder["acl"] if one.get("userId") != user["id"]]


def folder(state: State, pick: Pick) -> None:
    """A folder of REMAS's is there, or is not, or is another's to see."""
    uid = pick.choice(["remas-alerts", f"remas-u-{pick.person}"])
    inside = [rule for rule in state.rules.values() if rule["folderUID"] == uid]
    if pick.random() < 0.3 and not inside:
        state.folders.pop(uid, None)
        return
    titles = ["REMAS alerts", f"user{pick.person} (private)", "renamed"]
    _folder(state, uid, pick.choice(titles), pick.choice(ACLS), pick)


def foreign_folder(state: State, pick: Pick) -> None:
    """An administrator has a folder, perhaps with a title of ours."""
    uid = pick.choice(["ops", "kept"])
    title = pick.choice(["Operations", "REMAS alerts", f"user{pick.person} (private)"])
    _folder(state, uid, title, pick.choice(ACLS), pick)


def moved(state: State, pick: Pick) -> None:
    """Somebody put a private folder into another."""
    foreign_folder(state, pick)
    own = state.folders.get(f"remas-u-{pick.person}")
    if own is not None:
        own["parentUid"] = "ops" if "ops" in state.folders else "kept"


def dashboard(state: State, pick: Pick) -> None:
    """Somebody keeps a dashboard in a folder, where there is one, perhaps with a title of ours."""
    if state.folders:
        place = pick.choice(sorted(state.folders))
        titles = ["mine", *(f"user{number}: start" for number in PEOPLE)]
        taken = {one["title"] for one in state.dashboards.values() if one["folderUid"] == place}
        title = pick.choice([title for title in titles if title not in taken] or ["yet another"])
        wish = {"title": title, "tags": pick.choice([[], ["remas"], ["remas-start"]])}
        stored_board(state, f"board{pick.randrange(3)}", place, wish)


def start_board(state: State, pick: Pick) -> None:
    """Somebody changes the dashboard with which their folder begins, moves or deletes it."""
    uid = f"remas-d-{pick.person}"
    board = state.dashboards.get(uid)
    if board is None:
        return
    if pick.random() < 0.2:
        del state.dashboards[uid]
        return
    wish = {**board["model"], "title": pick.choice([board["title"], "My own start"])}
    wish["tags"] = pick.choice(
        [wish["tags"], [], ["remas", "remas-start"], [*wish["tags"], "mine"]]
    )
    wish["panels"] = pick.choice(
        [[], [*wish["panels"], {"id": 1, "type": "text", "title": "mine"}]]
    )
    place = pick.choice([board["folderUid"], *sorted(state.folders), ""])
    same = (wish["title"], place)
    if same in {
        (one["title"], one["folderUid"]) for one in state.dashboards.values() if one is not board
    }:
        wish["title"] = f"{wish['title']} {pick.randrange(10**6)}"
    stored_board(state, uid, place, wish)


def contact(state: State, pick: Pick) -> None:
    """A contact point has another address or name."""
    number = pick.person
    point = state.contacts.setdefault(f"remas-cp-{number}", _point(number))
    point["settings"] = {"addresses": pick.choice(["x@example.org", "a@x.org;b@x.org"])}
    point["provenance"] = pick.choice(["", "api"])
    if pick.random() < 0.5:
        carry_name(state, point["name"], f"renamed {number}")
        point["name"] = f"renamed {number}"


def contact_gone(state: State, pick: Pick) -> None:
    """A contact point of ours is deleted, once nothing leads to it any more."""
    uid = pick.choice(["remas-unrouted", f"remas-cp-{pick.person}"])
    name = state.contacts.get(uid, {}).get("name")
    named = [rule.get("notification_settings") or {} for rule in state.rules.values()]
    if name is None or name in [settings.get("receiver") for settings in named]:
        return
    routes = [one for one in state.tree.get("routes") or [] if one.get("receiver") != name]
    state.tree = {**state.tree, "routes": routes}
    for route in routes:
        children = route.get("routes") or []
        route["routes"] = [one for one in children if one.get("receiver") != name]
    del state.contacts[uid]


def unrouted(state: State, pick: Pick) -> None:
    """What reaches nobody is to reach somebody else."""
    point = state.contacts.get("remas-unrouted")
    if point is not None:
        point["settings"] = {"addresses": pick.choice(["x@example.org", "a@x.org;b@x.org"])}
        point["provenance"] = pick.choice(["", "api"])


def foreign_contact(state: State, pick: Pick) -> None:
    """An administrator has a contact point."""
    point = {**_point(9), "uid": "admins", "name": "cluster admins", "provenance": ""}
    state.contacts["admins"] = point | {"settings": {"addresses": f"{pick.randrange(9)}@x.org"}}


def tree(state: State, pick: Pick) -> None:
    """Policies are turned round, doubled, led elsewhere, or added."""
    if state.tree_provenance:
        return
    foreign_contact(state, pick)
    routes: list[Json] = list(state.tree.get("routes") or [])
    for route in list(routes):
        if is_our_route(state, route) and route["routes"] and pick.random() < 0.5:
            copy = {**route, "routes": [dict(child) for child in route["routes"]]}
            routes.append(copy)
            route["receiver"] = pick.choice(["cluster admins", "remas unrouted"])
            del copy["routes"][0]
    managed = [["remas_managed", "=", "true"]]
    routes.append({"receiver": "cluster admins", "object_matchers": managed})
    routes.append({"receiver": "cluster admins", "object_matchers": [["team", "=~", "ops"]]})
    pick.shuffle(routes)
    state.tree = {**state.tree, "routes": routes, "group_wait": "7s"}


def our_route_gone(state: State, _pick: Pick) -> None:
    """Just our policy is deleted."""
    if not state.tree_provenance:
        routes = state.tree.get("routes") or []
        theirs = [route for route in routes if not is_our_route(state, route)]
        state.tree = {**state.tree, "routes": theirs}


def owned_tree(state: State, pick: Pick) -> None:
    """Somebody else's tool owns the policies, and has none of ours."""
    routes = [route for route in state.tree.get("routes") or [] if not is_our_route(state, route)]
    state.tree = {**state.tree, "routes": routes}
    state.tree_provenance = pick.choice(["api", "file"])


def rule(state: State, pick: Pick) -> None:
    """A rule of REMAS's is not as REMAS made it, or stands where REMAS would not put it."""
    number, node = pick.person, pick.randrange(1, 4)
    uid = f"remas-r-3-{number}-{node}"
    labels: Json = {"remas_managed": "true", "remas_user_id": str(number), "remas_node": "n1"}
    odd = {"labels": pick.choice([labels, {**labels, "stray": "yes"}, {}])}
    group = pick.choice([f"user-{number}", f"user-{number}", "user-99", "elsewhere"])
    place = "remas-alerts"
    if pick.random() < 0.3 and odd["labels"]:
        foreign_folder(state, pick)
        place = pick.choice([one for one in ("ops", "kept") if one in state.folders])
    _folder_of(state, place, pick)
    made = _rule(state, uid, place, group, isPaused=pick.random() < 0.5, **odd)
    state.rules[uid] = made | {"provenance": pick.choice(["", "api"])}


def changed_rule(state: State, pick: Pick) -> None:
    """A detail of a rule of REMAS's is changed."""
    ours = sorted(uid for uid in state.rules if uid.startswith("remas-r-"))
    if ours:
        found = state.rules[pick.choice(ours)]
        found["for"] = pick.choice(["5m", "1m", "1h"])
        found["isPaused"] = pick.random() < 0.5
        found["data"] = found["data"][: pick.choice([1, 2])]
        found["title"] = pick.choice([found["title"], f"renamed {found['uid']}"])
        found["annotations"] = pick.choice([found["annotations"], None, {"summary": "else"}])


def rule_gone(state: State, pick: Pick) -> None:
    """A rule of REMAS's is deleted."""
    ours = sorted(uid for uid in state.rules if uid.startswith("remas-r-"))
    if ours:
        del state.rules[pick.choice(ours)]


def provided_rule(state: State, pick: Pick) -> None:
    """A file provides a rule with a label and a uid as REMAS has them: still it is the file's."""
    place = pick.choice(["remas-alerts", "ops"])
    _folder_of(state, place, pick)
    uid = f"remas-r-99-{pick.person}-1"
    labels = {"remas_managed": "true", "remas_user_id": "1"}
    group = pick.choice([f"user-{pick.person}", "files"])
    state.rules[uid] = _rule(state, uid, place, group, labels=labels) | {"provenance": "file"}


def foreign_rule(state: State, pick: Pick) -> None:
    """Somebody put a rule of their own into a group or folder of REMAS's, or into another."""
    group = pick.choice([f"user-{pick.person}", "mine", "user-99"])
    place = pick.choice(["remas-alerts", f"remas-u-{pick.person}", "ops"])
    _folder_of(state, place, pick)
    uid = f"foreign{pick.randrange(5)}"
    labels = {"remas_managed": "true"} if place == "ops" else None
    made = _rule(state, uid, place, group, labels=labels)
    state.rules[uid] = made | {"provenance": pick.choice(["", "api"])}


EDITS: list[Callable[[State, Pick], None]] = [
    account,
    account_gone,
    folder,
    foreign_folder,
    moved,
    dashboard,
    start_board,
    contact,
    contact_gone,
    unrouted,
    foreign_contact,
    tree,
    our_route_gone,
    owned_tree,
    rule,
    changed_rule,
    rule_gone,
    foreign_rule,
    provided_rule,
]


def _folder_of(state: State, uid: str, pick: Pick) -> None:
    if uid not in state.folders:
        _folder(state, uid, f"folder {uid}", [], pick)


def _folder(state: State, uid: str, title: str, acl: list[Json], pick: Pick) -> None:
    taken = {one["title"] for one in state.folders.values() if one["uid"] != uid}
    if title in taken and state.titles_unique:
        title = f"{title} {uid} {pick.randrange(10**6)}"
    known = state.folders.get(uid, {"id": state.number(), "parentUid": ""})
    acl = [dict(entry) for entry in acl]
    state.folders[uid] = {**known, "uid": uid, "title": title, "version": 1, "acl": acl}


def _point(number: int) -> Json:
    return {
        "uid": f"remas-cp-{number}",
        "name": f"remas user {number}",
        "type": "email",
        "settings": {"addresses": "x@example.org"},
        "disableResolveMessage": False,
        "provenance": "api",
    }


def _rule(state: State, uid: str, place: str, group: str, **fields: Any) -> Json:
    wish = {
        "uid": uid,
        "folderUID": place,
        "ruleGroup": group,
        "title": f"made by hand: {uid}",
        "condition": "B",
        "data": an_alert(a_person(1)).rule["data"],
        "noDataState": "OK",
        "execErrState": "OK",
        "for": "1m",
        **fields,
    }
    return {**stored(state, wish), "id": state.number(), "orgID": 1, "updated": "2026-01-01"}
