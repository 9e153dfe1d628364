"""Forms for asking and for changing. Their fields follow the cluster, so classes are made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from remas.durations import EXAMPLES
from remas.forms.base import Form
from remas.forms.fields import (
    LOCAL,
    AmountField,
    ChecksField,
    DurationField,
    MomentField,
    NamesField,
)
from remas.forms.offer import Placed
from remas.models import Reservation, Unit
from remas.services.catalogue import Catalogue, ResourceChoice
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.requests import (
    AllocationSpec,
    BookingRequest,
    ChangeRequest,
    Idempotency,
    OfferRequest,
)
from remas.units import format_amount

MAX_OFFERS = 4


class _Described(Form):
    """What a reservation is called, beside what it holds."""

    name = StringField(
        "Name",
        [Length(max=LONGEST_NAME, message=f"A name has at most {LONGEST_NAME} characters.")],
        filters=[lambda text: text and text.strip()],
        description="What it is for; others see it in the calendar.",
        render_kw={"autocomplete": "off", "maxlength": LONGEST_NAME},
    )
    description = TextAreaField(
        "Description",
        [Length(max=LONGEST_TEXT, message=f"This has at most {LONGEST_TEXT} characters.")],
        render_kw={"rows": 2},
    )
    tags = NamesField(
        "Tags",
        description="Your own labels, with commas between them.",
        render_kw={"autocomplete": "off"},
    )


class AskForm(_Described):
    """What is wanted. `token` makes a double click on an offer book once."""

    duration = DurationField(
        "How long",
        [InputRequired("Say for how long.")],
        description=f"Such as {EXAMPLES}.",
        render_kw={"autocomplete": "off"},
    )
    node_count = IntegerField(
        "How many nodes",
        [
            InputRequired("Say how many nodes."),
            NumberRange(1, 10_000, "Ask for 1 to 10,000 nodes."),
        ],
        default=1,
        description="Each gives all of the above.",
        render_kw={"min": 1, "inputmode": "numeric"},
    )
    earliest = MomentField("From", [Optional()], description="Empty: from now on.")
    latest_end = MomentField(
        "Until", [Optional()], description="Empty: as far as the search looks.", late=True
    )
    nodes = ChecksField("Only these nodes", [Optional()], choices=[])
    token = HiddenField()

    demand_ids: Mapping[str, str] = {}  # name of the field to name of the resource

    @property
    def demands(self) -> dict[str, int]:
        """Resource to amount, as far as amounts are given."""
        given = {name: self[field].data for field, name in self.demand_ids.items()}
        return {name: amount for name, amount in given.items() if amount}

    @property
    def amounts(self) -> list[AmountField]:
        """The fields of the resources, in order."""
        return [self[field] for field in self.demand_ids]

    @property
    def more_is_used(self) -> bool:
        """Whether something is in the fields that are folded away at first."""
        folded = (self.description, self.tags)
        return any(field.data or field.errors for field in folded)

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        if not self.demands and not any(field.errors for field in self.amounts):
            self.refuse({"demands": ["Ask for at least one resource."]}, self.paths)
            good = False
        if self.nodes.data and (self.node_count.data or 1) > len(self.nodes.data):
            few = f"Only {len(self.nodes.data)} nodes are ticked below."
            self.refuse({"node_count": [few]}, {})
            good = False
        begin, end = self.earliest.data, self.latest_end.data
        if begin and end and end <= begin:
            self.refuse({"latest_end": ["This is not after the beginning."]}, {})
            good = False
        return good

    def live_errors(self) -> tuple[dict[str, str], list[str]]:
        """Field to error for what is written and cannot be taken; and what is still missing.

        For a form that somebody is filling in: an empty field is no mistake yet. What only
        booking needs is not looked at.
        """
        self.validate()
        missing = []
        if not self.demands and not any(field.typed for field in self.amounts if field.errors):
            missing.append("what each node gives")
        if not (self.duration.data or self.duration.typed):
            missing.append("how long")
        if self.node_count.data is None and not (self.node_count.raw_data or [""])[0]:
            missing.append("how many nodes")
        aside = {"csrf_token", "token", "name", "description", "tags"}
        errors = {
            field.name: " ".join(field.errors)
            for field in self
            if field.errors and field.name not in aside and any(field.raw_data or ())
        }
        return errors, missing

    @property
    def paths(self) -> dict[str, str]:
        """What services call the fields."""
        first = next(iter(self.demand_ids), "name")
        return {"demands": first} | {
            f"demands.{name}": field for field, name in self.demand_ids.items()
        }

    def search(self) -> OfferRequest:
        """The search that is asked for."""
        return OfferRequest(
            duration=self.duration.data or timedelta(0),
            demands=self.demands,
            node_count=self.node_count.data,
            nodes=tuple(self.nodes.data or ()),
            earliest=self.earliest.data,
            latest_end=self.latest_end.data,
            max_offers=MAX_OFFERS,
        )

    def booking(self, placed: Placed) -> tuple[BookingRequest, Idempotency]:
        """An offer taken, under the name that is in the form, and the key that books it once."""
        wish = BookingRequest(
            name=self.name.data or "",
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            allocations=placed.allocations,
            description=(self.description.data or "").strip() or None,
            tags=tuple(self.tags.data or ()),
        )
        fingerprint = sha256(repr(wish).encode()).hexdigest()
        # The token stands for the page, so another name or another offer is another request.
        key = f"page {sha256(f'{self.token.data}{fingerprint}'.encode()).hexdigest()}"
        return wish, Idempotency(key, fingerprint, _written)


def _written(reservation: Reservation) -> dict[str, Any]:
    """What is remembered with a key: enough to go to the reservation."""
    return {"id": reservation.id}


def ask_form(catalogue: Catalogue) -> type[AskForm]:
    """The form for this cluster: one field a resource, one box a node."""
    fields: dict[str, Any] = {
        f"demand_{resource.id}": AmountField(
            resource.name,
            unit=resource.unit,
            description=_hint(resource),
            render_kw={"autocomplete": "off", "inputmode": "text"},
        )
        for resource in catalogue.resources
    }
    fields["demand_ids"] = {f"demand_{r.id}": r.name for r in catalogue.resources}
    fields["nodes"] = ChecksField(
        "Only these nodes", [Optional()], choices=[node.name for node in catalogue.nodes]
    )
    return type("ClusterAskForm", (AskForm,), fields)


def prefill(args: MultiDict[str, str], catalogue: Catalogue, zone: ZoneInfo) -> MultiDict[str, str]:
    """What an address fills in, as a form would send it; what is not a field is left out.

    Amounts may be given by the name or an alias of the resource, moments with an offset.
    """
    fields = {f"demand_{resource.id}" for resource in catalogue.resources}
    fields |= {"name", "description", "tags", "duration", "node_count"}
    names = {resource.name: f"demand_{resource.id}" for resource in catalogue.resources}
    given: MultiDict[str, str] = MultiDict()
    for key, value in args.items(multi=True):
        if key in ("earliest", "latest_end"):
            given.add(key, _as_clocks_show(value, zone))
        elif key == "nodes":
            known = (
                n for n in value.split(",") if catalogue.node(n) and n not in given.getlist(key)
            )
            for node in known:
                given.add(key, node)
        elif key in fields:
            given.add(key, value)
        elif (called := catalogue.called(key)) is not None:
            given.add(names[called], value)
    return given


def _as_clocks_show(text: str, zone: ZoneInfo) -> str:
    """A moment with an offset as local time; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(zone).strftime(LOCAL) if moment.tzinfo else text
    except (ValueError, OverflowError):
        return text


def _hint(resource: ResourceChoice) -> str:
    """How much a node has, and what else the resource is called."""
    least, most = (format_amount(n, resource.unit) for n in (resource.least, resource.most))
    has = f"{least} to {most} a node" if least != most else f"{most} a node"
    return f"{has} (also {', '.join(resource.aliases)})" if resource.aliases else has


@dataclass(frozen=True, slots=True)
class Cell:
    """One resource on one node that a reservation holds, or could hold more of."""

    node: str
    resource: str
    unit: Unit
    held: int | None


class ChangeForm(_Described):
    """The fields that may always be changed. `version` is what the person saw."""

    version = HiddenField()
    cells: Mapping[str, Cell] = {}  # by name of the field

    @property
    def moves(self) -> bool:
        """Whether time and amounts can be changed."""
        return "ends_at" in self

    @property
    def paths(self) -> dict[str, str]:
        """What services call the fields."""
        given = [field for field in self.cells if self[field].data]
        parts = ("", ".node", ".resource", ".amount")
        return {f"allocations.{i}{part}": f for i, f in enumerate(given) for part in parts} | {
            "allocations": next(iter(self.cells), "name")
        }

    def live_errors(self) -> dict[str, str]:
        """Field to error, of those that move it; call `validate` first."""
        moving = {"starts_at", "ends_at", *self.cells}
        return {f.name: " ".join(f.errors) for f in self if f.errors and f.name in moving}

    def allocations(self) -> tuple[AllocationSpec, ...]:
        """What the amounts say; empty fields: nothing of it."""
        return tuple(
            AllocationSpec(cell.node, cell.resource, self[field].data)
            for field, cell in self.cells.items()
            if self[field].data
        )

    def change(self) -> ChangeRequest:
        """What is asked for; fields that are not in the form stay as they are."""
        return ChangeRequest(
            name=self.name.data or "",
            description=self.description.data or "",
            tags=tuple(self.tags.data or ()),
            starts_at=self.starts_at.data if "starts_at" in self else None,
            ends_at=self.ends_at.data if self.moves else None,
            allocations=self.allocations() if self.moves else None,
            version=self._seen(),
        )

    def taking(self, placed: Placed) -> ChangeRequest:
        """An offer taken, instead of the time and amounts in the form."""
        return replace(
            self.change(),
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            allocations=placed.allocations,
        )

    def _seen(self) -> int | None:
        written = self.version.data or ""
        return int(written) if written.isdecimal() and written.isascii() else None


def change_form(
    reservation: Reservation, catalogue: Catalogue, *, start: bool, rest: bool
) -> type[ChangeForm]:
    """The form for a reservation: whether its start, and whether end and amounts may change."""
    fields: dict[str, Any] = {}
    if start:
        fields["starts_at"] = MomentField("Start", [InputRequired("Say when it starts.")])
    if rest:
        fields["ends_at"] = MomentField("End", [InputRequired("Say when it ends.")], late=True)
        fields["cells"] = _cells(reservation, catalogue)
        for name, cell in fields["cells"].items():
            fields[name] = AmountField(
                f"{cell.resource} on {cell.node}",
                unit=cell.unit,
                default=cell.held,
                render_kw={"autocomplete": "off"},
            )
    return type("ReservationChangeForm", (ChangeForm,), fields)


def shown(reservation: Reservation) -> dict[str, Any]:
    """What the fields show before anything is written into them."""
    return {
        "name": reservation.name,
        "description": reservation.description,
        "tags": tuple(tag.name for tag in reservation.tags),
        "starts_at": reservation.starts_at,
        "ends_at": reservation.ends_at,
        "version": str(reservation.version),
    }


def _cells(reservation: Reservation, catalogue: Catalogue) -> dict[str, Cell]:
    """All that the reservation's nodes have, and what it holds although they no longer have it."""
    cells: dict[str, Cell] = {}
    for held in reservation.allocations:
        for resource in catalogue.resources:
            node = catalogue.node(held.node.name)
            if node and node.capacities.get(resource.name):
                field = f"amount_{held.node_id}_{resource.id}"
                cells.setdefault(field, Cell(node.name, resource.name, resource.unit, None))
    for held in reservation.allocations:
        cells[f"amount_{held.node_id}_{held.resource_id}"] = Cell(
            held.node.name, held.resource.name, held.resource.unit, held.amount
        )
    return cells
