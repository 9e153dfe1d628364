"""Templates of Grafana's alert rules: JSON, in which `${name}` stands for a value.

A template is parsed first and filled afterwards, value by value: a quote or a brace in a value
stays a quote or a brace in that value. Variables also stand where JSON wants a number, as in
`"params": [${allocation_amount}]`; there they become the number itself.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from remas.letters import template
from remas.models import Capacity, Resource, User

Values = dict[str, str | int]

VARIABLES = {
    "user_id": "number of the person",
    "user_name": "the person's name",
    "user_surname": "the person's surname",
    "user_username": "the person's username, as on the nodes",
    "user_uid": "the person's user ID on the nodes",
    "user_email": "the person's e-mail address",
    "node_id": "number of the node",
    "node_name": "name of the node",
    "node_description": "description of the node",
    "resource_id": "number of the resource",
    "resource_name": "name of the resource",
    "resource_description": "description of the resource",
    "resource_amount": "what the node provides of the resource",
    "allocation_amount": "what the person may use of it there",
}
"""The variables of alerts, each with its meaning."""

SAMPLE: Mapping[str, str | int] = {
    "user_id": 7,
    "user_name": "Ada",
    "user_surname": "Byron",
    "user_username": "ada",
    "user_uid": 1007,
    "user_email": "ada@example.org",
    "node_id": 3,
    "node_name": "n3",
    "node_description": "",
    "resource_id": 1,
    "resource_name": "cpu",
    "resource_description": "",
    "resource_amount": 64,
    "allocation_amount": 8,
}
"""Values for a first look at a template."""

_TEXT_OR_VARIABLE = re.compile(r'"(?:[^"\\]|\\.)*"|\$\{(\w+)\}', re.ASCII)
_BARE = "\x00bare:"  # begins no text in JSON; whoever writes it as an escape gets a value or null
_WRITTEN_BARE = re.compile(rf'"{re.escape(json.dumps(_BARE)[1:-1])}(\w+)"', re.ASCII)


def parse(text: str) -> dict[str, Any]:
    """The rule with its variables still in it. Raises `ValueError` with a sentence."""
    try:
        rule = json.loads(_TEXT_OR_VARIABLE.sub(_quoted, text), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is not JSON: {_where(error)}.") from None
    if not isinstance(rule, dict):
        raise ValueError("An alert rule is a JSON object: it begins with { and ends with }.")
    return rule


def fill(rule: Mapping[str, Any], values: Mapping[str, str | int]) -> dict[str, Any]:
    """The rule of `parse` with the values in place of the variables; keys stay as they are."""
    return {key: _filled(value, values) for key, value in rule.items()}


def write(rule: Mapping[str, Any]) -> str:
    """The template of a rule with its variables in it: what `parse` reads back."""
    text = json.dumps(rule, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{_WRITTEN_BARE.sub(_unquoted, text)}\n"


def variable(name: str) -> str:
    """What stands in a rule of `parse` for a number that is a variable."""
    return f"{_BARE}{name}"


def is_fixed(text: str) -> bool:
    """Whether a text of `parse` says the same whatever the values are."""
    return not text.startswith(_BARE) and not template.names_in(text)


def values_of_user(person: User) -> Values:
    """The variables about a person."""
    return {
        "user_id": person.id,
        "user_name": person.name or "",
        "user_surname": person.surname or "",
        "user_username": person.username,
        "user_uid": person.uid,
        "user_email": person.email,
    }


def values_of_resource(resource: Resource) -> Values:
    """The variables about a resource."""
    return {
        "resource_id": resource.id,
        "resource_name": resource.name,
        "resource_description": resource.description or "",
    }


def values_of_capacity(capacity: Capacity) -> Values:
    """The variables about a node and what it provides of the resource."""
    return {
        "node_id": capacity.node.id,
        "node_name": capacity.node.name,
        "node_description": capacity.node.description or "",
        "resource_amount": capacity.amount,
    }


def _quoted(found: re.Match[str]) -> str:
    name = found[1]
    return found[0] if name is None else json.dumps(f"{_BARE}{name}")


def _unquoted(found: re.Match[str]) -> str:
    return f"${{{found[1]}}}"


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, {error.msg[:1].lower()}{error.msg[1:]}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _filled(value: Any, values: Mapping[str, str | int]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, values) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, values) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith(_BARE):
        return values.get(value.removeprefix(_BARE))
    return template.substitute(value, {name: str(known) for name, known in values.items()})
