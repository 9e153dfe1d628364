"""The calendar by month, week, day or as a list; its events come as JSON."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from remas.errors import Invalid
from remas.services import agenda, catalogue
from remas.services.agenda import Entry, Whose
from remas.units import format_amount
from remas.web import current

blueprint = Blueprint("agenda", __name__, url_prefix="/calendar")

VIEWS = ("month", "week", "day", "list")


@blueprint.get("")
def page() -> str:
    """The calendar: `?whose=mine|group|node`, `?node=`, `?view=`, `?on=` a day."""
    choices = catalogue.read()
    node = choices.node(request.args.get("node", ""))
    whose = _whose() or Whose.MINE
    if whose is Whose.NODE and node is None:
        node = choices.nodes[0] if choices.nodes else None
        whose = Whose.NODE if node else Whose.MINE
    view = request.args.get("view", "")
    return render_template(
        "agenda/page.html",
        choices=choices,
        whose=whose,
        node=node.name if node and whose is Whose.NODE else "",
        view=view if view in VIEWS else "",
        on=_day(request.args.get("on", "")),
    )


@blueprint.get("/events")
def events() -> Response | tuple[Response, int]:
    """What overlaps `[start, end)` (ISO 8601 with offset); 304 where it is known already."""
    whose = _whose()
    try:
        start, end = _moment("start"), _moment("end")
        if whose is None:
            raise Invalid.field("whose", f"Choose one of {', '.join(Whose)}.")
        found = agenda.read(current.actor(), start, end, whose, request.args.get("node"))
    except Invalid as refused:
        return _json({"errors": refused.errors}), 422
    units = found.units

    def what(entry: Entry) -> str:
        nodes: dict[str, list[str]] = {}
        for spec in entry.allocations:
            text = f"{format_amount(spec.amount, units[spec.resource])} {spec.resource}"
            nodes.setdefault(spec.node, []).append(text)
        return "; ".join(f"{node}: {', '.join(held)}" for node, held in nodes.items())

    answer = _json([_event(entry, what(entry)) for entry in found.entries])
    answer.set_etag(sha256(answer.get_data()).hexdigest()[:32])
    answer.cache_control.private = True
    answer.cache_control.no_cache = True
    answer.make_conditional(request)
    return answer


def _event(entry: Entry, what: str) -> dict[str, Any]:
    """As FullCalendar reads it, and what the card beside it tells."""
    return {
        "id": str(entry.id),
        "title": entry.name or f"Reservation {entry.id}",
        "start": entry.starts_at.isoformat(),
        "end": entry.ends_at.isoformat(),
        "url": url_for("reservations.show", reservation_id=entry.id),
        "startEditable": entry.starts_movable,
        "durationEditable": entry.ends_movable,
        "status": entry.status.value,
        "mine": entry.mine,
        "owner": entry.owner,
        "what": what,
        "move": url_for("moving.move", reservation_id=entry.id) if entry.ends_movable else None,
    }


def _json(body: Any) -> Response:
    return Response(json.dumps(body), mimetype="application/json")


def _whose() -> Whose | None:
    try:
        return Whose(request.args.get("whose", Whose.MINE))
    except ValueError:
        return None


def _moment(name: str) -> datetime:
    """Raises `Invalid`."""
    try:
        moment = datetime.fromisoformat(request.args.get(name, "").replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid.field(name, "Write a moment with an offset, such as 2026-11-23T00:00+01:00.")
    return moment


def _day(text: str) -> str:
    """The day, if it is one."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return ""
