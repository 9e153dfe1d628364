"""What is asked about resources."""

from typing import Annotated

from pydantic import Field

from remas.api.schemas import Body, left_out
from remas.api.values import Name
from remas.models import Measure, Unit
from remas.services.resources import ResourceChange, ResourceNew

# In strict models an enumeration would have to be given as its Python object.
UnitText = Annotated[Unit, Field(strict=False)]
MeasureText = Annotated[
    Measure, Field(strict=False, description="cores, bytes or GPUs, whatever the unit is")
]
UsageQuery = Annotated[
    str,
    Field(
        description=(
            "PromQL, with `custom` alone: what a person uses on a node, in the resource's base "
            "unit. It names `${node_name}`, and `${user_username}` or `${user_uid}`."
        )
    ),
]


class ResourcePost(Body):
    name: Name
    description: str | None = None
    unit: UnitText = Unit.NONE
    aliases: list[Name] = Field(default=[])
    measure: MeasureText | None = None
    usage_query: UsageQuery | None = None

    def wish(self) -> ResourceNew:
        return ResourceNew(**{**dict(self), "aliases": tuple(self.aliases)})


class ResourcePatch(Body):
    name: Name = left_out()
    description: str | None = left_out()
    unit: UnitText = left_out()
    aliases: list[Name] = left_out()
    measure: MeasureText | None = left_out()
    usage_query: UsageQuery | None = left_out()

    def wish(self) -> ResourceChange:
        return ResourceChange(**self.given())
