"""The form of a calendar feed: whose reservations it shows."""

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from remas.forms.base import Form
from remas.models import FeedKind
from remas.services.catalogue import Catalogue
from remas.services.feeds import FeedNew

NODE = f"{FeedKind.NODE}:"
KINDS = {FeedKind.OWN: "My reservations", FeedKind.GROUP: "My group's reservations"}


class FeedForm(Form):
    """One choice: one's own, the group's, or one of the nodes."""

    what = SelectField("It shows")

    def __init__(self, choices: Catalogue) -> None:
        super().__init__()
        self.what.choices = [
            *(SelectChoice(kind.value, text) for kind, text in KINDS.items()),
            *(
                SelectChoice(f"{NODE}{node.name}", f"Reservations on {node.name}")
                for node in choices.nodes
            ),
        ]

    def wish(self) -> FeedNew:
        """What is asked."""
        if self.what.data.startswith(NODE):
            return FeedNew(FeedKind.NODE, node=self.what.data.removeprefix(NODE))
        return FeedNew(FeedKind(self.what.data))
