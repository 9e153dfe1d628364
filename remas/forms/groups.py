"""Groups: their names, where they are in the tree, whether what their people do is seen."""

from collections.abc import Iterable

from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from remas.forms.edit import EditForm
from remas.forms.filters import Filter
from remas.forms.users import choices
from remas.models import Group
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.groups import GroupChange, GroupNew

AT_THE_TOP = "None: at the top"


class GroupForm(EditForm):
    name = StringField(
        "Name",
        [DataRequired("Write a name."), Length(max=LONGEST_NAME)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    description = TextAreaField("Description", [Length(max=LONGEST_TEXT)], render_kw={"rows": 3})
    parent = SelectField(
        "Below",
        choices=[],
        default="",
        description="Limits of the groups above bind its members as well.",
    )
    users_share_statistics = BooleanField(
        "Others see what its members reserve for",
        default=True,
        description="Without it they see who, when and how much, and not what for.",
    )

    @classmethod
    def of(cls, group: Group, parents: Iterable[str], *, stays: bool) -> "GroupForm":
        """Filled in with what is stored, unless the request has a form with it.

        `stays`: it cannot be put elsewhere.
        """
        stored = {
            "name": group.name,
            "description": group.description,
            "parent": group.parent.name if group.parent else "",
            "users_share_statistics": group.users_share_statistics,
        }
        form = cls(data=stored)
        form.offer(parents)
        if stays:
            del form.parent
        return form

    def offer(self, parents: Iterable[str]) -> None:
        """The groups below which it can be put."""
        self.parent.choices = choices(parents, AT_THE_TOP)

    def wish(self) -> GroupNew:
        """What is to be made."""
        return GroupNew(
            name=self.name.data,
            description=self.description.data or None,
            parent=self.parent.data or None,
            users_share_statistics=self.users_share_statistics.data,
        )

    def change(self) -> GroupChange:
        """What it is to become."""
        return GroupChange(
            name=self.name.data,
            description=self.description.data or "",
            parent=(self.parent.data or "") if self.parent else None,
            users_share_statistics=self.users_share_statistics.data,
        )


class MemberSearch(Filter):
    """Whom to find among the members, and (`who`) among those who could come."""

    who = StringField("Username, name or e-mail", [Length(max=LONGEST_NAME)])
