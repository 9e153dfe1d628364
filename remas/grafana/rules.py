"""Alert rules: made from a template and one person's facts, and compared with what Grafana has.

Every write of a rule resets its state, so a rule is written only where it says something else.
Model of a rule: Grafana, "Alerting provisioning HTTP API", ProvisionedAlertRule.
"""

import re
from collections.abc import Mapping
from typing import Any

from remas.grafana import names, promql
from remas.grafana.wish import Alert, Person
from remas.letters import alert as templates
from remas.letters.alert import Values

Rule = dict[str, Any]

LONGEST_TITLE = 190
INTERVAL = 60  # seconds between two evaluations of a group
OWNERS = ("", "api")  # under which rules may be written here
RESERVED_LABEL = re.compile(r"__.*__")
DEFAULTS: Mapping[str, Any] = {
    "noDataState": "OK",  # who runs nothing is not to be told
    "execErrState": "KeepLast",  # nor is everybody when Prometheus is away
    "for": "5m",
    "isPaused": False,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_TIMES = ("for", "keep_firing_for")


def of(alert: Alert, person: Person, receiver: str | None) -> Rule:
    """The rule of an alert. `receiver`: the contact point, where rules are routed directly."""
    rule = templates.fill(alert.rule, _harmless(alert.values))
    queries = alert.rule.get("data")
    queries = queries if isinstance(queries, list) else []
    uid = names.rule(alert.notification_id, person.id, alert.node_id)
    known = ("noDataState", "execErrState", "for", "isPaused", "keep_firing_for")
    return {
        **DEFAULTS,
        **{name: rule[name] for name in known if rule.get(name) is not None},
        "uid": uid,
        "orgID": 1,
        "folderUID": names.ALERTS_FOLDER,
        "ruleGroup": names.group(person.id),
        "title": _title(rule, alert, person),
        "condition": rule.get("condition"),
        "data": [query(part, alert.values) for part in queries],
        "annotations": _texts(rule.get("annotations")),
        "labels": {**_texts(rule.get("labels")), **_labels(alert, person)},
        "notification_settings": {"receiver": receiver} if receiver else None,
        "record": None,
    }


def is_ours(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of Grafana carries our label, or a uid as only we give it.

    What another owner provides, such as a file, is that owner's whatever it is called.
    """
    if (rule.get("provenance") or "") not in OWNERS:
        return False
    labelled = (rule.get("labels") or {}).get(names.OURS) == "true"
    return labelled or str(rule.get("uid")).startswith(names.RULE_PREFIX)


def same(ours: Any, theirs: Any) -> bool:
    """Whether Grafana's version says what ours says: what it adds by itself does not count, nor
    that it leaves out what is empty."""
    if theirs is None:
        return not ours
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(
            _same_part(name, part, theirs.get(name)) for name, part in ours.items()
        )
    if isinstance(ours, list):
        alike = isinstance(theirs, list) and len(ours) == len(theirs)
        return alike and all(map(same, ours, theirs))
    return bool(ours == theirs)


def same_rule(ours: Rule, theirs: Mapping[str, Any]) -> bool:
    """As `same`; labels, annotations and queries that somebody added do count."""
    exactly = all(
        (theirs.get(name) or {}).keys() <= ours[name].keys() for name in ("labels", "annotations")
    )
    return exactly and same({**ours, "orgID": theirs.get("orgID", 1)}, theirs)


def _same_part(name: str, ours: Any, theirs: Any) -> bool:
    if name in _TIMES and isinstance(ours, str) and isinstance(theirs, str):
        return _seconds(ours) == _seconds(theirs)
    return same(ours, theirs)


def _seconds(duration: str) -> float | str:
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        return duration
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _title(rule: Rule, alert: Alert, person: Person) -> str:
    """The template's title, made the only one of its kind, as Grafana 11 wants it."""
    uid = names.rule(alert.notification_id, person.id, alert.node_id)
    mark = f" #{uid.removeprefix(names.RULE_PREFIX)}"
    about = f" · {person.username}@{alert.node}"
    wanted = " ".join(str(rule.get("title") or "Too much in use").split())
    room = LONGEST_TITLE - len(mark)
    return f"{wanted[: max(room - len(about), 0)]}{about}"[:room] + mark


def _labels(alert: Alert, person: Person) -> dict[str, str]:
    facts = {
        names.OURS: "true",
        names.PERSON: str(person.id),
        "remas_username": person.username,
        "remas_node_id": str(alert.node_id),
        "remas_node": alert.node,
        "remas_resource_id": str(alert.resource_id),
        "remas_notification_id": str(alert.notification_id),
        "remas_owner": alert.author,
        "remas_reserved": "true" if alert.reserved else "false",
    }
    return {name: _tame(text) for name, text in facts.items()}


def _texts(given: Any) -> dict[str, str]:
    """Labels or annotations: texts throughout, without the names that Grafana keeps for itself."""
    if not isinstance(given, Mapping):
        return {}
    return {
        name: str(text)
        for name, text in given.items()
        if text is not None and not RESERVED_LABEL.fullmatch(name)
    }


def query(part: Any, values: Values) -> Any:
    """A query of the template, filled in; in PromQL a value stays a value."""
    filled = templates.fill({"part": part}, values)["part"]
    model = part.get("model") if isinstance(part, Mapping) else None
    if isinstance(model, Mapping) and isinstance(model.get("expr"), str):
        filled["model"]["expr"] = promql.fill(model["expr"], values)
    return filled


def _harmless(values: Values) -> Values:
    """Grafana executes `{{ … }}` in labels and annotations: nobody's name is to be a program."""
    return {
        name: _tame(value) if isinstance(value, str) else value for name, value in values.items()
    }


def _tame(text: str) -> str:
    """No brace of it ever stands beside another, whatever it is put between."""
    return text.replace("{", " { ")
