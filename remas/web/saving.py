"""Saving a form: a refusal is told at the field, and nothing that was typed is lost."""

from collections.abc import Callable
from typing import TypeVar

from remas.errors import Busy, Conflict, InUse, Invalid, NameTaken, Stale
from remas.forms.edit import EditForm

Saved = TypeVar("Saved")


def save(form: EditForm, act: Callable[[], Saved]) -> Saved | None:
    """What `act` gives, or None where it was refused; then the form says why."""
    try:
        return act()
    except Invalid as refused:
        form.troubles += form.refuse(refused.errors, form.paths)
    except NameTaken as refused:
        form.troubles += form.refuse({refused.field: [refused.detail]}, form.paths)
    except (Conflict, Busy, Stale) as refused:
        form.troubles.append(refused.detail)
        form.stale = isinstance(refused, Stale)
        form.things = refused.things if isinstance(refused, InUse) else []
    return None
