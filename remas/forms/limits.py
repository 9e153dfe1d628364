"""Limits: whom they bind, what they bound, where, and how much it is."""

from collections.abc import Sequence
from typing import Any

from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from remas.forms.edit import EditForm
from remas.forms.fields import ChecksField, ResourceField
from remas.forms.filters import Filter
from remas.models import Limit, Scope
from remas.services import resources
from remas.services.fields import LONGEST_NAME, LONGEST_TEXT
from remas.services.limit_wishes import LimitChange, LimitNew
from remas.units import format_amount, parse_amount

SCOPES = {
    Scope.EACH_NODE: "On each node: 4 means up to 4 on n1, and besides up to 4 on n2",
    Scope.TOTAL: "In total over the nodes: 4 means 4 on n1, or 2 on n1 and 2 on n2",
}
PERSON, GROUP = "user", "group"


class LimitForm(EditForm):
    """The amount is read once it is known in which unit the resource is counted."""

    name = StringField(
        "Name",
        [DataRequired("Write a name."), Length(max=LONGEST_NAME)],
        description="People who reach it are told this name.",
        render_kw={"autocomplete": "off"},
    )
    whom = RadioField(
        "Whom it binds",
        choices=[
            SelectChoice(value=PERSON, label="One user"),
            SelectChoice(value=GROUP, label="Each member of a group separately"),
        ],
        default=GROUP,
    )
    user = StringField(
        "User",
        [Optional(), Length(max=LONGEST_NAME)],
        filters=[lambda text: text and text.strip()],
        render_kw={"autocomplete": "off", "list": "usernames", "spellcheck": "false"},
    )
    group = StringField(
        "Group",
        [Optional(), Length(max=LONGEST_NAME)],
        filters=[lambda text: text and text.strip()],
        description="And of all groups below it, unless a nearer limit counts there.",
        render_kw={"autocomplete": "off", "list": "group-names", "spellcheck": "false"},
    )
    resource = ResourceField(
        "Resource",
        [InputRequired("Name a resource.")],
        render_kw={"autocomplete": "off", "list": "resource-names", "spellcheck": "false"},
    )
    amount = StringField(
        "At most",
        [InputRequired("Write an amount; 0 allows nothing at all.")],
        description="Such as 8, or 1.5 TiB for a resource in bytes. 0: nothing at all.",
        render_kw={"autocomplete": "off"},
    )
    scope = RadioField(
        "How it counts",
        choices=[SelectChoice(value=scope.value, label=text) for scope, text in SCOPES.items()],
        default=Scope.EACH_NODE.value,
    )
    nodes = ChecksField("Only on these nodes", [Optional()], choices=[])
    description = TextAreaField("Description", [Length(max=LONGEST_TEXT)], render_kw={"rows": 3})

    units = 0

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        chosen = self.user if self.whom.data == PERSON else self.group
        if not self.whom.errors and not chosen.data and not chosen.errors:
            self.refuse({chosen.name: [f"Name the {chosen.name}."]}, {})
            good = False
        if self.resource.data and self.amount.data and not self.amount.errors:
            try:
                unit = resources.get(self.resource.data).unit
                self.units = parse_amount(self.amount.data, unit)
            except ValueError as wrong:
                self.refuse({"amount": [str(wrong)]}, {})
                good = False
        return good

    def wish(self) -> LimitNew:
        """The limit to be made."""
        person = self.whom.data == PERSON
        return LimitNew(
            name=self.name.data or "",
            resource=self["resource"].data,
            amount=self.units,
            user=self.user.data if person else None,
            group=None if person else self.group.data,
            nodes=tuple(self.nodes.data or ()),
            scope=Scope(self.scope.data),
            description=self.description.data,
        )

    def change(self) -> LimitChange:
        """What it is to become."""
        wish = self.wish()
        return LimitChange(
            name=wish.name,
            resource=wish.resource,
            amount=wish.amount,
            user=wish.user,
            group=wish.group,
            nodes=wish.nodes,
            scope=wish.scope,
            description=wish.description or "",
        )


def limit_form(nodes: Sequence[str]) -> type[LimitForm]:
    """The form with a box for each of these nodes."""
    boxes = ChecksField("Only on these nodes", [Optional()], choices=list(nodes))
    return type("ClusterLimitForm", (LimitForm,), {"nodes": boxes})


def stored(limit: Limit) -> dict[str, Any]:
    """What the fields show before anything is written into them."""
    return {
        "name": limit.name,
        "whom": PERSON if limit.user else GROUP,
        "user": limit.user.username if limit.user else None,
        "group": limit.group.name if limit.group else None,
        "resource": limit.resource.name,
        "amount": format_amount(limit.amount, limit.resource.unit),
        "scope": limit.scope.value,
        "nodes": [node.name for node in limit.nodes],
        "description": limit.description,
    }


class LimitFilterForm(Filter):
    user = StringField("User", [Length(max=LONGEST_NAME)], render_kw={"list": "usernames"})
    group = StringField("Group", [Length(max=LONGEST_NAME)], render_kw={"list": "group-names"})
    resource = ResourceField("Resource", render_kw={"list": "resource-names"})
    node = StringField("Node", [Length(max=LONGEST_NAME)], render_kw={"list": "node-names"})
