"""What is looked for in the record of changes."""

from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import Length, NumberRange, Optional

from remas.forms.fields import MomentField
from remas.forms.filters import Filter
from remas.forms.users import choices
from remas.services.audit import AuditFilter
from remas.services.audit_words import ACTIONS, KINDS
from remas.services.fields import LONGEST_NAME

LARGEST_NUMBER = 2**31 - 1


class AuditSearch(Filter):
    actor = StringField("By", [Length(max=LONGEST_NAME)], render_kw={"autocomplete": "off"})
    action = SelectField("Done", choices=choices(ACTIONS, "Anything done"), default="")
    kind = SelectField("To", choices=choices(KINDS, "To anything"), default="")
    number = IntegerField("Number", [Optional(), NumberRange(0, LARGEST_NUMBER)])
    since = MomentField("From")
    until = MomentField("To", late=True)

    def wanted(self) -> AuditFilter:
        """What is looked for; `[since, until)`."""
        return AuditFilter(
            text=self.asked("q"),
            actor=(self.asked("actor") or "").strip() or None,
            action=self.asked("action"),
            kind=self.asked("kind"),
            subject_id=self.asked("number"),
            since=self.asked("since"),
            until=self.asked("until"),
        )
