"""The double of Grafana: contact points and notification policies."""

import re
from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, NoReturn

from tests.support.grafana_state import (
    ADMIN,
    UID,
    Call,
    Json,
    Refused,
    State,
    every_route,
    route,
)

POINTS, POLICIES = "/v1/provisioning/contact-points", "/v1/provisioning/policies"
PREFIX = "alerting.notifications"
FIELDS = ("uid", "name", "type", "settings", "disableResolveMessage")

Answer = tuple[int, Any]


@route("GET", POINTS, ADMIN)
def _points(state: State, call: Call) -> Answer:
    name = call.query.get("name")
    found = [point for point in state.contacts.values() if name in (None, point["name"])]
    return HTTPStatus.OK, sorted(found, key=lambda point: (point["name"], point["uid"]))


@route("POST", POINTS, ADMIN)
def _create_point(state: State, call: Call) -> Answer:
    wish = {"uid": f"made-{state.next_id}", **call.wish}
    _check_point(wish)
    if wish["uid"] in state.contacts:
        if not state.is_new and state.version.startswith("11.4"):
            raise Refused(500, "uid exists")
        raise Refused(409, "the uid is in use", message_id=f"{PREFIX}.contact-points.uidInUse")
    state.number()
    state.contacts[wish["uid"]] = _point(wish, call)
    return HTTPStatus.ACCEPTED, {**wish, "provenance": ""}


@route("PUT", f"{POINTS}/{{uid}}", ADMIN)
def _update_point(state: State, call: Call) -> Answer:
    wish = {**call.wish, "uid": call.parts["uid"]}
    now = state.contacts.get(wish["uid"])
    if now is None:
        raise Refused(HTTPStatus.NOT_FOUND, "contact point not found")
    _check_point(wish)
    if now["provenance"] == "file" or (now["provenance"] and call.may_be_edited):
        raise Refused(500, f"cannot change provenance from '{now['provenance']}'")
    if wish["name"] != now["name"]:
        carry_name(state, now["name"], wish["name"])
    state.contacts[wish["uid"]] = _point(wish, call)
    return HTTPStatus.ACCEPTED, {"message": "contactpoint updated"}


@route("DELETE", f"{POINTS}/{{uid}}", ADMIN)
def _delete_point(state: State, call: Call) -> Answer:
    point = state.contacts.get(call.parts["uid"])
    if point is not None:
        alike = [one for one in state.contacts.values() if one["name"] == point["name"]]
        if len(alike) == 1:
            _check_unused(state, point["name"])
        del state.contacts[point["uid"]]
    return HTTPStatus.ACCEPTED, {"message": "contactpoint deleted"}


@route("GET", POLICIES, ADMIN)
def _policies(state: State, _call: Call) -> Answer:
    shown = {"provenance": state.tree_provenance} if state.tree_provenance else {}
    return HTTPStatus.OK, {**deepcopy(state.tree), **shown}


@route("PUT", POLICIES, ADMIN)
def _put_policies(state: State, call: Call) -> Answer:
    tree = {name: value for name, value in call.wish.items() if name != "provenance"}
    if not tree.get("receiver"):
        _invalid("the root policy needs a receiver")
    if tree.get("object_matchers") or tree.get("matchers") or tree.get("continue"):
        _invalid("the root policy takes everything")
    for one in every_route(tree):
        _check_route(state, one)
    if call.may_be_edited and state.tree_provenance:
        raise Refused(403, "the tree is provisioned", message_id=f"{PREFIX}.invalidProvenance")
    if state.tree_provenance == "file":
        raise Refused(403, "the tree is provisioned", message_id=f"{PREFIX}.invalidProvenance")
    state.tree, state.tree_provenance = deepcopy(tree), "" if call.may_be_edited else "api"
    return HTTPStatus.ACCEPTED, {"message": "policies updated"}


def receivers_of(state: State, rule: Mapping[str, Any]) -> list[str]:
    """Where a firing rule's alert goes, as the alert manager would route it."""
    settings = rule.get("notification_settings")
    if settings:
        return [settings["receiver"]]  # a hidden policy, which stands first and is final
    labels = {"alertname": rule["title"], **(rule.get("labels") or {})}
    return _routed(state.tree, labels, state.tree["receiver"])


def _routed(policy: Mapping[str, Any], labels: Mapping[str, str], inherited: str) -> list[str]:
    receiver = policy.get("receiver") or inherited
    found: list[str] = []
    for child in policy.get("routes") or []:
        if not all(_fits(labels, *matcher) for matcher in child.get("object_matchers") or []):
            continue
        found += _routed(child, labels, receiver)
        if not child.get("continue"):
            break
    return found or [receiver]


def _fits(labels: Mapping[str, str], name: str, operator: str, value: str) -> bool:
    found = labels.get(name, "")
    fits = re.fullmatch(value, found) is not None if "~" in operator else found == value
    return not fits if operator.startswith("!") else fits


def _check_route(state: State, policy: Mapping[str, Any]) -> None:
    receiver = policy.get("receiver")
    if receiver and receiver not in state.receivers():
        _invalid(f"receiver '{receiver}' does not exist")
    grouped = policy.get("group_by") or []
    if len(set(grouped)) != len(grouped) or ("..." in grouped and len(grouped) > 1):
        _invalid("group_by holds something twice")


def _invalid(why: str) -> None:
    raise Refused(400, why, message_id=f"{PREFIX}.routes.invalidFormat")


def _check_point(wish: Json) -> None:
    def refuse(why: str) -> NoReturn:
        raise Refused(400, f"invalid object specification: {why}")

    settings = wish.get("settings")
    if not wish.get("name") or not isinstance(settings, dict):
        refuse("name and settings are required")
    if not UID.fullmatch(wish["uid"]):
        refuse("the uid is invalid")
    if wish.get("type") == "email" and not str(settings.get("addresses") or "").strip():
        refuse("could not find addresses in settings")
    if wish.get("type") not in ("email", "webhook"):
        refuse("unknown type")


def _point(wish: Json, call: Call) -> Json:
    return {
        **{name: wish.get(name) for name in FIELDS},
        "disableResolveMessage": bool(wish.get("disableResolveMessage")),
        "provenance": "" if call.may_be_edited else "api",
    }


def _check_unused(state: State, name: str) -> None:
    prefix = f"{PREFIX}.contact-points"
    if any(policy.get("receiver") == name for policy in every_route(state.tree)):
        raise Refused(409, "used by a policy", message_id=f"{prefix}.referenced")
    for rule in state.rules.values():
        if (rule.get("notification_settings") or {}).get("receiver") == name:
            raise Refused(409, "used by a rule", message_id=f"{prefix}.used-by-rule")


def carry_name(state: State, old: str, new: str) -> None:
    """Let rules and policies follow a contact point that is called something else."""
    if any(point["name"] == new for point in state.contacts.values()):
        return
    for policy in every_route(state.tree):
        if policy.get("receiver") == old:
            policy["receiver"] = new  # type: ignore[index]  # a dict of our own
    for rule in state.rules.values():
        settings = rule.get("notification_settings")
        if settings and settings["receiver"] == old:
            settings["receiver"] = new
