"""Saving a form: a refusal is told at the field, and nothing that was typed is lost."""

from collections.abc import Callable
from typing import TypeVar

from remas.errors import Busy, Conflict, Invalid, NameTaken, Stale
from remas.forms.edit import EditForm
from remas.models import Audit
from remas.services import audit
from remas.services.audit import AuditFilter
from remas.web import current

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
    return None


def last_change(kind: str, subject_id: int) -> Audit | None:
    """Who changed it last, for somebody whose form has become stale."""
    wanted = AuditFilter(kind=kind, subject_id=subject_id)
    found = audit.search(current.actor(), wanted, per_page=1)
    return found.items[0] if found.items else None
