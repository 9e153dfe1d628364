"""What is asked about reports, and what is answered; as queries.py and answers.py."""

from typing import Literal

from pydantic import Field

from remas.api import queries
from remas.api.answers import Answer
from remas.api.values import Moment, WholeMinute
from remas.models import Unit
from remas.services.reports import MOST_BY, By, ReportWish


class ReportRange(queries.Query):
    """`[from, to)`; months begin and end in your own time zone."""

    since: WholeMinute = Field(alias="from")
    until: WholeMinute = Field(alias="to")
    by: list[By] = Field(
        min_length=1,
        max_length=MOST_BY,
        description="one grouping, or two different ones: the parameter twice",
        examples=[["node", "month"]],
    )
    format: Literal["json", "csv"] | None = Field(
        default=None, description="left out: what `Accept` prefers"
    )

    def wish(self) -> ReportWish:
        return ReportWish(self.since, self.until, tuple(self.by))


class HeldAnswer(Answer):
    """Reserved units of a resource times minutes, exactly; `hours` is a sixtieth of that."""

    resource: str
    unit: Unit
    minutes: int = Field(ge=0, description="unit·minutes (byte·minutes for memory)")
    hours: float = Field(ge=0, description="unit·hours, rounded to hundredths")
    share: float = Field(ge=0, le=1, description="of all that was reserved of the resource")
    capacity_minutes: int = Field(ge=0, description="of all that there is, as it is today")
    utilisation: float | None = Field(ge=0, description="of all that there is; null: there is none")


class ReportTotals(Answer):
    """A reservation's time counts once for each of its nodes."""

    node_minutes: int = Field(ge=0)
    node_hours: float = Field(ge=0, description="rounded to hundredths")
    resources: list[HeldAnswer]


class ReportKeys(Answer):
    """What the row is about: a name for each grouping. null: all who do not share with you."""

    person: str | None = Field(default=None, description="username")
    group: str | None = None
    node: str | None = None
    resource: str | None = None
    month: str | None = Field(default=None, examples=["2026-11"])


class ReportRowAnswer(ReportTotals):
    keys: ReportKeys
    node_share: float = Field(ge=0, le=1, description="of all node hours")


class ReportAnswer(Answer):
    from_: Moment = Field(alias="from")
    to: Moment
    time_zone: str
    by: list[By]
    total: ReportTotals
    rows: list[ReportRowAnswer]
