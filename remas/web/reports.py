"""Reports: how much was reserved, by whom and of what; as a table, drawn, and to take along."""

import json
from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from remas import clock, report_shapes
from remas.errors import Invalid
from remas.forms.reports import ReportForm, month_of
from remas.services import reports
from remas.services.reports import Report
from remas.table import csv_text
from remas.web import current, export, report_view
from remas.web.export import Format
from remas.web.paging import Pages, page_number

blueprint = Blueprint("reports", __name__)

LINES_A_PAGE = 100
RANGES = {"This month": (0, 0), "Last month": (1, 1), "3 months": (2, 0), "12 months": (11, 0)}
"""Months back in which they begin and end."""
ASKED = ("from", "to", "by", "and", "show")


@blueprint.get("/reports")
def index() -> str | Response:
    """`?from=`, `?to=` days, `?by=` and `?and=` groupings, `?show=` a resource, `?format=`."""
    today = clock.now().astimezone(current.zone()).date()
    form = ReportForm(request.args, current.zone(), today)
    report = _report(form)
    if report and (wanted := export.wanted()):
        return _file(wanted, report)
    view = report_view.of(report, request.args.get("show", "")) if report else None
    pages = Pages(page_number(), LINES_A_PAGE, len(view.lines) if view else 0)
    return render_template(
        "reports/index.html",
        form=form,
        report=report,
        last_day=report.end - clock.MINUTE if report else None,
        view=view,
        pages=pages,
        lines=pages.cut(view.lines) if view else (),
        ranges=_ranges(form, today),
        files={one: _same(format=one.value) for one in Format},
    )


def _report(form: ReportForm) -> Report | None:
    """What was asked for; None where the form says why not."""
    if not form.validate():
        return None
    try:
        return reports.read(current.actor(), form.wish())
    except Invalid as refused:
        form.refuse(refused.errors, form.PATHS)
        return None


def _file(form: Format, report: Report) -> Response:
    shape = report_shapes.as_json(report)
    text = json.dumps(shape)
    if form is Format.CSV:
        text = csv_text(*report_shapes.sheet(shape))
    return export.saved(form, f"report by {' '.join(report.by)}", text)


def _ranges(form: ReportForm, today: date) -> list[tuple[str, str, bool]]:
    """Name, link, and whether it is the one that is shown."""
    found = []
    for name, (begins, ends) in RANGES.items():
        first, last = month_of(today, begins)[0], month_of(today, ends)[1]
        here = (form.since.data, form.until.data) == (first, last)
        link = _same(**{"from": first.isoformat(), "to": last.isoformat()})
        found.append((name, link, here))
    return found


def _same(**changed: str) -> str:
    """This report with other arguments, from its first page."""
    kept = {name: request.args[name] for name in ASKED if name in request.args}
    return url_for("reports.index", **dict[str, Any]({**kept, **changed}))
