"""The record as people read it: names instead of numbers, moments and amounts instead of digits.

Facts outlive what they speak of: where nothing has the number any more, the number stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from remas.extensions import db
from remas.models import Audit, Node, Resource, Unit, User
from remas.services.availability import natural_key
from remas.services.transaction import DbSession
from remas.units import format_amount

Facts = Mapping[str, Any]
AMOUNTS = ("amount", "default_amount")

ACTIONS = (
    *("create", "change", "delete", "cancel", "release", "set password", "end sessions"),
    *("revoke", "replace", "approve", "retry", "drop", "load", "keep last administrator"),
    "bring up to date",
    "set Grafana password",
)
KINDS = (
    *("reservation", "user", "group", "node", "resource", "alias", "limit", "maintenance", "tag"),
    *("notification", "access_token", "feed", "outbox", "demo", "trace", "grafana"),
)
"""What can be done, and to what, for people to choose from; a test holds both complete."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. Values of the facts: text, numbers, truth values, moments, lists, mappings.

    `address` None: not known, or not this viewer's business.
    """

    id: int
    at: datetime
    actor: str
    address: str | None
    action: str
    kind: str
    subject_id: int
    subject: str
    before: Facts | None
    after: Facts | None


@dataclass(frozen=True, slots=True)
class _Names:
    """Number to name, and how amounts of a resource are written, by its name."""

    users: Mapping[int, str]
    nodes: Mapping[int, str]
    resources: Mapping[int, str]
    units: Mapping[str, Unit]

    def amount(self, value: Any, resource: Any) -> Any:
        return format_amount(value, self.units.get(resource, Unit.NONE)) if _whole(value) else value


def readable(rows: Iterable[Audit], *, addresses: bool = True) -> list[Entry]:
    """The entries with names in their facts. Three queries, whatever the size."""
    rows = list(rows)
    names = _names(db.session(), [facts for row in rows for facts in (row.before, row.after)])
    return [
        Entry(
            row.id,
            row.at,
            row.actor,
            row.address if addresses else None,
            row.action,
            row.kind,
            row.subject_id,
            row.subject,
            _told(row.before, names),
            _told(row.after, names),
        )
        for row in rows
    ]


def _names(session: DbSession, facts: Sequence[Facts | None]) -> _Names:
    users, nodes = set[int](), set[int]()
    for path, value in (pair for one in facts if one for pair in _numbers(one)):
        (users if path == "owner_id" else nodes).add(value)
    known = session.execute(select(Resource.id, Resource.name, Resource.unit)).all()
    return _Names(
        users=dict(session.execute(select(User.id, User.username).where(User.id.in_(users))).all()),
        nodes=dict(session.execute(select(Node.id, Node.name).where(Node.id.in_(nodes))).all()),
        resources={number: name for number, name, _ in known},
        units={name: unit for _, name, unit in known},
    )


def _numbers(facts: Facts) -> Iterator[tuple[str, int]]:
    """Numbers of users and nodes in the facts of a reservation."""
    if _whole(facts.get("owner_id")):
        yield "owner_id", facts["owner_id"]
    for held in _allocations(facts):
        if _whole(held.get("node_id")):
            yield "node_id", held["node_id"]


def _allocations(facts: Facts) -> list[Facts]:
    held = facts.get("allocations")
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def _told(facts: Facts | None, names: _Names) -> Facts | None:
    if facts is None:
        return None
    resource = facts.get("resource")
    return dict(_fact(key, value, resource, names) for key, value in facts.items())


def _fact(key: str, value: Any, resource: Any, names: _Names) -> tuple[str, Any]:
    if key == "owner_id":
        return "owner", names.users.get(value, value)
    if key == "allocations" and isinstance(value, list):
        return key, _held(_allocations({key: value}), names)
    if key == "capacities" and isinstance(value, Mapping):
        named = {_resource(name, names): amount for name, amount in value.items()}
        return key, {name: names.amount(amount, name) for name, amount in named.items()}
    if key in AMOUNTS:
        return key, names.amount(value, resource)
    if key == "exporters":
        return key, ["as set for all nodes"] if value is None else value or ["none"]
    if key.endswith("_at") and isinstance(value, str):
        return key, _moment(value)
    return key, value


def _resource(name: Any, names: _Names) -> Any:
    """Files brought nodes in with the numbers of resources."""
    if name in names.units or not (isinstance(name, str) and name.isdecimal()):
        return name
    return names.resources.get(int(name), name)


def _held(allocations: Sequence[Facts], names: _Names) -> list[str]:
    """A line for each node: "n1: 4 cpu, 64 GiB memory"."""
    nodes: dict[str, dict[str, str]] = {}
    for held in allocations:
        node_id, resource_id = held.get("node_id", 0), held.get("resource_id", 0)
        node = names.nodes.get(node_id, f"node {node_id}")
        resource = names.resources.get(resource_id, f"of resource {resource_id}")
        text = f"{names.amount(held.get('amount'), resource)} {resource}"
        nodes.setdefault(node, {})[resource] = text
    return [
        f"{node}: {', '.join(nodes[node][name] for name in sorted(nodes[node]))}"
        for node in sorted(nodes, key=natural_key)
    ]


def _moment(text: str) -> datetime | str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else text


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
