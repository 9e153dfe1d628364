"""Two weeks by node as a table: what the timeline draws, for everybody to read."""

from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, request

from remas import clock
from remas.services import catalogue
from remas.services.timetable import timetable
from remas.web import current, load
from remas.web.paging import Pages, page_number

blueprint = Blueprint("calendar", __name__)

DAYS = 14
NODES_A_PAGE = 30
FARTHEST = timedelta(days=3650)  # to either side; beyond is no calendar


@blueprint.get("/table")
def index() -> str:
    """Nodes against days; `?from=` a day, `?node=` one node."""
    now = clock.now()
    today = now.astimezone(current.zone()).date()
    first = _first_day(today)
    choices = catalogue.read()
    wanted = request.args.get("node", "")
    names = [node.name for node in choices.nodes if wanted in ("", node.name)]
    pages = Pages(page_number(), NODES_A_PAGE, len(names))
    days = load.days_from(first, DAYS, current.zone(), now)
    colours = load.hues(resource.name for resource in choices.resources)
    rows: tuple[load.Row, ...] = ()
    if shown := pages.cut(names):
        table = timetable(current.actor(), days[0].start, days[-1].end, shown)
        # A resource with capacity 0 everywhere is no choice, but nodes still list it.
        listed = {resource for node in table.nodes for resource, _ in node.capacities}
        colours |= dict.fromkeys(sorted(listed - colours.keys()), 0)
        rows = load.rows(table, days, colours)
    return render_template(
        "calendar/index.html",
        rows=rows,
        days=days,
        colours=colours,
        units=choices.units,
        choices=choices,
        wanted=wanted,
        pages=pages,
        today=today,
        first=first,
        earlier=first - timedelta(days=DAYS),
        later=first + timedelta(days=DAYS),
        strip=load.STRIP,
        step=load.STRIP + load.GAP,
    )


def _first_day(today: date) -> date:
    """The day asked for; what is no day, or too far off, is today."""
    try:
        asked = datetime.strptime(request.args.get("from", ""), "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        return today
    return asked if abs(asked - today) <= FARTHEST else today
