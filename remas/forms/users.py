"""Accounts as administrators make, change and close them."""

from collections.abc import Iterable

from wtforms import (
    EmailField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    widgets,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from remas.forms.edit import EditForm
from remas.forms.filters import Filter
from remas.models import Status, User
from remas.services.deactivation import Ahead
from remas.services.fields import LONGEST_NAME
from remas.services.user_search import UserFilter
from remas.services.users import UserChange, UserNew

STATES = {
    "": "Everybody",
    "active": "Active",
    "inactive": "Deactivated",
    "administrators": "Administrators",
    "one-time": "With a one-time password",
}
KEEP, CANCEL = "keep", "cancel"


def choices(names: Iterable[str], first: str | None = None) -> list[SelectChoice]:
    """To choose one of them; `first` is what choosing nothing is called, where that is allowed."""
    nothing = [] if first is None else [SelectChoice(value="", label=first)]
    return [*nothing, *(SelectChoice(value=name, label=name) for name in names)]


class UserSearch(Filter):
    group = SelectField("Group", choices=[], default="")
    state = SelectField(
        "State",
        choices=[SelectChoice(value=key, label=text) for key, text in STATES.items()],
        default="",
    )

    def __init__(self, groups: Iterable[str]) -> None:
        super().__init__()
        self.group.choices = choices(groups, "All groups")
        self.validate()

    def wanted(self) -> UserFilter:
        """What is looked for; a group means those below it as well."""
        state = self.asked("state")
        return UserFilter(
            text=self.asked("q"),
            group=self.asked("group"),
            subgroups=True,
            active={"active": True, "inactive": False}.get(state),
            administrators=True if state == "administrators" else None,
            one_time_password=True if state == "one-time" else None,
        )


class ReservationSearch(Filter):
    status = SelectField("Status", choices=choices(Status, "All"), default="")


class UserForm(EditForm):
    name = StringField("Name", [Length(max=LONGEST_NAME)], render_kw={"autocomplete": "off"})
    surname = StringField("Surname", [Length(max=LONGEST_NAME)], render_kw={"autocomplete": "off"})
    email = EmailField(
        "E-mail",
        [DataRequired("Write an e-mail address."), Length(max=320)],
        description="Letters go here, and others see it where this person holds what they need.",
        render_kw={"autocomplete": "off"},
    )
    uid = IntegerField(
        "UID",
        [InputRequired("Write the user id that this person has on the nodes.")],
        description="As on the nodes: monitoring knows people by it.",
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    group = SelectField("Group", choices=[])
    time_zone = StringField(
        "Time zone",
        [Length(max=100)],
        description="Empty: the cluster's.",
        render_kw={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"},
    )

    @classmethod
    def of(cls, user: User, groups: Iterable[str]) -> "UserForm":
        """Filled in with what is stored, unless the request has a form with it."""
        names = ("name", "surname", "email", "uid", "time_zone")
        form = cls(data={**{name: getattr(user, name) for name in names}, "group": user.group.name})
        form.offer(groups)
        return form

    def offer(self, groups: Iterable[str]) -> None:
        """The groups to choose from."""
        self.group.choices = choices(groups)

    def change(self) -> UserChange:
        """What it is to become."""
        return UserChange(
            name=self.name.data or "",
            surname=self.surname.data or "",
            email=self.email.data,
            uid=self.uid.data,
            group=self.group.data,
            time_zone=(self.time_zone.data or "").strip(),
        )


class UserNewForm(UserForm):
    username = StringField(
        "Username",
        [DataRequired("Write a username."), Length(max=LONGEST_NAME)],
        description="As on the nodes. It cannot be changed later.",
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )

    def wish(self) -> UserNew:
        """What is to be made."""
        return UserNew(
            username=self.username.data,
            email=self.email.data,
            uid=self.uid.data,
            name=self.name.data or None,
            surname=self.surname.data or None,
            group=self.group.data,
            time_zone=(self.time_zone.data or "").strip() or None,
        )


class CloseForm(EditForm):
    """Whether what is still to come of somebody goes with the account."""

    coming = RadioField(
        "What is reserved and has not begun",
        [Optional()],
        choices=choices((KEEP, CANCEL)),
        default=KEEP,
    )

    def about(self, ahead: Ahead) -> None:
        """Say of how many reservations it decides."""
        number = ahead.scheduled
        what = "1 reservation" if number == 1 else f"{number} reservations"
        self.coming.choices = [
            SelectChoice(value=KEEP, label=f"Keep: {what} to come, and nobody else gets the room"),
            SelectChoice(value=CANCEL, label=f"Cancel {what} to come, and free the room"),
        ]

    @property
    def cancels(self) -> bool:
        """Whether they are to go."""
        return self.coming.data == CANCEL


class PickForm(EditForm):
    """Some of the people who were found, to be moved into a group."""

    usernames = SelectMultipleField(
        "People",
        [DataRequired("Choose somebody.")],
        choices=[],
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )

    def among(self, users: Iterable[User]) -> None:
        """Who can be chosen."""
        self.usernames.choices = [
            SelectChoice(value=user.username, label=_known_as(user)) for user in users
        ]


def _known_as(user: User) -> str:
    full = "" if user.full_name == user.username else f", {user.full_name}"
    return f"{user.username}{full} (now in {user.group.name})"
