"""Nodes: what they are called, what they provide, whether they take reservations."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, ValidationError

from remas.forms.edit import EditForm
from remas.forms.fields import AmountField, ExportersField, ResourceField
from remas.forms.filters import Filter
from remas.models import Node, NodeState, Resource, Unit
from remas.monitoring_settings import Exporter
from remas.services.context import settings
from remas.services.exporters import check_address, own_of
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT, Check
from remas.services.nodes import NodeChange, NodeNew

STATES = {
    NodeState.AVAILABLE: "Available: people can reserve it",
    NodeState.DRAINED: "Drained: takes no new reservations; those it has stay",
    NodeState.RETIRED: "Retired: people no longer see it; its history stays",
}
EXAMPLES = {Unit.NONE: "8", Unit.BYTES_IEC: "1.5 TiB", Unit.BYTES_SI: "1.5 TB"}
USUAL, OWN = "usual", "own"


class NodeForm(EditForm):
    """`amounts`: name of the field to name of the resource."""

    name = StringField(
        "Name",
        [DataRequired("Write a name."), Length(max=LONGEST_NAME)],
        description="As it is called on the network: what people see in the calendar.",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    description = TextAreaField("Description", [Length(max=LONGEST_TEXT)], render_kw={"rows": 3})
    state = RadioField(
        "State",
        choices=[SelectChoice(value=state.value, label=text) for state, text in STATES.items()],
        default=NodeState.AVAILABLE.value,
    )
    address = StringField(
        "Address",
        description="Where they answer: a host name or an IP address. Empty: the node's name.",
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"},
    )
    watched = RadioField("Exporters", default=USUAL)
    exporters = ExportersField(
        "The node's own exporters",
        description="One a line: job:port or job:port/path. With none the node is not watched.",
        render_kw={"rows": 3, "spellcheck": "false", "autocapitalize": "none"},
    )

    amounts: Mapping[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = ", ".join(map(str, settings().monitoring.exporters)) or "none"
        self.watched.choices = [
            SelectChoice(value=USUAL, label=f"As set for all nodes: {usual}"),
            SelectChoice(value=OWN, label="Only these:"),
        ]

    def validate_address(self, field: StringField) -> None:
        """Told together with what is wrong elsewhere, and not only when all else is right."""
        check = Check()
        check_address(check, field.name, field.data)
        if check.errors:
            raise ValidationError(check.errors[field.name][0])

    def validate_exporters(self, field: ExportersField) -> None:
        """What was written is not to be lost because the choice above it was overlooked."""
        if self.watched.data == USUAL and field.data and field.data != field.object_data:
            raise ValidationError("To use these, choose “Only these” above; else take them out.")

    @property
    def own_exporters(self) -> tuple[Exporter, ...] | None:
        """None: those that are set for all nodes."""
        return self.exporters.data or () if self.watched.data == OWN else None

    @property
    def capacity_fields(self) -> list[AmountField]:
        """The fields of the resources, in order."""
        return [self[field] for field in self.amounts]

    @property
    def capacities(self) -> dict[str, int]:
        """Resource to amount, of those that the node provides; 0 is an amount, empty is none."""
        given = {name: self[field].data for field, name in self.amounts.items()}
        return {name: amount for name, amount in given.items() if amount is not None}

    def wish(self) -> NodeNew:
        """The node to be made."""
        return NodeNew(
            self.name.data or "",
            self.description.data,
            NodeState(self.state.data),
            self.capacities,
            self.address.data or None,
            self.own_exporters,
        )

    def change(self) -> NodeChange:
        """What it is to become."""
        return NodeChange(
            self.name.data,
            self.description.data or "",
            NodeState(self.state.data),
            self.capacities,
            self.address.data or "",
            "" if self.own_exporters is None else self.own_exporters,
        )


def node_form(resources: Sequence[Resource]) -> type[NodeForm]:
    """The form with one field for each resource."""
    fields: dict[str, Any] = {
        f"capacity_{resource.id}": AmountField(
            resource.name,
            unit=resource.unit,
            zero=True,
            description=_hint(resource),
            render_kw={"autocomplete": "off", "inputmode": "text"},
        )
        for resource in resources
    }
    fields["amounts"] = {f"capacity_{resource.id}": resource.name for resource in resources}
    return type("ClusterNodeForm", (NodeForm,), fields)


def stored(node: Node) -> dict[str, Any]:
    """What the fields show before anything is written into them."""
    own = own_of(node)
    return {
        "name": node.name,
        "description": node.description,
        "state": node.state.value,
        "address": node.address,
        "watched": USUAL if own is None else OWN,
        "exporters": own,
        **{f"capacity_{held.resource_id}": held.amount for held in node.capacities},
    }


def _hint(resource: Resource) -> str:
    also = f" (also {', '.join(alias.name for alias in resource.aliases)})"
    return f"Such as {EXAMPLES[resource.unit]}{also if resource.aliases else ''}"


class NodeFilter(Filter):
    state = SelectField(
        "State",
        choices=[
            SelectChoice(value="", label="Any state"),
            *(SelectChoice(value=state.value, label=state.value) for state in NodeState),
        ],
        default="",
    )
    resource = ResourceField("Resource", render_kw={"list": "resource-names"})

    @property
    def asked_state(self) -> NodeState | None:
        """The state that is looked for."""
        asked = self.asked("state")
        return NodeState(asked) if asked else None
