"""The filter above a report: days of the person's zone, and by what hours are told apart."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, ValidationError

from remas.forms.base import Form
from remas.services.reports import YEARS, By, ReportWish

DAY = timedelta(days=1)
CHOICES = {
    By.NODE: "Node",
    By.PERSON: "Person",
    By.GROUP: "Group",
    By.RESOURCE: "Resource",
    By.MONTH: "Month",
}
NO_DAY = "Write a day such as 2026-11-23."


class ReportForm(Form):
    """Sent with GET. What is left out has a default: this month, by node."""

    # What the service calls it, to the field.
    PATHS: ClassVar[Mapping[str, str]] = {"from": "since", "to": "until", "by": "then"}

    since = DateField("From", [DataRequired(NO_DAY)], name="from")
    until = DateField("To, with that day", [DataRequired(NO_DAY)], name="to")
    by = SelectField("By", choices=[SelectChoice(by.value, text) for by, text in CHOICES.items()])
    then = SelectField(
        "And by",
        name="and",
        choices=[
            SelectChoice("", "nothing else"),
            *(SelectChoice(by.value, text) for by, text in CHOICES.items()),
        ],
    )

    class Meta(Form.Meta):
        csrf = False

    def __init__(self, asked: Mapping[str, str], zone: ZoneInfo, today: date) -> None:
        first, last = month_of(today)
        default = {"from": first.isoformat(), "to": last.isoformat(), "by": By.NODE, "and": ""}
        given: Any = {name: asked.get(name) or value for name, value in default.items()}
        super().__init__(formdata=MultiDict(given), zone=zone)

    def validate_since(self, field: DateField) -> None:
        _check_year(field.data)

    def validate_until(self, field: DateField) -> None:
        _check_year(field.data)
        if self.since.data and field.data < self.since.data:
            raise ValidationError("This is before the first day.")

    def validate_then(self, field: SelectField) -> None:
        if field.data == self.by.data:
            raise ValidationError("Choose something else than before.")

    def wish(self) -> ReportWish:
        """`[start of the first day, end of the last)`."""
        by = [By(text) for text in (self.by.data, self.then.data) if text]
        first, last = self.since.data, self.until.data
        return ReportWish(self._midnight(first), self._midnight(last + DAY), tuple(by))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.meta.zone).astimezone(UTC)


def month_of(day: date, back: int = 0) -> tuple[date, date]:
    """The first and the last day of the month `back` months before the day's."""
    number = day.year * 12 + day.month - 1 - back
    first = date(number // 12, number % 12 + 1, 1)
    following = number + 1
    return first, date(following // 12, following % 12 + 1, 1) - DAY


def _check_year(day: date) -> None:
    # A day at either end may belong to the next year in UTC.
    if not YEARS[0] < day.year < YEARS[-1]:
        raise ValidationError(f"Give a year from {YEARS[0] + 1} to {YEARS[-1] - 1}.")
