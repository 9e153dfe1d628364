"""How much was reserved: by person, group, node, resource and month."""

from flask import Response

from remas import report_shapes
from remas.api import queries, report_bodies
from remas.api.blueprint import actor, bp
from remas.api.etags import shown
from remas.api.spec import BOOKING, describe
from remas.services import reports


@bp.get("/reports")
@describe(BOOKING, report_bodies.ReportAnswer, cached=True, sheet=report_shapes.sheet)
def get_report(query: report_bodies.ReportRange, headers: queries.IfNoneMatch) -> Response:
    """Node hours and resource hours reserved in a time of at most ten years.

    Also as CSV. People whose groups do not share statistics are one row, save to administrators.
    """
    return shown(report_shapes.as_json(reports.read(actor(), query.wish())))
