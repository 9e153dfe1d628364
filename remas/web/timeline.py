"""The start page: a row a node, with its load and who holds what; bars move where they fit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.assets import asset_url
from remas.errors import DomainError, Forbidden, Invalid, NoRoom, NotFound
from remas.forms.offer import read_offer, write_offer
from remas.models import Reservation, Status
from remas.services import booking, catalogue, reservations, timeline
from remas.services.catalogue import Catalogue
from remas.services.requests import AllocationSpec, ChangeRequest
from remas.services.timetable import timetable
from remas.web import current, load, timeline_rows, timeline_view
from remas.web.format import span_text
from remas.web.paging import Pages
from remas.web.timeline_rows import Scale, Shown, TimelineRow
from remas.web.timeline_view import View

blueprint = Blueprint("timeline", __name__)

ID = "<int(max=2147483647):reservation_id>"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FARTHEST_MINUTE = 10**8  # some two centuries
Answer = Response | tuple[Response, int]


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one page of nodes."""

    rows: tuple[TimelineRow, ...]
    pages: Pages
    last: str  # the name of the last node of the next page; "" on the last


@blueprint.get("/")
def index() -> Response:
    """The timeline; the arguments are those of `View`."""
    now, choices = clock.now(), catalogue.read()
    view, tag = _view(choices, now), _tag()
    days = view.days(now)
    scale = Scale(days[0].start, days[-1].end)
    colours = _colours(choices)
    page = render_template(
        "timeline/index.html",
        view=view,
        names=timeline_view.NAMES,
        days=days,
        scale=scale,
        ticks=timeline_view.ticks(days, view.zone, view.span),
        colours=colours,
        choices=choices,
        groups=timeline.group_names(),
        part=_part(view, choices, scale, colours),
        tag=tag,
        now=scale.at(now) if days[0].start <= now < days[-1].end else None,
        origin=(scale.start - EPOCH) // load.MINUTE,
        card_url=url_for(".card", reservation_id=0)[:-1],
    )
    return make_response(page)


@blueprint.get("/timeline/rows")
def rows() -> Response:
    """The rows alone, for a page that is open: 304 as long as nothing was changed anywhere."""
    tag = _tag()
    if request.if_none_match.contains_weak(tag):
        answer = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        now, choices = clock.now(), catalogue.read()
        view = _view(choices, now)
        days = view.days(now)
        scale, colours = Scale(days[0].start, days[-1].end), _colours(choices)
        answer = make_response(
            render_template(
                "timeline/_part.html",
                view=view,
                scale=scale,
                part=_part(view, choices, scale, colours),
            )
        )
    answer.set_etag(tag, weak=True)
    return answer


@blueprint.get(f"/timeline/reservations/{ID}")
def card(reservation_id: int) -> str:
    """What a bar stands for: who holds what, and how to reach them."""
    actor = current.actor()
    reservation = reservations.get(actor, reservation_id)
    return render_template(
        "timeline/_card.html",
        reservation=reservation,
        hidden=reservations.hides_details(actor, reservation),
        status=reservation.status(clock.now()),
        movable=actor.may_act_for(reservation.owner_id),
        units={a.resource.name: a.resource.unit for a in reservation.allocations},
    )


@blueprint.post(f"/timeline/reservations/{ID}")
def move(reservation_id: int) -> Answer:
    """Another time, or another node: JSON with `done` and `text`, if refused with `panel`.

    The body: `begin` and `end` in minutes since 1970, `version`, and `from`/`to` for nodes; or
    `take` with an offer of a refusal. A refusal is an answer like another: it comes with 200.
    """
    given = request.get_json(silent=True)
    try:
        if not isinstance(given, dict):
            raise Invalid.field("body", "This cannot be read. Reload the page.")
        before = reservations.get(current.actor(), reservation_id)
        old = before.starts_at, before.ends_at
        changed = booking.change(current.actor(), reservation_id, _wish(given, before))
    except NoRoom as refused:
        panel = _panel(refused, reservation_id)
        return jsonify(done=False, text=f"{refused.title}.", panel=panel)
    except (Forbidden, NotFound) as refused:
        status = HTTPStatus.FORBIDDEN if isinstance(refused, Forbidden) else HTTPStatus.NOT_FOUND
        return jsonify(done=False, text=refused.detail), status
    except Invalid as refused:
        texts = dict.fromkeys(text for each in refused.errors.values() for text in each)
        return jsonify(done=False, text=" ".join(texts))
    except DomainError as refused:
        return jsonify(done=False, text=refused.detail)
    when = span_text(changed.starts_at, changed.ends_at)
    text = f"{changed.name} is now {when}."
    back = [(moment - EPOCH) // load.MINUTE for moment in old]
    return jsonify(done=True, text=text, back=back, version=changed.version)


def _view(choices: Catalogue, now: datetime) -> View:
    zone = current.zone()
    return timeline_view.read(request.args, now.astimezone(zone).date(), zone, choices)


def _tag() -> str:
    """What the rows depend on beside the address: who looks, the day, and the last change."""
    actor, zone = current.actor(), current.zone()
    today = clock.now().astimezone(zone).date()
    parts = (
        timeline.state(),
        actor.id,
        actor.is_admin,
        zone.key,
        today,
        asset_url("app.css"),
    )
    return sha256(repr(parts).encode()).hexdigest()[:20]


def _colours(choices: Catalogue) -> dict[str, int]:
    return load.hues(resource.name for resource in choices.resources)


def _part(view: View, choices: Catalogue, scale: Scale, colours: dict[str, int]) -> Part:
    """The rows of the view's page of nodes."""
    owners = _owners(view)
    names = [node.name for node in view.nodes(choices)]
    if owners is not None:
        used = timeline.nodes_of(owners, scale.start, scale.end)
        names = [name for name in names if name in used]
    pages = Pages(view.page, timeline_view.NODES_A_PAGE, len(names))
    shown = pages.cut(names)
    if not shown:
        return Part((), pages, "")
    table = timetable(current.actor(), scale.start, scale.end, shown, free=False)
    # A resource with capacity 0 everywhere is no choice, but nodes still list it.
    listed = {resource for node in table.nodes for resource, _ in node.capacities}
    colours = colours | dict.fromkeys(sorted(listed - colours.keys()), 0)
    link = url_for("reservations.show", reservation_id=0)[:-1]
    shape = Shown(current.actor(), link, owners, view.resource)
    found = timeline_rows.rows(table, colours, shape)
    following = names[: (view.page + 1) * timeline_view.NODES_A_PAGE]
    return Part(found, pages, following[-1] if pages.has_next else "")


def _owners(view: View) -> Collection[int] | None:
    """Ids of those whose bars are shown; None: everybody's."""
    owners = timeline.members_below(view.group) if view.group else None
    if not view.mine:
        return owners
    own = {current.actor().id or 0}
    return own if owners is None else owners & own


def _wish(given: dict[str, Any], reservation: Reservation) -> ChangeRequest:
    version = given.get("version") if type(given.get("version")) is int else None
    if "take" in given:
        try:
            placed = read_offer(str(given["take"]))
        except ValueError as broken:
            raise Invalid.field("take", str(broken)) from None
        return ChangeRequest(
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            allocations=placed.allocations,
            version=version,
        )
    begin, end = _moment(given.get("begin")), _moment(given.get("end"))
    running = reservation.status(clock.now()) is not Status.SCHEDULED
    return ChangeRequest(
        starts_at=None if running and begin == reservation.starts_at else begin,
        ends_at=end,
        allocations=_on_another_node(given, reservation),
        version=version,
    )


def _moment(minutes: object) -> datetime:
    if type(minutes) is not int or abs(minutes) > FARTHEST_MINUTE:
        raise Invalid.field("begin", "This is no time.")
    return EPOCH + timedelta(minutes=minutes)


def _on_another_node(
    given: dict[str, Any], reservation: Reservation
) -> tuple[AllocationSpec, ...] | None:
    """What is held with one node in place of another; None where the nodes stay."""
    source, target = given.get("from"), given.get("to")
    if not source or not target or source == target:
        return None
    held = reservation.allocations
    if any(a.node.name == target for a in held):
        raise Invalid.field("to", f"The reservation already holds something on {target}.")
    return tuple(
        AllocationSpec(
            str(target) if a.node.name == source else a.node.name, a.resource.name, a.amount
        )
        for a in held
    )


def _panel(refused: NoRoom, reservation_id: int) -> str:
    """Why it does not fit, and where it would."""
    return render_template(
        "timeline/_refused.html",
        refused=refused,
        reservation_id=reservation_id,
        units=catalogue.read().units,
        write_offer=write_offer,
    )
