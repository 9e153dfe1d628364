"""Resources: their names, units and aliases."""

from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from remas.forms.edit import EditForm
from remas.forms.fields import NamesField
from remas.models import Measure, Resource, Unit
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.resources import ResourceChange, ResourceNew

UNITS = {
    Unit.NONE: "Counted: 8 cores, 2 GPUs",
    Unit.BYTES_IEC: "Bytes, in powers of 1024: 64 GiB",
    Unit.BYTES_SI: "Bytes, in powers of 1000: 64 GB",
}
MEASURES = {
    "": "Nothing measures it",
    Measure.CPU.value: "Processor cores in use",
    Measure.MEMORY.value: "Main memory in use, in bytes",
    Measure.GPU.value: "GPUs in use",
    Measure.GPU_MEMORY.value: "Memory of GPUs in use, in bytes",
    Measure.CUSTOM.value: "A query of its own",
}


class ResourceForm(EditForm):
    name = StringField(
        "Name",
        [DataRequired("Write a name."), Length(max=LONGEST_NAME)],
        description="As people type it: cpu, gpu, memory.",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    description = TextAreaField("Description", [Length(max=LONGEST_TEXT)], render_kw={"rows": 3})
    unit = RadioField(
        "How it is counted",
        choices=[SelectChoice(value=unit.value, label=text) for unit, text in UNITS.items()],
        default=Unit.NONE.value,
        validate_choice=True,
    )
    aliases = NamesField(
        "Aliases",
        description="Other names under which people look for it, with commas between them.",
    )

    measure = SelectField(
        "What Prometheus measures of it",
        choices=[SelectChoice(value=value, label=text) for value, text in MEASURES.items()],
        default="",
        description=(
            "What people use is compared with what they reserved as it stands: choose cores only "
            "where the resource counts cores, bytes only where it is bytes. For threads or "
            "licences write a query of its own."
        ),
    )
    usage_query = TextAreaField(
        "Query of its own",
        [Length(max=LONGEST_TEXT)],
        description=(
            "PromQL: how much a person uses on a node, in the smallest unit of the resource. It "
            "says ${node_name} and ${user_username} or ${user_uid}, each within quotes."
        ),
        render_kw={
            "rows": 3,
            "spellcheck": "false",
            "class": "font-monospace",
            "placeholder": 'sum(licences_in_use{node="${node_name}",user="${user_username}"})',
        },
    )

    @classmethod
    def of(cls, resource: Resource) -> "ResourceForm":
        """Filled in with what is stored, unless the request has a form with it."""
        stored = {
            "name": resource.name,
            "description": resource.description,
            "unit": resource.unit.value,
            "aliases": tuple(alias.name for alias in resource.aliases),
            "measure": resource.measure.value if resource.measure else "",
            "usage_query": resource.usage_query,
        }
        return cls(data=stored)

    def wish(self) -> ResourceNew:
        """What is to be made."""
        return ResourceNew(
            self.name.data,
            self.description.data or None,
            Unit(self.unit.data),
            tuple(self.aliases.data or ()),
            Measure(self.measure.data) if self.measure.data else None,
            self._query(),
        )

    def change(self) -> ResourceChange:
        """What it is to become."""
        return ResourceChange(
            self.name.data,
            self.description.data or "",
            Unit(self.unit.data),
            tuple(self.aliases.data or ()),
            Measure(self.measure.data) if self.measure.data else "",
            self._query() or "",
        )

    def _query(self) -> str | None:
        """What is left in the field for another measure is not meant any more."""
        return self.usage_query.data if self.measure.data == Measure.CUSTOM.value else None
