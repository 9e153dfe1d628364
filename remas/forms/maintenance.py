"""Maintenance: which nodes are closed, from when until when, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from remas.forms.edit import EditForm
from remas.forms.fields import ChecksField, MomentField
from remas.forms.filters import Filter
from remas.models import Maintenance
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.maintenance import MaintenanceChange, MaintenanceNew


class MaintenanceForm(EditForm):
    """When and why; the subclasses say where. Times are in the person's zone."""

    starts_at = MomentField("From", [InputRequired("Say when it starts.")])
    ends_at = MomentField("Until", [InputRequired("Say when it ends.")], late=True)
    reason = TextAreaField(
        "Reason",
        [Length(max=LONGEST_TEXT)],
        description="People read it in the calendar.",
        render_kw={"rows": 3},
    )


class ClosingForm(MaintenanceForm):
    """For several nodes at once."""

    paths: ClassVar[Mapping[str, str]] = {"node": "nodes"}
    nodes = ChecksField("Nodes", [InputRequired("Tick at least one node.")], choices=[])

    def wishes(self) -> tuple[MaintenanceNew, ...]:
        """One for each node."""
        begin, end, reason = self["starts_at"].data, self["ends_at"].data, self.reason.data
        return tuple(MaintenanceNew(node, begin, end, reason) for node in self.nodes.data or ())


class MovingForm(MaintenanceForm):
    """For one that is there."""

    node = SelectField("Node", choices=[])

    def change(self) -> MaintenanceChange:
        """What it is to become."""
        return MaintenanceChange(
            self.node.data, self.starts_at.data, self.ends_at.data, self.reason.data or ""
        )

    def wishes(self) -> tuple[MaintenanceNew, ...]:
        """The same as if it were new."""
        return (
            MaintenanceNew(
                self.node.data,
                self["starts_at"].data,
                self["ends_at"].data,
                self.reason.data or None,
            ),
        )


def closing_form(nodes: Sequence[str]) -> type[ClosingForm]:
    """The form with a box for each of these nodes."""
    boxes = ChecksField("Nodes", [InputRequired("Tick at least one node.")], choices=list(nodes))
    return type("ClusterClosingForm", (ClosingForm,), {"nodes": boxes})


def moving_form(nodes: Sequence[str]) -> type[MovingForm]:
    """The form with these nodes to choose from."""
    choices = [SelectChoice(value=name, label=name) for name in nodes]
    return type("ClusterMovingForm", (MovingForm,), {"node": SelectField("Node", choices=choices)})


def stored(row: Maintenance) -> dict[str, Any]:
    """What the fields show before anything is written into them."""
    return {
        "node": row.node.name,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "reason": row.reason,
    }


class MaintenanceFilterForm(Filter):
    node = StringField("Node", [Length(max=LONGEST_NAME)], render_kw={"list": "node-names"})
