"""The double of Grafana: alert rules, one by one and in groups."""

import re
from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from tests.support.grafana_state import ADMIN, UID, Call, Json, Refused, State, route

RULES = "/v1/provisioning/alert-rules"
GROUP = "/v1/provisioning/folder/{folder}/rule-groups/{group}"
LONGEST = 190
NO_DATA, ERRORS = ("NoData", "Alerting", "OK", "KeepLast"), ("Error", "Alerting", "OK", "KeepLast")
ADDED = {"intervalMs": 1000, "maxDataPoints": 43200}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_MILLIS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_FIELDS: Mapping[str, Any] = {
    "uid": "",
    "folderUID": "",
    "ruleGroup": "",
    "title": "",
    "condition": "",
    "data": [],
    "noDataState": "",
    "execErrState": "",
    "for": "0s",
    "labels": None,
    "annotations": None,
    "isPaused": False,
    "notification_settings": None,
    "record": None,
}

Answer = tuple[int, Any]


@route("GET", RULES, ADMIN)
def _list(state: State, _call: Call) -> Answer:
    return HTTPStatus.OK, list(state.rules.values())


@route("GET", f"{RULES}/{{uid}}", ADMIN)
def _get(state: State, call: Call) -> Answer:
    return HTTPStatus.OK, _existing(state, call.parts["uid"])


@route("POST", RULES, ADMIN)
def _create(state: State, call: Call) -> Answer:
    rule = stored(state, call.wish)
    _check_receiver(state, rule, single=True)
    rule["uid"] = rule["uid"] or f"made-{state.next_id}"
    if rule["folderUID"] not in state.folders:
        raise Refused(400, "folder does not exist")
    if rule["uid"] in state.rules:
        raise Refused(409, "the uid is taken", message_id="alerting.alert-rule.conflict")
    _check_titles({**state.rules, rule["uid"]: rule}, state)
    _check_quota(state, 1)
    _keep(state, rule, "" if call.may_be_edited else "api")
    return HTTPStatus.CREATED, state.rules[rule["uid"]]


@route("PUT", f"{RULES}/{{uid}}", ADMIN)
def _update(state: State, call: Call) -> Answer:
    now = _existing(state, call.parts["uid"])
    rule = stored(state, {**call.wish, "uid": now["uid"]})
    _check_receiver(state, rule, single=True)
    if rule["folderUID"] not in state.folders:
        raise Refused(400, "folder does not exist")
    if _is_kept(now) or (now["provenance"] and call.may_be_edited):
        raise Refused(500, f"cannot change provenance from '{now['provenance']}' to ''")
    _check_titles({**state.rules, rule["uid"]: rule}, state)
    _keep(state, rule, "" if call.may_be_edited else "api")
    return HTTPStatus.OK, state.rules[rule["uid"]]


@route("DELETE", f"{RULES}/{{uid}}", ADMIN)
def _delete(state: State, call: Call) -> Answer:
    rule = state.rules.get(call.parts["uid"])
    if rule and (_is_kept(rule) or (rule["provenance"] and call.may_be_edited)):
        text = "cannot delete: the provenance differs"
        raise Refused(409 if state.is_new else 500, text, message_id="alerting.provenanceMismatch")
    state.rules.pop(call.parts["uid"], None)
    return HTTPStatus.NO_CONTENT, None


@route("GET", GROUP, ADMIN)
def _group(state: State, call: Call) -> Answer:
    where = call.parts["folder"], call.parts["group"]
    rules = state.own_rules(*where)
    if not rules:
        raise Refused(404, "no such group", message_id="alerting.alert-rule.notFound")
    interval = state.intervals.get(where, 60)
    return 200, {"title": where[1], "folderUid": where[0], "interval": interval, "rules": rules}


@route("PUT", GROUP, ADMIN)
def _put_group(state: State, call: Call) -> Answer:
    where, wish = (call.parts["folder"], call.parts["group"]), call.wish
    interval = wish.get("interval")
    if not isinstance(interval, int) or interval <= 0 or interval % 10:
        raise Refused(400, "invalid alert rule: interval should be divided by 10 seconds")
    if wish.get("rules") is not None:
        _replace_group(state, call, where)
    state.intervals[where] = interval
    return HTTPStatus.OK, wish


def _replace_group(state: State, call: Call, where: tuple[str, str]) -> None:
    place = {"folderUID": where[0], "ruleGroup": where[1]}
    wanted = [stored(state, {**rule, **place}) for rule in call.wish["rules"]]
    for number, rule in enumerate(wanted):
        _check_receiver(state, rule, single=False)
        rule["uid"] = rule["uid"] or f"made-{state.next_id}-{number}"
    uids = [rule["uid"] for rule in wanted]
    if len(set(uids)) != len(uids):
        raise Refused(400, "invalid alert rule: a uid is there twice")
    gone = {rule["uid"] for rule in state.own_rules(*where)} - set(uids)
    after = {uid: rule for uid, rule in state.rules.items() if uid not in gone}
    after.update({rule["uid"]: rule for rule in wanted})
    _check_titles(after, state)
    _check_quota(state, len(after) - len(state.rules))
    for uid, rule in state.rules.items():
        if _is_kept(rule) and (uid in gone or _is_changed(rule, after[uid])):
            raise Refused(500, f"cannot change {uid}", message_id="alerting.provenanceMismatch")
    for uid in gone:
        del state.rules[uid]
    for rule in wanted:
        _keep(state, rule, "" if call.may_be_edited else "api")


def _keep(state: State, rule: Json, provenance: str) -> None:
    """Store a rule if it says something new; what does not change keeps its owner and its state."""
    now = state.rules.get(rule["uid"])
    if now is not None and not _is_changed(now, rule):
        return
    known = {"id": now["id"] if now else state.number(), "orgID": 1, "provenance": provenance}
    state.resets[rule["uid"]] = state.resets.get(rule["uid"], 0) + 1
    updated = f"2026-01-01T00:00:{state.resets[rule['uid']] % 60:02}Z"
    state.rules[rule["uid"]] = {**rule, **known, "updated": updated}


def _is_changed(now: Json, rule: Json) -> bool:
    return any(now.get(name) != value for name, value in rule.items())


def _is_kept(rule: Json) -> bool:
    """Whether a file provides the rule, or another tool: then nobody may change it here."""
    return rule["provenance"] not in ("", "api")


def stored(state: State, wish: Any) -> Json:
    """The rule as Grafana would store it; what it does not know is left out."""
    if not isinstance(wish, dict):
        raise Refused(400, "bad request data")
    fields = {**_FIELDS, "keep_firing_for": "0s"} if state.is_new else _FIELDS
    rule = {name: deepcopy(wish.get(name) or default) for name, default in fields.items()}
    for name in ("labels", "annotations"):
        _check_texts(rule[name])
    if not isinstance(rule["data"], list) or not all(isinstance(q, dict) for q in rule["data"]):
        raise Refused(400, "bad request data")
    for name in {"for", "keep_firing_for"} & rule.keys():
        rule[name] = duration(rule[name])
    for query in rule["data"]:
        query.setdefault("queryType", "")
        if isinstance(query.get("model"), dict):
            query["model"] = {**ADDED, **query["model"]}
    _check(rule)
    return rule


def _check(rule: Json) -> None:
    def refuse(why: str) -> None:
        raise Refused(400, f"invalid alert rule: {why}", message_id="alerting.alert-rule.invalid")

    if not rule["data"]:
        refuse("no queries or expressions are found")
    for name in ("title", "ruleGroup"):
        if not 1 <= len(rule[name]) <= LONGEST:
            refuse(f"{name} is too long or empty")
    if not rule["condition"]:
        refuse("condition is required")
    if rule["uid"] and not UID.fullmatch(rule["uid"]):
        refuse("the uid is invalid")
    if rule["noDataState"] not in NO_DATA or rule["execErrState"] not in ERRORS:
        refuse("unknown state")
    for query in rule["data"]:
        if query.get("datasourceUid") == "__expr__":
            continue
        time_range = query.get("relativeTimeRange") or {}
        if time_range.get("from", 0) <= time_range.get("to", 0):
            refuse("[alerting.alert-rule.invalidRelativeTime]")


def _check_texts(texts: Any) -> None:
    if texts is None:
        return
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise Refused(400, "bad request data")
    if any(re.fullmatch(r"__.*__", name) for name in texts):
        raise Refused(400, "invalid alert rule: system reserved label")


def _check_receiver(state: State, rule: Json, *, single: bool) -> None:
    settings = rule["notification_settings"]
    if settings is None or settings.get("receiver") in state.receivers():
        return
    old = single and not state.is_new
    raise Refused(500 if old else 400, f"receiver {settings.get('receiver')} does not exist")


def _check_titles(rules: Mapping[str, Json], state: State) -> None:
    """Up to Grafana 11 a title stands once in a folder."""
    titles = [(rule["folderUID"], rule["title"]) for rule in rules.values()]
    if not state.is_new and len(set(titles)) != len(titles):
        text = "rule title under the same organisation and folder should be unique"
        raise Refused(400, f"[alerting.alert-rule.conflict] {text}")


def _check_quota(state: State, more: int) -> None:
    quota = state.rule_quota
    if quota is not None and more > 0 and len(state.rules) + more > quota:
        raise Refused(HTTPStatus.FORBIDDEN, "quota has been exceeded")


def _existing(state: State, uid: str) -> Json:
    if uid not in state.rules:
        raise Refused(HTTPStatus.NOT_FOUND)  # with an empty body, as Grafana has it
    return state.rules[uid]


def duration(text: Any) -> str:
    """A duration as Prometheus writes it: "300s" is "5m"."""
    parts = _PART.findall(text) if isinstance(text, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if text in ("0", 0):
            return "0s"
        raise Refused(400, "bad request data")
    rest = sum(int(number) * _MILLIS[unit] for number, unit in parts)
    written = ""
    for unit, size in _MILLIS.items():
        whole = rest // size
        if whole and (unit not in "yw" or rest % size == 0):
            written, rest = f"{written}{whole}{unit}", rest % size
    return written or "0s"
