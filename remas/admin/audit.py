"""Who changed what, when, from where: all of it, to be searched and taken along."""

import json
from collections.abc import Mapping
from typing import Any

from flask import render_template
from werkzeug.wrappers import Response

from remas.admin.blueprint import bp
from remas.admin.lists import PER_PAGE, Listing, page_number
from remas.forms.audit import AuditSearch
from remas.services import audit, audit_words
from remas.services.audit_words import Entry
from remas.web import current, export
from remas.web.export import Format

TAKEN = (*("at", "actor", "address", "action", "kind", "subject_id", "subject", "before", "after"),)
MOST_TAKEN = 100_000  # entries in one file; the page says so


@bp.get("/audit")
def audit_list() -> str | Response:
    """The record, latest first."""
    actor, form = current.actor(), AuditSearch(zone=current.zone())
    if kind := export.wanted():
        every = audit.search(actor, form.wanted(), per_page=MOST_TAKEN)
        entries = audit_words.readable(every.items)
        return export.answer(kind, "audit", TAKEN, (_row(entry, kind) for entry in entries))
    found = audit.search(actor, form.wanted(), page_number(), PER_PAGE)
    return render_template(
        "admin/audit/list.html",
        entries=audit_words.readable(found.items),
        listing=Listing((), found, "", exportable=True),
        form=form,
        most_taken=MOST_TAKEN,
    )


def _row(entry: Entry, form: Format) -> tuple[Any, ...]:
    known = (getattr(entry, name) for name in TAKEN[:-2])
    return (*known, *(_facts(facts, form) for facts in (entry.before, entry.after)))


def _facts(facts: Mapping[str, Any] | None, form: Format) -> Any:
    """In a cell as JSON in a text, in JSON as it is."""
    if facts is None:
        return None
    plain = json.loads(json.dumps(facts, default=str))
    return plain if form is Format.JSON else json.dumps(plain, ensure_ascii=False)
