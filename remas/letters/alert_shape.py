"""Whether a template of an alert rule holds together, as far as that can be told without Grafana.

Grafana itself takes a rule whose condition or data source is not there; it then never alerts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remas.letters import alert

EXPRESSIONS = ("__expr__", "-100")
"""What stands for a data source where a query works on others' results."""
_OF_ONE = ("reduce", "resample", "threshold")  # expressions of the result of one query
_IN_MATH = re.compile(r"\$(?:\{([^}]*)\}|(\w+))")

Query = Mapping[str, Any]


def faults(rule: Mapping[str, Any]) -> list[str]:
    """What is amiss in a rule of `alert.parse`, each in a sentence."""
    filled = alert.fill(rule, alert.SAMPLE)
    queries = filled.get("data")
    if not isinstance(queries, list) or not queries or not all(map(_has_name, queries)):
        return ['"data" has to list the queries, each with its "refId".']
    known = [query["refId"] for query in queries]
    found = list(_of_condition(filled.get("condition"), known))
    for query in queries:
        found += _of_query(query, known)
    return found


def sources(rule: Mapping[str, Any]) -> list[str]:
    """The uids of the data sources that a rule of `alert.parse` asks, each once, in order.

    One that is made of variables is left out: it differs from person to person.
    """
    queries = rule.get("data")
    uids = [_source(query) for query in queries] if isinstance(queries, list) else []
    wanted = (uid for uid in uids if uid and uid not in EXPRESSIONS and alert.is_fixed(uid))
    return list(dict.fromkeys(wanted))


def _has_name(query: object) -> bool:
    name = query.get("refId") if isinstance(query, Mapping) else None
    return isinstance(name, str) and bool(name)


def _of_condition(condition: object, known: Sequence[str]) -> Iterator[str]:
    if not condition:
        yield f'Name in "condition" the query that decides: {_listed(known)}.'
    elif condition not in known:
        yield f'The condition is "{condition}", but there is only {_listed(known)}.'


def _of_query(query: Query, known: Sequence[str]) -> Iterator[str]:
    name, source = query["refId"], _source(query)
    if not source:
        yield f'The query "{name}" names no data source: write its "datasourceUid".'
    elif source in EXPRESSIONS:
        others = [other for other in known if other != name]
        for used in _used(query.get("model")):
            if used not in others:
                there = f"there is only {_listed(others)}" if others else "there is no other"
                yield f'The expression "{name}" is about "{used}", but {there}.'


def _used(model: object) -> list[str]:
    """Of which queries an expression takes the results."""
    if not isinstance(model, Mapping):
        return []
    kind, text = model.get("type"), str(model.get("expression") or "")
    if kind in _OF_ONE:
        return [text.strip().removeprefix("$").strip("{}")]
    if kind == "math":
        return list(dict.fromkeys(found[1] or found[2] for found in _IN_MATH.finditer(text)))
    if kind == "classic_conditions":
        return list(dict.fromkeys(_of_conditions(model.get("conditions"))))
    return []


def _of_conditions(conditions: object) -> Iterator[str]:
    for condition in conditions if isinstance(conditions, list) else []:
        query = condition.get("query") if isinstance(condition, Mapping) else None
        params = query.get("params") if isinstance(query, Mapping) else None
        if isinstance(params, list) and params:
            yield str(params[0])


def _source(query: object) -> str:
    return str(query.get("datasourceUid") or "") if isinstance(query, Mapping) else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
