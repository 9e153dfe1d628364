"""Everybody's reservations and tags, to be found; they are changed where their owners do it."""

from flask import render_template
from werkzeug.wrappers import Response

from remas import clock
from remas.admin.blueprint import bp
from remas.admin.contradicting import COLUMNS as CONTRADICTION_COLUMNS
from remas.admin.contradicting import row_of as contradiction_row
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, asked_sort, page_number
from remas.forms.reservation_filter import ReservationFilterForm, TagFilterForm
from remas.models import Reservation
from remas.services import contradictions, names, reservations, tags
from remas.services.paging import Page
from remas.services.reservations import ReservationFilter
from remas.web import current, export

RESERVATIONS = (
    Column("Name", "name"),
    Column("Owner", "owner"),
    Column("Starts", "starts"),
    Column("Ends", "ends"),
    Column("Holds"),
    Column("Actions"),
)
EXPORTED = (
    "id",
    "name",
    "owner",
    "status",
    "starts_at",
    "ends_at",
    "allocations",
    "tags",
    "description",
)
TAGS = (
    Column("Owner", "owner"),
    Column("Tag", "name"),
    Column("Used on", number=True),
    Column("Description"),
)
CONTRADICTIONS = (
    Column("Reservation"),
    Column("Owner"),
    Column("When"),
    Column("Stands against"),
    Column("Since"),
)


@bp.get("/reservations")
def reservation_list() -> str | Response:
    """All reservations of all people."""
    form = ReservationFilterForm(zone=current.zone())
    sort = asked_sort(RESERVATIONS, "-starts")
    wanted = ReservationFilter(
        owner=form.asked("owner"),
        node=form.asked("node"),
        status=form.asked_status,
        ends_after=form.asked("since"),
        starts_before=form.asked("until"),
        text=form.asked("q"),
    )
    actor, now = current.actor(), clock.now()
    if kind := export.wanted():
        rows = reservations.search_all(actor, wanted, sort, 1, ALL).items
        return export.answer(kind, "reservations", EXPORTED, [row_of(row) for row in rows])
    found = reservations.search_all(actor, wanted, sort, page_number(), PER_PAGE)
    return render_template(
        "admin/reservations/list.html",
        listing=Listing(RESERVATIONS, found, sort, exportable=True),
        form=form,
        now=now,
        usernames=names.usernames(actor),
        node_names=names.node_names(retired=True),
    )


def row_of(row: Reservation) -> tuple[object, ...]:
    """A reservation as a line of a table with `EXPORTED`."""
    held = [f"{a.node.name}: {a.amount} {a.resource.name}" for a in row.allocations]
    return (
        row.id,
        row.name,
        row.owner.username,
        row.status(clock.now()),
        row.starts_at,
        row.ends_at,
        held,
        [tag.name for tag in row.tags],
        row.description,
    )


@bp.get("/tags")
def tag_list() -> str | Response:
    """Everybody's tags, by owner."""
    form, sort = TagFilterForm(), asked_sort(TAGS, "owner")
    kind = export.wanted()
    found = tags.search_all(
        current.actor(),
        form.asked("owner"),
        form.asked("q"),
        sort,
        1 if kind else page_number(),
        ALL if kind else PER_PAGE,
    )
    used = tags.uses(found.items)
    if kind:
        columns = ("owner", "name", "reservations", "description")
        rows = ((t.user.username, t.name, used[t.id], t.description) for t in found.items)
        return export.answer(kind, "tags", columns, rows)
    return render_template(
        "admin/tags/list.html",
        listing=Listing(TAGS, found, sort, exportable=True),
        form=form,
        used=used,
        usernames=names.usernames(current.actor()),
    )


@bp.get("/contradictions")
def contradiction_list() -> str | Response:
    """What stands against capacities, limits or maintenance as they are now."""
    effect = contradictions.at_present(current.actor())
    if kind := export.wanted():
        rows = map(contradiction_row, effect.found)
        return export.answer(kind, "contradictions", CONTRADICTION_COLUMNS, rows)
    found = Page.cut(effect.found, page_number(), PER_PAGE)
    listing = Listing(CONTRADICTIONS, found, "", exportable=True)
    return render_template("admin/contradictions.html", effect=effect, listing=listing)
