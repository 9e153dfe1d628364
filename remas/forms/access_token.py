"""The form of an access token for one's own programs."""

from datetime import datetime, timedelta

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from remas.forms.base import Form
from remas.models import TokenScope
from remas.services.access_tokens import LONGEST, TokenNew
from remas.services.fields import LONGEST_NAME

SCOPES = {
    TokenScope.READ: "Read: look, and search for offers",
    TokenScope.WRITE: "Write: do what you may do",
}
LIFETIMES = {7: "A week", 30: "30 days", 90: "90 days", 180: "Half a year", LONGEST.days: "A year"}


class AccessTokenForm(Form):
    name = StringField(
        "Name",
        [DataRequired("Write what the token is for."), Length(max=LONGEST_NAME)],
        description="What it is for, and where: you revoke it by this name.",
        render_kw={"autocomplete": "off"},
    )
    scope = SelectField(
        "It may",
        choices=[SelectChoice(value=scope.value, label=text) for scope, text in SCOPES.items()],
    )
    days = SelectField(
        "It expires after",
        coerce=int,
        choices=[SelectChoice(value=days, label=text) for days, text in LIFETIMES.items()],
        default=90,
    )

    def wish(self, now: datetime) -> TokenNew:
        """What is asked, counted from `now`."""
        expires_at = now + timedelta(days=self.days.data)
        return TokenNew(self.name.data, TokenScope(self.scope.data), expires_at)
