"""Resources: their names, units and aliases."""

from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from remas.forms.edit import EditForm
from remas.forms.fields import NamesField
from remas.models import Resource, Unit
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.resources import ResourceChange, ResourceNew

UNITS = {
    Unit.NONE: "Counted: 8 cores, 2 GPUs",
    Unit.BYTES_IEC: "Bytes, in powers of 1024: 64 GiB",
    Unit.BYTES_SI: "Bytes, in powers of 1000: 64 GB",
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

    @classmethod
    def of(cls, resource: Resource) -> "ResourceForm":
        """Filled in with what is stored, unless the request has a form with it."""
        stored = {
            "name": resource.name,
            "description": resource.description,
            "unit": resource.unit.value,
            "aliases": tuple(alias.name for alias in resource.aliases),
        }
        return cls(data=stored)

    def wish(self) -> ResourceNew:
        """What is to be made."""
        return ResourceNew(
            self.name.data,
            self.description.data or None,
            Unit(self.unit.data),
            tuple(self.aliases.data or ()),
        )

    def change(self) -> ResourceChange:
        """What it is to become."""
        return ResourceChange(
            self.name.data,
            self.description.data or "",
            Unit(self.unit.data),
            tuple(self.aliases.data or ()),
        )
