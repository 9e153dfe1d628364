"""Forms of the administration: on something that others may change at the same moment."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from json import dumps
from typing import Any, ClassVar

from wtforms import HiddenField

from remas.errors import Stale
from remas.forms.base import Form
from remas.services.precondition import Seen

Facts = Mapping[str, Any]


class EditForm(Form):
    """Remembers in a hidden field what was there when it was opened.

    `paths` maps the paths of a service's refusal to names of fields; `troubles` are refusals that
    concern no field; `stale`: somebody else was faster.
    """

    paths: ClassVar[Mapping[str, str]] = {}
    seen = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.troubles: list[str] = []
        self.things: list[str] = []  # what hangs on it, where that is why it was refused
        self.stale = False

    def mark(self, facts: Facts) -> None:
        """From now on the form is about `facts`: what it overwrites has been seen."""
        self.seen.data = _fingerprint(facts)

    def if_seen(self, facts_of: Callable[[Any], Facts]) -> Seen:
        """Raises `Stale` where what is stored is not what the form was opened on."""

        def seen(row: Any) -> None:
            if row is None or _fingerprint(facts_of(row)) != self.seen.data:
                raise Stale(
                    "Somebody changed it since you opened this page. Look at what it is now; "
                    "saving again overwrites it with what is written here."
                )

        return seen


class Sure(EditForm):
    """Nothing but the question whether to go on."""


def _fingerprint(facts: Facts) -> str:
    return sha256(dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
