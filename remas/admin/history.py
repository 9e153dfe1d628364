"""What was done to one thing: the tab "History" of its page."""

from collections.abc import Sequence

from flask import render_template

from remas.admin.lists import PER_PAGE, page_number
from remas.models import Audit
from remas.services import audit, audit_words
from remas.services.audit import AuditFilter
from remas.web import current
from remas.web.paging import Pages

Tab = tuple[str, str, bool]
"""Address, text, whether it is this page."""


def history_page(
    kind: str, subject_id: int, title: str, back: str, tabs: Sequence[Tab] = ()
) -> str:
    """The audit of one thing, latest first; `back` is the page of the thing itself.

    `tabs` where the thing has more of them than its page and this one.
    """
    wanted = AuditFilter(kind=kind, subject_id=subject_id)
    found = audit.search(current.actor(), wanted, page_number(), PER_PAGE)
    pages = Pages(found.page, found.per_page, found.total)
    return render_template(
        "admin/history.html",
        entries=audit_words.readable(found.items),
        pages=pages,
        title=title,
        back=back,
        tabs=tabs,
    )


def last_change(kind: str, subject_id: int) -> Audit | None:
    """Who changed it last, for somebody whose form has become stale."""
    wanted = AuditFilter(kind=kind, subject_id=subject_id)
    found = audit.search(current.actor(), wanted, per_page=1)
    return found.items[0] if found.items else None
