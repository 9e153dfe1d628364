"""Where a group keeps to itself, nobody else reads what its people reserve for: wherever they look.

All addresses are asked, also those that are added later, by somebody of another group, by somebody
of the same one, and by the API's callers.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from remas import clock
from remas.extensions import db
from remas.models import Reservation, User
from tests.support import factories
from tests.web.conftest import Visitor
from tests.web.test_roles import is_administration, routes

WORD = "embargoed"
PAGES = (
    *(f"/calendar/events?start={{start}}&end={{end}}&whose={whose}" for whose in ("group", "node")),
    *(f"/?view={view}" for view in ("day", "week", "2weeks", "month")),
    *("/table", "/table?node=n1", "/calendar?whose=group", "/calendar?whose=node&node=n1"),
    "/reservations/new?gpu=4&duration=2h&node_count=1&name=A",
)
CALLS = (
    *("/api/v1/timetable?from={start}&to={end}", "/api/v1/reservations?owner=quiet"),
    *("/api/v1/reservations?node=n1", "/api/v1/users/quiet", "/api/v1/tags"),
)


@pytest.fixture
def held(app: Flask, quiet: User) -> int:
    """The id of one of their reservations."""
    with app.app_context():
        return db.session.scalars(select(func.min(Reservation.id))).one()


@pytest.fixture
def quiet(app: Flask) -> User:
    """Somebody of a group that does not share, who holds all GPUs of the only node."""
    with app.app_context():
        group = factories.make_group("Genomics", users_share_statistics=False)
        person = factories.make_user("quiet", group=group)
        node = factories.make_node("n1", {"cpu": 8, "gpu": 4})
        tag = factories.make_tag(person, f"{WORD} tag")
        for hours in (-1, 3):
            factories.make_reservation(
                person,
                factories.soon(hours),
                3,
                name=f"{WORD} name",
                description=f"{WORD} description",
                allocations={node: {"cpu": 1, "gpu": 4}},
                tags=[tag],
            )
        return person


@pytest.fixture(params=["another group", "the same group"])
def viewer(request: pytest.FixtureRequest, app: Flask, quiet: User) -> User:
    """Who looks."""
    with app.app_context():
        same = request.param == "the same group"
        return factories.make_user("eve", group=quiet.group_id if same else None)


def filled(path: str) -> str:
    now = clock.ceil_minute(clock.now())
    start, end = (f"{now + timedelta(hours=h):%Y-%m-%dT%H:%MZ}" for h in (-24, 72))
    return path.format(start=start, end=end)


def told(answers: dict[str, str]) -> list[str]:
    return [path for path, text in answers.items() if WORD in text]


def test_no_page_tells_it(
    app: Flask, sign_in: Callable[[User], Visitor], viewer: User, held: int
) -> None:
    as_viewer = sign_in(viewer)
    paths = [path for _, path in routes(app, "GET", held) if not is_administration(path)]
    answers = {path: as_viewer.get(path).text for path in (*paths, *map(filled, PAGES))}
    assert told(answers) == []
    assert (
        "quiet@example.org" in answers[f"/reservations/{held}"]
    )  # whom to ask is told all the same


def test_no_answer_of_the_api_tells_it(app: Flask, viewer: User, held: int) -> None:
    calls = Calls(app, "eve")
    paths = [path for _, path in routes(app, "GET", held) if path.startswith("/api/v1/")]
    answers = {path: calls.get(path) for path in (*paths, *map(filled, CALLS))}
    wish = {"duration": "PT1H", "demands": {"gpu": 4}, "nodes": ["n1"]}
    soon = clock.ceil_minute(clock.now() + timedelta(minutes=5))
    answers["offers"] = calls.post("/api/v1/offers", {**wish, "latest_end": _text(soon, 100)})
    booking = {
        "name": "mine",
        "starts_at": _text(soon),
        "ends_at": _text(soon, 60),
        "allocations": [{"node": "n1", "resource": "gpu", "amount": 1}],
    }
    answers["refused"] = calls.post("/api/v1/reservations", booking)
    assert told(answers) == []
    for refused in ("offers", "refused"):
        assert "quiet@example.org" in answers[refused]


def test_its_owner_and_administrators_read_it(
    app: Flask, sign_in: Callable[[User], Visitor], quiet: User, held: int
) -> None:
    with app.app_context():
        root = factories.make_user("root", admin=True)
    for who in (quiet, root):
        assert WORD in sign_in(who).get(f"/reservations/{held}").text


def _text(moment: object, minutes: int = 0) -> str:
    return f"{moment + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:00Z}"  # type: ignore[operator]


class Calls:
    """The API, with somebody's token."""

    def __init__(self, app: Flask, username: str) -> None:
        self.client = app.test_client()
        secret = {"username": username, "password": factories.PASSWORD}
        token = self.client.post("/api/v1/auth/token", json=secret).json["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> str:
        return self.client.get(path, headers=self.headers).text

    def post(self, path: str, json: object) -> str:
        return self.client.post(path, headers=self.headers, json=json).text
