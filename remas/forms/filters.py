"""Filters above lists: sent with GET, so they can be kept as a link; nothing is changed by them."""

from typing import Any

from flask import request
from wtforms import SearchField
from wtforms.validators import Length

from remas.forms.base import Form
from remas.services.fields import LONGEST_NAME


class Filter(Form):
    """What is looked for; what cannot be understood is left out of the search and says so."""

    class Meta(Form.Meta):
        csrf = False

    q = SearchField("Search", [Length(max=LONGEST_NAME)])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formdata=request.args, **kwargs)
        self.validate()

    def asked(self, name: str) -> Any:
        """The value of a field, or None where nothing, or nothing that can be taken, was given."""
        field = self[name]
        return None if field.errors else field.data or None

    @property
    def narrows(self) -> bool:
        """Whether anything is asked for."""
        return any(self.asked(name) for name in self.data)
