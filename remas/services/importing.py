"""Nodes from files: CSV, or what `scontrol show node` prints. All of a file or nothing of it."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from remas.errors import Invalid
from remas.models import Alias, Capacity, Node, NodeState, Resource, Unit
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.exporters import check_address
from remas.services.fields import Check
from remas.services.transaction import DbSession, writing
from remas.units import parse_amount

ADDRESS = "address"  # the column of a CSV that is no resource
MIB = 2**20
CLOSED_STATES = ("DRAIN", "DOWN", "FAIL", "MAINT", "FUTURE", "NO_RESPOND", "POWER_DOWN", "UNKNOWN")
"""Words in Slurm's state of a node that takes no work; REMAS calls it drained."""
_PAIR = re.compile(r"(\w+)=(\S+)")
_GPUS = re.compile(r"gpu(?::[^:,()]+)*:(\d+)")
_SI = re.compile(r"\d\s*[kMGTPE]?B$")
_IEC = re.compile(r"\d\s*[KMGTPE]i?B?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a file. `capacities`: resource to amount as written; `line` for messages.

    `address` None: the file does not say it.
    """

    line: int
    name: str
    capacities: Mapping[str, str]
    drained: bool = False
    address: str | None = None


@dataclass(slots=True)
class Imported:
    """Names of what was made and of what was changed."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)


def import_nodes(actor: Actor, text: str) -> Imported:
    """Make or change the nodes of a file; resources it names are made where they are missing.

    Capacities and addresses of known nodes become those of the file; what it does not name stays.
    Raises `Forbidden`, and `Invalid` with one entry a line.
    """
    actor.require_admin()
    read = list(_scontrol(text) if "NodeName=" in text else _csv(text))
    if not read:
        raise Invalid.field("file", "The file names no node.")
    result = Imported()
    with writing() as session:
        locks.lock_all_nodes(session)
        _check_column(session, read)
        specs = _addressed(read)
        resources = _resources(session, actor, specs, result)
        amounts = _amounts(specs, resources)
        known = {
            node.name: node
            for node in session.scalars(select(Node).options(selectinload(Node.capacities)))
        }
        for spec in specs:
            _apply(session, actor, known.get(spec.name), spec, amounts[spec.name], result)
    return result


def _csv(text: str) -> Iterator[NodeSpec]:
    """A header `name,resource…`, then a line a node; an empty cell: the node has none.

    The column `address` is no resource: it is where the node's exporters answer.
    """
    lines = text.splitlines()
    if not text.strip():
        raise Invalid.field("file", "The file is empty.")
    semicolons = ";" in lines[0] and "," not in lines[0]  # as some spreadsheets write it
    rows = list(csv.reader(lines, delimiter=";" if semicolons else ","))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if not header or header[0] != "name" or len(set(header)) != len(header) or "" in header:
        raise Invalid.field(
            "line 1", 'The header is "name" and then one resource a column, each once.'
        )
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise Invalid.field(
                f"line {number}", f"There are {len(cells)} cells under {len(header)} headings."
            )
        written = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        name, address = written.pop("name", ""), written.pop(ADDRESS, None)
        yield NodeSpec(number, name, written, address=address)


def _check_column(session: DbSession, specs: Iterable[NodeSpec]) -> None:
    """Raises `Invalid` where the column of addresses may be meant as one of amounts."""
    if all(spec.address is None for spec in specs):
        return
    named = Resource.name == ADDRESS, Resource.aliases.any(Alias.name == ADDRESS)
    if session.scalar(select(Resource.id).where(or_(*named)).limit(1)):
        text = (
            f"The column {ADDRESS} is where a node's exporters answer, and a resource is called so "
            "as well. Rename that resource or its alias, and then its column here."
        )
        raise Invalid.field("line 1", text)


def _addressed(specs: Iterable[NodeSpec]) -> list[NodeSpec]:
    """The nodes with their addresses as they are stored. Raises `Invalid`."""
    check, found = Check(), []
    for spec in specs:
        address = check_address(check, f"line {spec.line}", spec.address)
        found.append(replace(spec, address=address))
    check.done()
    return found


def _scontrol(text: str) -> Iterator[NodeSpec]:
    """Blocks that begin with NodeName; CPUTot, RealMemory (MiB), GPUs of Gres, State."""
    starts = [match.start() for match in re.finditer(r"^\s*NodeName=", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line = text.count("\n", 0, start) + 1
        pairs = dict(reversed(_PAIR.findall(text[start:end])))  # free text comes last: first wins
        gpus = sum(int(n) for n in _GPUS.findall(pairs.get("Gres", "")))
        capacities = {"cpu": pairs.get("CPUTot", ""), "gpu": str(gpus) if gpus else ""}
        memory = pairs.get("RealMemory", "")
        capacities["memory"] = f"{memory} MiB" if memory else ""
        state = pairs.get("State", "").upper()
        yield NodeSpec(
            line,
            pairs["NodeName"],
            {name: amount for name, amount in capacities.items() if amount},
            drained=any(word in state for word in CLOSED_STATES),
        )


def _resources(
    session: DbSession, actor: Actor, specs: list[NodeSpec], result: Imported
) -> dict[str, Resource]:
    """Known resources by name or alias; the missing ones made, with the unit their amounts show."""
    check, known = Check(), dict[str, Resource]()
    called: dict[str, list[str]] = {}
    for resource in session.scalars(select(Resource).options(selectinload(Resource.aliases))):
        for alias in resource.aliases:
            known.setdefault(alias.name, resource)
            called.setdefault(alias.name, []).append(resource.name)
        known[resource.name] = resource
    for name in dict.fromkeys(name for spec in specs for name in spec.capacities):
        meant = called.get(name, [])
        if len(meant) > 1 and known[name].name != name:
            which = ", ".join(sorted(meant))
            check.refuse("line 1", f"{name} may be any of {which}: write which of them.")
        if name not in known:
            check.name("line 1", name)
            written = [spec.capacities[name] for spec in specs if name in spec.capacities]
            known[name] = Resource(name=name, unit=_unit(written))
            result.resources.append(name)
    check.done()
    for name in result.resources:
        session.add(made := known[name])
        session.flush()
        facts = {"name": name, "unit": made.unit.value}
        audit.record(session, actor, "create", "resource", (made.id, name), None, facts)
    return known


def _unit(written: list[str]) -> Unit:
    """The unit that any of the amounts shows."""
    if any(_SI.search(text) for text in written):
        return Unit.BYTES_SI
    return Unit.BYTES_IEC if any(_IEC.search(text) for text in written) else Unit.NONE


def _amounts(specs: list[NodeSpec], resources: Mapping[str, Resource]) -> dict[str, dict[int, int]]:
    """Node to resource id to amount. Raises `Invalid` with everything that is wrong."""
    check = Check()
    found: dict[str, dict[int, int]] = {}
    for spec in specs:
        path = f"line {spec.line}"
        check.name(path, spec.name)
        if spec.name in found:
            check.refuse(path, f"The node {spec.name} is named twice.")
        found[spec.name] = {}
        for name, written in spec.capacities.items():
            resource = resources[name]
            try:
                found[spec.name][resource.id] = parse_amount(written, resource.unit)
            except ValueError as error:
                check.refuse(path, f"{name} {written!r}: {error}")
    check.done()
    return found


def _apply(
    session: DbSession,
    actor: Actor,
    node: Node | None,
    spec: NodeSpec,
    amounts: Mapping[int, int],
    result: Imported,
) -> None:
    state = NodeState.DRAINED if spec.drained else NodeState.AVAILABLE
    before = None
    if node is None:
        node = Node(name=spec.name, state=state)
        session.add(node)
        result.made.append(spec.name)
    else:
        before = _facts(node)
        if node.state is not NodeState.RETIRED and spec.drained:
            node.state = state
    node.address = spec.address or node.address
    held = {capacity.resource_id: capacity for capacity in node.capacities}
    for resource_id, amount in amounts.items():
        if resource_id in held:
            held[resource_id].amount = amount
        else:
            node.capacities.append(Capacity(resource_id=resource_id, amount=amount))
    session.flush()
    after = _facts(node)
    if before == after:
        result.unchanged.append(spec.name)
        return
    if before is not None:
        result.changed.append(spec.name)
    action = "create" if before is None else "change"
    audit.record(session, actor, action, "node", (node.id, node.name), before, after)


def _facts(node: Node) -> dict[str, object]:
    return {
        "name": node.name,
        "state": node.state.value,
        "capacities": {str(c.resource_id): c.amount for c in node.capacities},
        "address": node.address,
    }
