"""The tree of notification policies: one route of it is ours, all others are left as they are.

Our route stands first and lets the search go on, so that a person's own alerts reach that person,
and whatever policies administrators add after it reach them as well (Grafana, "Notification
policies": children are tried in order, and the next one only after `continue`).
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from remas.grafana import names

Tree = dict[str, Any]
Called = Mapping[int, str]
"""How people's contact points are called now, by whose they are: somebody may have renamed one."""

MATCHER = [names.OURS, "=", "true"]
GROUP_BY = ["grafana_folder", "alertname", "remas_node"]


def owner(tree: Mapping[str, Any]) -> str:
    """Who owns the tree, where writing it is not ours; empty: it may be written."""
    return str(tree.get("provenance") or "")


def people_in(tree: Mapping[str, Any], called: Called) -> set[int]:
    """Those whose alerts our route delivers; should it be there twice, those of both."""
    ours = (route for route in tree.get("routes") or [] if _is_ours(route, called))
    found = (_person_of(child) for route in ours for child in route.get("routes") or [])
    return {person for person in found if person is not None}


def with_people(tree: Mapping[str, Any], people: Collection[int], called: Called) -> Tree:
    """The tree with our route first, for exactly these people; without anybody, without it."""
    wanted = deepcopy(dict(tree))
    wanted.pop("provenance", None)
    others = [route for route in wanted.get("routes") or [] if not _is_ours(route, called)]
    ours = [_route(sorted(people))] if people else []
    wanted["routes"] = [*ours, *others]
    return wanted


def differ(tree: Mapping[str, Any], wanted: Tree) -> bool:
    """Whether the tree has to be written."""
    known = {name: value for name, value in tree.items() if name != "provenance"}
    return {**known, "routes": known.get("routes") or []} != wanted


def _route(people: list[int]) -> dict[str, Any]:
    return {
        "receiver": names.UNROUTED_NAME,
        "object_matchers": [MATCHER],
        "continue": True,
        "group_by": GROUP_BY,
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [
            {
                "receiver": names.contact_name(person),
                "object_matchers": [[names.PERSON, "=", str(person)]],
            }
            for person in people
        ],
    }


def _is_ours(route: Mapping[str, Any], called: Called) -> bool:
    """An administrator's own may match the very same alerts, but leads somewhere else."""
    if route.get("object_matchers") != [MATCHER]:
        return False
    children = route.get("routes") or []
    if route.get("receiver") == names.UNROUTED_NAME:
        return True
    return any(_leads_to_person(child, called) for child in children)


def _leads_to_person(route: Mapping[str, Any], called: Called) -> bool:
    person = _person_of(route)
    if person is None:
        return False
    return route.get("receiver") in (names.contact_name(person), called.get(person))


def _person_of(route: Mapping[str, Any]) -> int | None:
    for name, _operator, value in route.get("object_matchers") or []:
        if name == names.PERSON and value.isdecimal():
            return int(value)
    return None
