"""Asking for a slot and taking it: the form, what it answers, what it never loses."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask

from remas import clock
from remas.errors import NoAnswerInTime
from remas.extensions import db
from remas.models import Node, NodeState, Reservation, Unit, User
from remas.web import asking
from tests.support import factories
from tests.support.factories import make_node, make_reservation, make_resource, soon
from tests.web.conftest import Visitor

GIB = 2**30
OFFER = re.compile(r'name="take" value="([^"]+)"')


@pytest.fixture
def fields(app: Flask) -> dict[str, str]:
    """A question about the cluster n1, n2: 8 cpu, 2 gpu, 64 GiB each."""
    with app.app_context():
        make_resource("memory", Unit.BYTES_IEC)
        for name in ("n1", "n2"):
            make_node(name, {"cpu": 8, "gpu": 2, "memory": 64 * GIB})
    return {
        "name": "A run",
        "duration": "4h30m",
        "node_count": "1",
        f"demand_{resource_id(app, 'cpu')}": "8",
        f"demand_{resource_id(app, 'memory')}": "16 GiB",
        "token": "a token",
    }


def resource_id(app: Flask, name: str) -> int:
    with app.app_context():
        return make_resource(name).id


def offers(page: str) -> list[str]:
    """What the buttons of the offers would send."""
    return [unescape(value) for value in OFFER.findall(page)]


def reservations(app: Flask) -> list[Reservation]:
    with app.app_context():
        return list(db.session.scalars(db.select(Reservation).order_by(Reservation.id)))


def fill_up(app: Flask, owner: User, *nodes: str, hours: float = 24) -> None:
    """All cores of these nodes are somebody's from now on."""
    with app.app_context():
        rows = db.session.scalars(db.select(Node).where(Node.name.in_(nodes)))
        now = clock.ceil_minute(clock.now()) - timedelta(minutes=10)
        for node in rows.all():
            make_reservation(owner, now, hours, allocations={node: {"cpu": 8}})


@pytest.fixture
def grace(app: Flask) -> User:
    with app.app_context():
        return factories.make_user("grace", surname="Hopper", email="grace@example.org")


def test_the_form_shows_resources_capacities_other_names_and_the_zone(
    as_ada: Visitor, fields: dict[str, str]
) -> None:
    page = as_ada.get("/reservations/new").text
    assert "64 GiB a node" in page
    assert "Times are in Europe/Prague" in page
    assert re.search(r'<input[^>]*type="checkbox"[^>]*value="n2"', page)


def test_a_question_is_answered_with_the_proven_earliest_slot(
    as_ada: Visitor, fields: dict[str, str]
) -> None:
    page = as_ada.post("/reservations/new", fields).text
    assert "proven earliest" in page
    starts_at, _, bundles = json.loads(offers(page)[0])
    assert starts_at == clock.ceil_minute(clock.now()).isoformat()
    assert list(bundles.values()) == [{"cpu": 8, "memory": 16 * GIB}]


def test_an_offer_books_with_one_click(as_ada: Visitor, app: Flask, fields: dict[str, str]) -> None:
    offer = offers(as_ada.post("/reservations/new", fields).text)[0]
    answer = as_ada.post(
        "/reservations/new", {**fields, "take": offer, "description": "Why", "tags": "one, two"}
    )
    (booked,) = reservations(app)
    assert answer.location == f"/reservations/{booked.id}"
    assert booked.ends_at - booked.starts_at == timedelta(hours=4, minutes=30)
    page = as_ada.get(answer.location).text
    for text in ("Booked.", "A run", "Why", "one, two", "16\u00a0GiB"):
        assert text in page


def test_a_double_click_books_once(as_ada: Visitor, app: Flask, fields: dict[str, str]) -> None:
    offer = offers(as_ada.post("/reservations/new", fields).text)[0]
    first, second = (as_ada.post("/reservations/new", {**fields, "take": offer}) for _ in "12")
    assert first.location == second.location
    assert len(reservations(app)) == 1


def test_the_same_offer_under_another_name_is_another_booking(
    as_ada: Visitor, app: Flask, fields: dict[str, str]
) -> None:
    fields[f"demand_{resource_id(app, 'cpu')}"] = "2"
    offer = offers(as_ada.post("/reservations/new", fields).text)[0]
    for name in ("one", "two"):
        as_ada.post("/reservations/new", {**fields, "take": offer, "name": name})
    assert [reservation.name for reservation in reservations(app)] == ["one", "two"]


def test_an_offer_that_is_gone_is_said_so_with_who_has_it_and_fresh_ones(
    as_ada: Visitor, app: Flask, fields: dict[str, str], grace: User
) -> None:
    offer = offers(as_ada.post("/reservations/new", fields).text)[0]
    fill_up(app, grace, *json.loads(offer)[2])
    answer = as_ada.post("/reservations/new", {**fields, "take": offer})
    assert answer.status_code == 200
    assert "That slot is no longer free." in answer.text
    assert "grace@example.org" in answer.text
    assert 'value="A run"' in answer.text
    fresh = offers(answer.text)
    assert fresh
    assert fresh[0] != offer
    assert as_ada.post("/reservations/new", {**fields, "take": fresh[0]}).status_code == 302


def test_an_offer_whose_start_has_passed_is_gone(
    as_ada: Visitor, app: Flask, fields: dict[str, str]
) -> None:
    past = clock.ceil_minute(clock.now()) - timedelta(hours=1)
    offer = json.dumps([past.isoformat(), soon().isoformat(), {"n1": {"cpu": 1}}])
    page = as_ada.post("/reservations/new", {**fields, "take": offer}).text
    assert asking.TOO_LATE in page
    assert offers(page)


def test_what_never_fits_says_why(as_ada: Visitor, app: Flask, fields: dict[str, str]) -> None:
    page = as_ada.post(
        "/reservations/new", {**fields, f"demand_{resource_id(app, 'gpu')}": "64"}
    ).text
    assert "It does not fit" in page
    assert "No node has 64 gpu" in page
    assert offers(page) == []


def test_what_does_not_fit_in_the_window_names_who_holds_it(
    as_ada: Visitor, app: Flask, fields: dict[str, str], grace: User
) -> None:
    fill_up(app, grace, "n1", "n2")
    later = soon(10).strftime("%Y-%m-%dT%H:%M")
    page = as_ada.post("/reservations/new", {**fields, "latest_end": later}).text
    assert "It does not fit" in page
    assert "Grace Hopper" in page
    assert 'href="mailto:grace@example.org"' in page


def test_limits_stand_beside_the_form_with_where_they_come_from(
    as_ada: Visitor, app: Flask, fields: dict[str, str], ada: User
) -> None:
    with app.app_context():
        factories.make_limit(3, "gpu", group=ada.group_id, name="GPUs for users")
        factories.make_limit(5, "cpu", user=ada, name="Cores for Ada")
    page = as_ada.get("/reservations/new").text
    assert "GPUs for users, from Users" in page
    assert "Cores for Ada, for you alone" in page


WRONG = [
    ("duration", "soon", "Write a duration such as"),
    ("duration", "", "Say for how long."),
    ("node_count", "0", "Ask for 1 to 10,000 nodes."),
    ("node_count", "many", "Not a valid integer value."),
    ("earliest", "tomorrow", "Write a day and a time"),
    ("earliest", "2027-03-28T02:30", "go forward over this time"),
    ("nodes", "n9", "not a valid choice"),
    ("name", "x" * 201, "at most 200 characters"),
]


@pytest.mark.parametrize(("field", "value", "text"), WRONG)
def test_a_wrong_field_says_so_and_nothing_is_lost(
    as_ada: Visitor, fields: dict[str, str], field: str, value: str, text: str
) -> None:
    asked = {**fields, "description": "kept <as> it is", field: value}
    answer = as_ada.post("/reservations/new", asked)
    assert answer.status_code == 200
    page = unescape(answer.text)
    assert text in page
    assert "Some fields need another value." in page
    for name, typed in asked.items():
        if name not in ("nodes", "token"):
            assert typed in page
    assert offers(page) == []


def test_an_amount_that_cannot_be_read_is_told_at_its_field(
    as_ada: Visitor, app: Flask, fields: dict[str, str]
) -> None:
    field = f"demand_{resource_id(app, 'memory')}"
    page = as_ada.post("/reservations/new", {**fields, field: "16 apples"}).text
    assert re.search(rf'<input aria-describedby="{field}-note" aria-invalid="true"', page)
    assert f'<span id="{field}-note">apples is no unit of this resource' in page
    assert 'value="16 apples"' in page


def test_asking_for_nothing_is_told(as_ada: Visitor, app: Flask, fields: dict[str, str]) -> None:
    nothing = {name: "" if name.startswith("demand") else v for name, v in fields.items()}
    assert "Ask for at least one resource." in as_ada.post("/reservations/new", nothing).text


def test_a_window_that_ends_before_it_begins_is_told(
    as_ada: Visitor, fields: dict[str, str]
) -> None:
    window = {"earliest": "2027-05-02T10:00", "latest_end": "2027-05-02T10:00"}
    assert (
        "This is not after the beginning."
        in as_ada.post("/reservations/new", {**fields, **window}).text
    )


def test_booking_needs_a_name_and_keeps_the_offers(
    as_ada: Visitor, app: Flask, fields: dict[str, str]
) -> None:
    offer = offers(as_ada.post("/reservations/new", fields).text)[0]
    page = as_ada.post("/reservations/new", {**fields, "name": " ", "take": offer}).text
    assert "Give it a name, then book." in page
    assert offers(page)
    assert reservations(app) == []


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "{}",
        "[1,2,3]",
        '["2026-12-01T10:00","2026-12-01T11:00",{"n1":{"cpu":1}}]',
        '["2026-12-01T10:00Z","2026-12-01T11:00Z",{"n1":{"cpu":"1"}}]',
        "[" * 100_000,
    ],
)
def test_an_offer_that_somebody_tinkered_with_books_nothing(
    as_ada: Visitor, app: Flask, fields: dict[str, str], offer: str
) -> None:
    page = as_ada.post("/reservations/new", {**fields, "take": offer}).text
    assert "This offer cannot be read." in page
    assert reservations(app) == []


def test_an_offer_for_what_is_not_there_books_nothing(
    as_ada: Visitor, app: Flask, fields: dict[str, str]
) -> None:
    offer = json.dumps([soon(1).isoformat(), soon(2).isoformat(), {"n9": {"cpu": 1}}])
    page = as_ada.post("/reservations/new", {**fields, "take": offer}).text
    assert "There is no node n9." in page
    assert reservations(app) == []


def test_no_answer_in_time_is_never_told_as_no_room(
    as_ada: Visitor, fields: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(*_: object) -> None:
        raise NoAnswerInTime("The search was not finished in time.")

    monkeypatch.setattr(asking, "search", tired)
    page = as_ada.post("/reservations/new", fields).text
    assert "The search was not finished in time." in page
    assert "It does not fit" not in page


def test_only_the_ticked_nodes_are_searched(as_ada: Visitor, fields: dict[str, str]) -> None:
    page = as_ada.post("/reservations/new", {**fields, "nodes": ["n2"]}).text
    assert list(json.loads(offers(page)[0])[2]) == ["n2"]


def test_more_nodes_than_are_ticked_are_told(as_ada: Visitor, fields: dict[str, str]) -> None:
    page = as_ada.post("/reservations/new", {**fields, "nodes": ["n2"], "node_count": "2"}).text
    assert "Only 1 nodes are ticked below." in page


def test_the_address_fills_in_the_form(as_ada: Visitor, fields: dict[str, str]) -> None:
    page = as_ada.get("/reservations/new?nodes=n2&earliest=2027-05-02T10:00&duration=2d").text
    assert re.search(r'<input[^>]*checked[^>]*value="n2"', page)
    assert 'value="2027-05-02T10:00"' in page
    assert 'value="2d"' in page
    assert 'value="1"' in page
    assert "Some fields need" not in page


def test_drained_and_retired_nodes(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        make_node("open", {"cpu": 1})
        make_node("drained", {"cpu": 1}, state=NodeState.DRAINED)
        make_node("retired", {"cpu": 1}, state=NodeState.RETIRED)
    page = as_ada.get("/reservations/new").text
    assert 'value="drained"' in page
    assert 'value="retired"' not in page


def test_a_cluster_without_nodes_has_a_form_all_the_same(as_ada: Visitor) -> None:
    page = as_ada.get("/reservations/new").text
    assert "No node has anything to reserve yet." in page
    answer = as_ada.post("/reservations/new", {"duration": "1h", "node_count": "1"})
    assert "Ask for at least one resource." in answer.text


def test_names_are_text_and_not_markup(
    as_ada: Visitor, app: Flask, sign_in: Callable[[User], Visitor]
) -> None:
    nasty = "<script>alert(1)</script>"
    with app.app_context():
        make_node("n<1>", {nasty: 4})
        nobody = factories.make_user("n&<b>", name=nasty)
        node = db.session.scalars(db.select(Node)).one()
        make_reservation(nobody, soon(1), allocations={node: {nasty: 4}}, name=nasty)
    field = f"demand_{resource_id(app, nasty)}"
    for page in (
        as_ada.get("/").text,
        as_ada.get("/reservations/new").text,
        as_ada.get(f"/reservations/{reservations(app)[0].id}").text,
        as_ada.post(
            "/reservations/new",
            {"name": nasty, "duration": nasty, "node_count": "1", field: nasty, "tags": nasty},
        ).text,
        as_ada.post(
            "/reservations/new",
            {
                "name": nasty,
                "duration": "2h",
                "node_count": "1",
                field: "4",
                "latest_end": soon(4).strftime("%Y-%m-%dT%H:%M"),
            },
        ).text,
    ):
        assert "<script>alert" not in page
