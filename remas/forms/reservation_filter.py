"""What administrators look for among everybody's reservations and tags."""

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional

from remas.forms.fields import MomentField
from remas.forms.filters import Filter
from remas.models import Status
from remas.services.fields import LONGEST_NAME


class ReservationFilterForm(Filter):
    """`[from, to)` bounds what is looked at: what lies in it, or reaches into it."""

    owner = StringField("Owner", [Length(max=LONGEST_NAME)], render_kw={"list": "usernames"})
    node = StringField("Node", [Length(max=LONGEST_NAME)], render_kw={"list": "node-names"})
    status = SelectField(
        "Status",
        choices=[
            SelectChoice(value="", label="Any status"),
            *(SelectChoice(value=status.value, label=status.value) for status in Status),
        ],
        default="",
    )
    since = MomentField("From", [Optional()], name="from")
    until = MomentField("To", [Optional()], name="to", late=True)

    @property
    def asked_status(self) -> Status | None:
        """The status that is looked for."""
        asked = self.asked("status")
        return Status(asked) if asked else None


class TagFilterForm(Filter):
    owner = StringField("Owner", [Length(max=LONGEST_NAME)], render_kw={"list": "usernames"})
