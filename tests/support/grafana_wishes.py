"""Wishes for tests of Grafana, and what is amiss where they are not fulfilled.

`amiss` says what should be without asking the code that makes it so.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from remas.grafana.reconcile import Policy
from remas.grafana.wish import Alert, Person, Wish
from remas.letters import alert as templates
from tests.support.grafana_alerting import receivers_of
from tests.support.grafana_state import OWN_LOGIN, Json, State

POLICIES = Policy(direct=False, fallback="root@example.org", own_login=OWN_LOGIN)
DIRECT = Policy(direct=True, fallback="root@example.org", own_login=OWN_LOGIN)
TEMPLATE = """{
  "title": "Too much ${resource_name}", "condition": "B", "for": "300s",
  "annotations": {"summary": "${user_name} on ${node_name}"}, "labels": {"team": "ops"},
  "data": [
    {"refId": "A", "relativeTimeRange": {"from": 600, "to": 0}, "datasourceUid": "remas-prometheus",
     "model": {"refId": "A", "expr": "used{who=\\"${user_username}\\",node=\\"${node_name}\\"}"}},
    {"refId": "B", "relativeTimeRange": {"from": 0, "to": 0}, "datasourceUid": "__expr__",
     "model": {"refId": "B", "type": "threshold", "expression": "A",
               "conditions": [{"evaluator": {"type": "gt", "params": [${allocation_amount}]}}]}}]}
"""


def a_person(number: int = 7, username: str = "", **fields: Any) -> Person:
    """Somebody with this number."""
    username = username or f"user{number}"
    values = {"full_name": username.title(), "email": f"{username}@example.org", **fields}
    return Person(number, username, **values)


def an_alert(
    person: Person,
    amount: int = 4,
    node: tuple[int, str] = (2, "n2"),
    notification: int = 3,
    template: str = TEMPLATE,
    **values: Any,
) -> Alert:
    """A notification that watches the person's use of a node."""
    facts = {"user_name": person.full_name, "user_username": person.username}
    about = {"node_name": node[1], "resource_name": "cpu", "allocation_amount": amount}
    return Alert(
        notification_id=notification,
        node_id=node[0],
        node=node[1],
        resource_id=1,
        rule=templates.parse(template),
        values={**facts, **about, **values},
        amount=amount,
        reserved=False,
        author="admin",
    )


def a_wish(number: int = 7, *amounts: int, **fields: Any) -> Wish:
    """A person who is watched on as many nodes as there are amounts."""
    person = a_person(number, **fields)
    alerts = (
        an_alert(person, amount, node=(place, f"n{place}"))
        for place, amount in enumerate(amounts, start=1)
    )
    return Wish(person, tuple(alerts))


def a_raw_rule(uid: str = "r", title: str = "", **fields: Any) -> Json:
    """A rule as a call would bring it: in the group `a b` of the folder `f`."""
    query = {"refId": "A", "datasourceUid": "ds", "relativeTimeRange": {"from": 60, "to": 0}}
    known = {"condition": "Z", "noDataState": "OK", "execErrState": "KeepLast", "for": "300s"}
    place = {"folderUID": "f", "ruleGroup": "a b", "orgID": 99}
    data = [{**query, "model": {"expr": "up"}}]
    return {"uid": uid, "title": title or uid, **place, **known, "data": data, **fields}


def a_raw_point(uid: str = "p", name: str = "P", addresses: str = "a@x") -> Json:
    """A contact point as a call would bring it."""
    return {"uid": uid, "name": name, "type": "email", "settings": {"addresses": addresses}}


def amiss(state: State, wishes: Sequence[Wish], policy: Policy = POLICIES) -> list[str]:
    """What is not as it should be, after everybody was looked at."""
    found: list[str] = []
    for wish in wishes:
        checks = _of_closed if wish.person.closed else _of_open
        found += [f"{wish.person.username}: {what}" for what in checks(state, wish, policy)]
    if not policy.direct and not all(wish.person.closed for wish in wishes):
        found += _of_unrouted(state, policy)
    found += _left_over(state, wishes)
    return found


def _of_unrouted(state: State, policy: Policy) -> Iterator[str]:
    point = state.contacts.get("remas-unrouted", {})
    known = (point.get("name"), (point.get("settings") or {}).get("addresses"))
    if known != ("remas unrouted", policy.fallback):
        yield f"what reaches nobody goes to {point}"


def _of_open(state: State, wish: Wish, policy: Policy) -> Iterator[str]:
    somebody = wish.person
    account = state.user_of(somebody.username)
    if account is None:
        yield "no account"
        return
    if account["login"] != OWN_LOGIN:
        yield from _of_account(state, somebody, account)
    alerts, private = state.folders.get("remas-alerts"), state.folders.get(_private(somebody.id))
    if not alerts or not alerts["title"].startswith("REMAS alerts") or _seen_by(alerts):
        yield f"the folder of alerts is {alerts}"
    title = f"{somebody.username} (private)"
    mine = [{"userId": account["id"], "permission": 2}]
    if not private or not private["title"].startswith(title) or _seen_by(private) != mine:
        yield f"the private folder is {private}"
    point = state.contacts.get(f"remas-cp-{somebody.id}", {})
    known = (point.get("name"), (point.get("settings") or {}).get("addresses"))
    if known != (f"remas user {somebody.id}", somebody.email):
        yield f"the contact point is {point}"
    yield from _of_start(state, somebody)
    yield from _of_rules(state, wish, policy)


def _of_start(state: State, somebody: Person) -> Iterator[str]:
    board = state.dashboards.get(f"remas-d-{somebody.id}")
    if board is None:
        yield "no start dashboard"
        return
    links = [panel["options"]["content"] for panel in board["model"]["panels"] if panel["id"] > 9]
    if not all(f"var-user={somebody.username})" in text for text in links):
        yield f"the start dashboard says {links}"
    title = f"{somebody.username}: start"
    said = (board["title"].removesuffix(f" [remas-d-{somebody.id}]"), board["folderUid"])
    if said != (title, _private(somebody.id)):
        yield f"the start dashboard is {said}"


def _seen_by(folder: Json) -> list[Json]:
    """Who may see a folder, beside the account that makes them all."""
    return [entry for entry in folder["acl"] if entry != {"userId": 1, "permission": 4}]


def _of_account(state: State, somebody: Person, account: Json) -> Iterator[str]:
    facts = (account["email"], account["name"])
    if facts != (somebody.email, somebody.full_name) and not account["isExternal"]:
        yield f"account with {facts}"
    if account["isGrafanaAdmin"] != somebody.is_admin:
        yield "server administrator or not"
    if account["isDisabled"] and not account["isExternal"]:
        yield "disabled"
    role = state.members.get(account["id"])
    fitting = {"Admin"} if somebody.is_admin else {"Viewer", "Editor"}
    if role not in fitting:
        yield f"role {role}"


def _of_rules(state: State, wish: Wish, policy: Policy) -> Iterator[str]:
    mine = f"remas user {wish.person.id}"
    group = {
        rule["uid"]: rule for rule in state.own_rules("remas-alerts", f"user-{wish.person.id}")
    }
    for alert in wish.alerts:
        uid = f"remas-r-{alert.notification_id}-{wish.person.id}-{alert.node_id}"
        rule = group.get(uid)
        if rule is None:
            yield f"{uid} is not there"
            continue
        yield from _of_template(alert, wish.person, rule)
        receivers = receivers_of(state, rule)
        said = (_threshold(rule), rule["for"], rule["isPaused"], rule["labels"]["remas_node"])
        if said != (alert.amount, "5m", False, alert.node):
            yield f"{uid} says {said}"
        if mine not in receivers or (policy.direct and receivers != [mine]):
            yield f"{uid} reaches {receivers}"
        if "stray" in rule["labels"] or rule["labels"].get("remas_managed") != "true":
            yield f"{uid} has labels {rule['labels']}"


def _of_template(alert: Alert, person: Person, rule: Json) -> Iterator[str]:
    """What is not as the template says, with its plain values put in."""

    def filled(text: str) -> str:
        for name, value in alert.values.items():
            text = text.replace(f"${{{name}}}", str(value))
        return text

    number = f"{alert.notification_id}-{person.id}-{alert.node_id}"
    title = f"{filled(alert.rule['title'])} · {person.username}@{alert.node} #{number}"
    if rule["title"] != title:
        yield f"{rule['uid']} is called {rule['title']}"
    expression = filled(alert.rule["data"][0]["model"]["expr"])
    if rule["data"][0]["model"].get("expr") != expression:
        yield f"{rule['uid']} asks {rule['data'][0]['model']}"
    notes = {name: filled(text) for name, text in alert.rule["annotations"].items()}
    if (rule["annotations"] or {}) != notes:
        yield f"{rule['uid']} is annotated with {rule['annotations']}"


def _threshold(rule: Json) -> int:
    amount = rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0]
    assert isinstance(amount, int)
    return amount


def _of_closed(state: State, wish: Wish, _policy: Policy) -> Iterator[str]:
    account = state.user_of(wish.person.username)
    if account is not None:
        if account["isGrafanaAdmin"]:
            yield "still an administrator"
        role = state.members.get(account["id"], "None")
        if role == "Admin":
            yield "still an administrator of the organisation"
        if not account["isDisabled"] and not (account["isExternal"] and role == "None"):
            yield "still open"
    if f"remas-cp-{wish.person.id}" in state.contacts:
        yield "still has a contact point"


def _left_over(state: State, wishes: Sequence[Wish]) -> Iterator[str]:
    wanted = {
        f"remas-r-{alert.notification_id}-{wish.person.id}-{alert.node_id}"
        for wish in wishes
        if not wish.person.closed
        for alert in wish.alerts
    }
    yield from (f"{uid} is left" for uid in state.rules.keys() - wanted if is_ours(state, uid))
    known = {wish.person.id for wish in wishes}
    for uid in state.contacts:
        if uid.startswith("remas-cp-") and int(uid.removeprefix("remas-cp-")) not in known:
            yield f"{uid} is left"
    for uid in state.folders:
        stranger = uid.startswith("remas-u-") and int(uid.removeprefix("remas-u-")) not in known
        if stranger and not _is_used(state, uid, known):
            yield f"{uid} is left"
    for uid in state.dashboards:
        if uid.startswith("remas-d-") and int(uid.removeprefix("remas-d-")) not in known:
            yield f"{uid} is left"
    ours = [route for route in state.tree.get("routes") or [] if is_our_route(state, route)]
    if len(ours) > 1 or (ours and state.tree["routes"][0] is not ours[0]):
        yield "our policy is not first, or is there twice"


def _is_used(state: State, folder: str, known: set[int]) -> bool:
    """Whether something stands there that is not to go: also what begins the folder of somebody
    who is deactivated, wherever it was moved to."""
    inside = [board["folderUid"] for board in _boards_of_people(state).values()]
    begin = (state.dashboards.get(f"remas-d-{number}") for number in known)
    inside += [board["folderUid"] for board in begin if board]
    inside += [rule["folderUID"] for rule in state.rules.values()]
    return folder in [*inside, *(one["parentUid"] for one in state.folders.values())]


def is_ours(state: State, uid: str) -> bool:
    """Whether a rule is one that REMAS made: by label in its own folder, elsewhere by uid too."""
    rule = state.rules[uid]
    if rule["provenance"] not in ("", "api"):
        return False
    labelled = (rule["labels"] or {}).get("remas_managed") == "true"
    if rule["folderUID"] == "remas-alerts":
        return labelled or uid.startswith("remas-r-")
    return labelled and uid.startswith("remas-r-")


def is_our_route(state: State, route: Mapping[str, Any]) -> bool:
    """Whether a policy is the one that REMAS keeps: it leads to a contact point of REMAS's."""
    matches = route.get("object_matchers") == [["remas_managed", "=", "true"]]
    receivers = {route.get("receiver"), *(child["receiver"] for child in route.get("routes") or [])}
    points = {point["name"] for uid, point in state.contacts.items() if uid.startswith("remas-")}
    return matches and bool(receivers & {*points, "remas unrouted"})


def foreign(state: State, people: Collection[str]) -> Json:
    """All that is not REMAS's to change. `people`: the logins of those it knows or knew."""
    rules = {uid: rule for uid, rule in state.rules.items() if not is_ours(state, uid)}
    routes = [route for route in state.tree.get("routes") or [] if not is_our_route(state, route)]
    found = {
        "accounts": [user for user in state.users.values() if user["login"] not in people],
        "folders": {k: v for k, v in state.folders.items() if not k.startswith("remas-")},
        "dashboards": _boards_of_people(state),
        "contacts": {k: v for k, v in state.contacts.items() if not k.startswith("remas-")},
        "tree": {**state.tree, "routes": routes},
        "owner": state.tree_provenance,
        "rules": rules,
        "resets": {uid: state.resets.get(uid) for uid in rules},
        "sources": state.sources,
    }
    return deepcopy(found)


def _boards_of_people(state: State) -> dict[str, Json]:
    return {k: board for k, board in state.dashboards.items() if not k.startswith("remas-d-")}


def _private(number: int) -> str:
    return f"remas-u-{number}"
