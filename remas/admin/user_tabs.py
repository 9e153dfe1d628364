"""What belongs to an account: its limits, reservations, sessions, tokens and history."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.admin.blueprint import bp
from remas.admin.history import Tab, history_page
from remas.admin.lists import ALL, PER_PAGE, Column, Listing, page_number
from remas.errors import NotFound
from remas.forms.users import ReservationSearch
from remas.models import Reservation, Status
from remas.services import open_sessions, reservations, standing, tokens_of_others, users
from remas.services.availability import natural_key
from remas.services.reservations import ReservationFilter
from remas.units import format_amount
from remas.web import current, export

TABS = (
    ("admin.user_edit", "Details"),
    ("admin.user_limits", "Limits"),
    ("admin.user_reservations", "Reservations"),
    ("admin.user_sessions", "Sessions and tokens"),
    ("admin.user_history", "History"),
)
COLUMNS = (Column("Name"), Column("When"), Column("Status"), Column("What"))
TAKEN = ("id", "name", "starts_at", "ends_at", "status", "allocations", "tags")
LIMITS_TAKEN = (
    *("resource", "amount", "scope", "level", "name", "nodes", "held_now", "peak", "peak_at"),
)


def tabs_of(username: str) -> tuple[Tab, ...]:
    """The parts of an account's pages, this one marked."""
    here = request.endpoint
    return tuple(
        (url_for(endpoint, username=username), text, endpoint == here) for endpoint, text in TABS
    )


bp.add_app_template_global(tabs_of, "user_tabs")


@bp.get("/users/<username>/limits")
def user_limits(username: str) -> str | Response:
    """What binds them, from which level, and how much of it is held now and at its peak."""
    actor = current.actor()
    account, limits = users.get(actor, username), standing.of_user(actor, username)
    if kind := export.wanted():
        rows = (
            (
                *(limit.resource, limit.amount, limit.scope, limit.level, limit.name),
                *(limit.nodes, limit.held, limit.peak, limit.peak_at),
            )
            for limit in limits
        )
        return export.answer(kind, f"limits of {username}", LIMITS_TAKEN, rows)
    return render_template("admin/users/limits.html", account=account, limits=limits)


@bp.get("/users/<username>/reservations")
def user_reservations(username: str) -> str | Response:
    """Theirs, the latest first."""
    actor, form = current.actor(), ReservationSearch()
    account, status = users.get(actor, username), form.asked("status")
    wanted = ReservationFilter(
        owner=username, status=Status(status) if status else None, latest_first=True
    )
    now = clock.now()
    if kind := export.wanted():
        every = reservations.search(actor, wanted, per_page=ALL)
        rows = (
            (
                *(row.id, row.name, row.starts_at, row.ends_at, row.status(now)),
                *(_what(row), [tag.name for tag in row.tags]),
            )
            for row in every.items
        )
        return export.answer(kind, f"reservations of {username}", TAKEN, rows)
    found = reservations.search(actor, wanted, page_number(), PER_PAGE)
    return render_template(
        "admin/users/reservations.html",
        account=account,
        listing=Listing(COLUMNS, found, "", exportable=True),
        form=form,
        now=now,
        what=_what,
    )


def _what(reservation: Reservation) -> list[str]:
    """A text for each node: "n1: 4 cpu, 64 GiB memory"."""
    nodes: dict[str, list[str]] = {}
    for held in reservation.allocations:
        text = f"{format_amount(held.amount, held.resource.unit)} {held.resource.name}"
        nodes.setdefault(held.node.name, []).append(text)
    return [f"{node}: {', '.join(nodes[node])}" for node in sorted(nodes, key=natural_key)]


@bp.get("/users/<username>/sessions")
def user_sessions(username: str) -> str:
    """Where they are signed in, and the tokens of their programs."""
    actor = current.actor()
    return render_template(
        "admin/users/sessions.html",
        account=users.get(actor, username),
        sessions=open_sessions.of(actor, username),
        tokens=tokens_of_others.of(actor, username),
    )


@bp.post("/users/<username>/sessions/end")
def user_sessions_end(username: str) -> Response:
    """End the session named in the form, or else all of them."""
    actor, session_id = current.actor(), request.form.get("session")
    try:
        if session_id is None:
            number = open_sessions.end_of(actor, username)
            flash(f"{number} sessions of {username} are ended.", "success")
        else:
            open_sessions.end(actor, session_id, username)
            flash("The session is ended.", "success")
    except NotFound as gone:
        flash(gone.detail, "warning")
    return _back(username)


@bp.post("/users/<username>/tokens/<int(max=2147483647):token_id>/revoke")
def user_token_revoke(username: str, token_id: int) -> Response:
    """End an access token."""
    try:
        tokens_of_others.revoke(current.actor(), username, token_id)
    except NotFound as gone:
        flash(gone.detail, "warning")
    else:
        flash("The token is revoked.", "success")
    return _back(username)


@bp.get("/users/<username>/history")
def user_history(username: str) -> str:
    """What was done to the account, by whom and when."""
    user = users.get(current.actor(), username).user
    back = url_for("admin.user_edit", username=username)
    return history_page("user", user.id, username, back, tabs_of(username))


def _back(username: str) -> Response:
    return redirect(url_for("admin.user_sessions", username=username))
