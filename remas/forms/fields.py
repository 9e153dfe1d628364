"""Fields for what people write in this house: moments, durations, amounts, lists of names."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import Field, SelectMultipleField, widgets

from remas.durations import format_duration, parse_duration
from remas.errors import Invalid
from remas.models import Unit
from remas.moments import at_local
from remas.monitoring_settings import Exporter
from remas.services import resources
from remas.services.exporters import check_exporters
from remas.services.fields import Check
from remas.units import format_amount, parse_amount

LOCAL = "%Y-%m-%dT%H:%M"
LONGEST_NAME = 200


class _Written(Field):
    """A field that keeps what was typed, and `data` once it is understood; empty: None."""

    widget: Any = widgets.TextInput()
    typed: str | None = None

    def _value(self) -> str:
        if self.typed is not None:
            return self.typed
        return "" if self.data is None else self.write(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.typed = valuelist[0]
        self.data = self.read(self.typed.strip()) if self.typed.strip() else None

    def read(self, text: str) -> Any:
        """The value. Raises `ValueError` with a sentence."""
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """The text for a value; reading it again gives the same."""
        raise NotImplementedError


class DurationField(_Written):
    """`data`: a timedelta in whole minutes."""

    def read(self, text: str) -> timedelta:
        return parse_duration(text)

    def write(self, value: timedelta) -> str:
        return format_duration(value)


class AmountField(_Written):
    """`data`: whole base units of a resource with this unit.

    0 counts as nothing; with `zero=True` it is an amount like others, and only empty is none.
    """

    def __init__(self, *args: Any, unit: Unit, zero: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unit, self.zero = unit, zero

    def read(self, text: str) -> int | None:
        amount = parse_amount(text, self.unit)
        return amount if self.zero else amount or None

    def write(self, value: int) -> str:
        return format_amount(value, self.unit)


class MomentField(_Written):
    """`data`: an aware UTC moment; written and read as local time in the form's zone.

    A local time that occurs twice (clocks go back) means its first occurrence, or its second with
    `late=True`: a start with the first and an end with the second cover what may be meant. One
    that is left out (clocks go forward) is an error.
    """

    widget = widgets.DateTimeLocalInput()

    def __init__(self, *args: Any, late: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.late = late

    def read(self, text: str) -> datetime:
        # A field that comes back as it was shown means the moment it was shown for.
        if isinstance(self.object_data, datetime) and text == self.write(self.object_data):
            return self.object_data
        return parse_local(text, self.meta.zone, late=self.late)

    def write(self, value: datetime) -> str:
        return value.astimezone(self.meta.zone).strftime(LOCAL)


def parse_local(text: str, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """Local time such as 2026-11-23T09:00 as UTC. Raises `ValueError` with a sentence.

    Of a time that occurs twice the first, with `late` the second.
    """
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Write a day and a time such as 2026-11-23 09:00.") from None
    if naive.tzinfo is not None:
        raise ValueError(f"Write the time as clocks show it in {zone.key}, without an offset.")
    if naive.second or naive.microsecond:
        raise ValueError("Times are in whole minutes.")
    try:
        return at_local(naive, zone, late=late)
    except OverflowError:
        raise ValueError("This is outside all calendars.") from None


class NamesField(_Written):
    """`data`: names written with commas between them; empty: none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if valuelist and self.data is None:
            self.data = ()

    def read(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        if any(len(name) > LONGEST_NAME for name in names):
            raise ValueError(f"A name has at most {LONGEST_NAME} characters.")
        return names

    def write(self, value: Sequence[str]) -> str:
        return ", ".join(value)


class ResourceField(_Written):
    """`data`: the name of a resource, found under its name or under an alias that is its alone."""

    def read(self, text: str) -> str:
        try:
            return resources.find(text).name
        except Invalid as refused:
            raise ValueError(refused.detail) from None

    def write(self, value: str) -> str:
        return value


class ExportersField(_Written):
    """`data`: what answers Prometheus on a node, written `job:port` or `job:port/path` a line."""

    widget = widgets.TextArea()

    def read(self, text: str) -> tuple[Exporter, ...]:
        found = tuple(map(Exporter.parse, text.replace(",", " ").split()))
        check = Check()
        check_exporters(check, self.name, found)
        if check.errors:
            raise ValueError(" ".join(text for texts in check.errors.values() for text in texts))
        return found

    def write(self, value: Sequence[Exporter]) -> str:
        return "\n".join(map(str, value))


class ChecksField(SelectMultipleField):
    """Any of some choices, each with its box."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()
