"""Who changed what, when; for administrators."""

from flask import Response

from remas.api import answers, queries, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import RECORD, Who, describe
from remas.services import audit


@bp.get("/audit")
@describe(RECORD, answers.AuditList, who=Who.ADMINS, cached=True)
def list_audit(query: queries.AuditEntries, headers: queries.IfNoneMatch) -> Response:
    """Changes, latest first."""
    wanted = audit.AuditFilter(
        actor=query.actor,
        action=query.action,
        kind=query.kind,
        subject=query.subject,
        subject_id=query.subject_id,
        since=query.since,
        until=query.until,
    )
    found = audit.search(actor(), wanted, query.page, query.per_page)
    return shown(shapes.listing(found, shapes.audit))
