"""What was done to one thing: the tab "History" of its page."""

from flask import render_template

from remas.admin.lists import PER_PAGE, page_number
from remas.services import audit
from remas.services.audit import AuditFilter
from remas.web import current
from remas.web.paging import Pages


def history_page(kind: str, subject_id: int, title: str, back: str) -> str:
    """The audit of one thing, latest first; `back` is the page of the thing itself."""
    wanted = AuditFilter(kind=kind, subject_id=subject_id)
    found = audit.search(current.actor(), wanted, page_number(), PER_PAGE)
    pages = Pages(found.page, found.per_page, found.total)
    return render_template("admin/history.html", found=found, pages=pages, title=title, back=back)
