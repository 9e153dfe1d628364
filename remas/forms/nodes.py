"""Nodes: what they are called, what they provide, whether they take reservations."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from remas.forms.edit import EditForm
from remas.forms.fields import AmountField, ResourceField
from remas.forms.filters import Filter
from remas.models import Node, NodeState, Resource, Unit
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.nodes import NodeChange, NodeNew

STATES = {
    NodeState.AVAILABLE: "Available: people can reserve it",
    NodeState.DRAINED: "Drained: takes no new reservations; those it has stay",
    NodeState.RETIRED: "Retired: people no longer see it; its history stays",
}
EXAMPLES = {Unit.NONE: "8", Unit.BYTES_IEC: "1.5 TiB", Unit.BYTES_SI: "1.5 TB"}


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

    amounts: Mapping[str, str] = {}

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
        )

    def change(self) -> NodeChange:
        """What it is to become."""
        return NodeChange(
            self.name.data,
            self.description.data or "",
            NodeState(self.state.data),
            self.capacities,
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
    return {
        "name": node.name,
        "description": node.description,
        "state": node.state.value,
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
