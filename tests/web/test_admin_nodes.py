"""Nodes, from the administration's pages."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from remas.extensions import db
from remas.forms.nodes import node_form, stored
from remas.models import Node, NodeState, Reservation, Resource, Unit, User
from remas.services import nodes
from remas.services.actor import SYSTEM
from remas.services.nodes import NodeChange
from remas.units import MAX_AMOUNT
from tests.support import factories
from tests.web.admin_cluster import carried, press
from tests.web.conftest import Visitor


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


@pytest.fixture
def kinds(app: Flask) -> dict[str, str]:
    """Resource to the name of its field."""
    with app.app_context():
        made = [
            factories.make_resource("cpu"),
            factories.make_resource("memory", Unit.BYTES_IEC),
            factories.make_resource("disk", Unit.BYTES_SI),
        ]
        return {resource.name: f"capacity_{resource.id}" for resource in made}


@pytest.fixture
def held(app: Flask, kinds: dict[str, str], ada: User) -> int:
    """Ada holds 4 cpu on n1; the id of her reservation."""
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8})
        held = {node: {"cpu": 4}}
        return factories.make_reservation(ada, name="Train", allocations=held).id


def form(kinds: dict[str, str], **amounts: str) -> dict[str, str]:
    fields = {kinds[name]: amount for name, amount in amounts.items()}
    return {"name": "n1", "state": "available", "description": "", **fields}


def test_one_is_made_with_amounts_as_people_write_them(
    admin: Visitor, app: Flask, kinds: dict[str, str]
) -> None:
    wish = form(kinds, cpu="0", memory="1.5 TiB", disk="")
    done = admin.post("/admin/new/node", wish, follow_redirects=True)
    assert "The node n1 is made." in done.text
    assert "1.5\u00a0TiB" in done.text
    with app.app_context():  # 0 is an amount, nothing written is none
        amounts = nodes.facts(nodes.get("n1"))["capacities"]
        assert amounts == {"cpu": 0, "memory": 3 * 2**39}
    page = admin.get("/admin/nodes/n1").text
    assert 'value="1.5 TiB"' in page
    assert 'value="0"' in page


@pytest.mark.parametrize(
    ("name", "amount", "text"),
    [
        ("cpu", "-1", "Write an amount"),
        ("cpu", "1.5", "not a whole number"),
        ("memory", "5", "Say of what"),
        ("memory", "9999999 EiB", "more than can be counted"),
    ],
)
def test_negative_and_other_amounts_that_cannot_be_are_refused_at_the_field(
    admin: Visitor, kinds: dict[str, str], name: str, amount: str, text: str
) -> None:
    page = admin.post("/admin/new/node", form(kinds, **{name: amount})).text
    assert text in page
    assert f'value="{amount}"' in page


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(amount=st.one_of(st.integers(0, MAX_AMOUNT), st.integers(0, 63).map(lambda n: 2**n - 1)))
@pytest.mark.parametrize("unit", list(Unit))
def test_an_amount_shown_and_sent_back_is_the_same(app: Flask, unit: Unit, amount: int) -> None:
    with app.test_request_context():
        kind = Resource(id=1, name="some", unit=unit, aliases=[])
        made = node_form([kind])
        shown = made(data={"capacity_1": amount}, meta={"csrf": False})
        sent = MultiDict({"name": "n", "state": "available", "capacity_1": _value(shown)})
        again = made(formdata=sent, meta={"csrf": False})
        assert again.validate(), again.errors
        assert again.capacities == {"some": amount}


def _value(form: object) -> str:
    return form["capacity_1"]._value()  # type: ignore[index]


def test_the_form_shows_what_is_stored(app: Flask, kinds: dict[str, str]) -> None:
    with app.test_request_context():
        node = factories.make_node("n1", {"memory": 2**40}, NodeState.DRAINED)
        shown = stored(node)
    assert (shown["state"], shown[kinds["memory"]]) == ("drained", 2**40)


def test_lowering_below_what_is_booked_is_asked_about_first_and_then_done(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    path, seen = "/admin/nodes/n1", admin.seen("/admin/nodes/n1")
    wish = {**form(kinds, cpu="3"), "seen": seen, "description": "Half of it is broken"}
    asked = admin.post(path, wish)
    assert asked.status_code == 200
    assert "1 existing reservation stands" in asked.text
    assert "n1 has 1 cpu too few" in asked.text
    assert "ada@example.org" in asked.text
    with app.app_context():
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"cpu": 8}  # nothing is saved yet

    back = press(admin, path, asked.text, "back")
    assert "Half of it is broken" in back.text  # nothing typed is lost
    assert 'value="3"' in back.text

    done = press(admin, path, asked.text)
    assert done.status_code == 302
    with app.app_context():
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"cpu": 3}
        reservation = db.session.get_one(Reservation, held)
        assert reservation.cancelled_at is None  # it stays


def test_what_just_fits_is_saved_without_asking(
    admin: Visitor, kinds: dict[str, str], held: int
) -> None:
    wish = {**form(kinds, cpu="4"), "seen": admin.seen("/admin/nodes/n1")}
    assert admin.post("/admin/nodes/n1", wish).status_code == 302


def test_another_wish_than_the_one_agreed_to_is_asked_about_anew(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    wish = {**form(kinds, cpu="3"), "seen": admin.seen("/admin/nodes/n1")}
    asked = admin.post("/admin/nodes/n1", wish).text
    agreed = carried(asked)["confirmed"][0]
    lower = {**wish, kinds["cpu"]: "2", "confirmed": agreed}
    assert "2 cpu too few" in admin.post("/admin/nodes/n1", lower).text
    with app.app_context():
        more = {factories.db.session.get_one(Node, nodes.get("n1").id): {"cpu": 1}}
        factories.make_reservation(factories.make_user("bob"), allocations=more)
    assert "2 existing reservations" in press(admin, "/admin/nodes/n1", asked).text


def test_what_is_contradicted_can_be_taken_along_whole(
    admin: Visitor, kinds: dict[str, str], held: int
) -> None:
    wish = {**form(kinds, cpu="3"), "seen": admin.seen("/admin/nodes/n1")}
    asked = admin.post("/admin/nodes/n1", wish).text
    table = press(admin, "/admin/nodes/n1", asked, "export=csv")
    assert table.mimetype == "text/csv"
    assert "Train,ada," in table.text
    (line,) = json.loads(press(admin, "/admin/nodes/n1", asked, "export=json").text)
    assert (line["reservation"], line["short_by"], line["cause"]) == (held, 1, "capacity")


def test_draining_tells_what_stays_on_it(admin: Visitor, kinds: dict[str, str], held: int) -> None:
    wish = {**form(kinds, cpu="8"), "state": "drained", "seen": admin.seen("/admin/nodes/n1")}
    assert "n1 takes no new reservations" in admin.post("/admin/nodes/n1", wish).text


def test_the_effect_can_be_looked_at_without_saving(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    wish = {**form(kinds, cpu="5"), "seen": admin.seen("/admin/nodes/n1"), "preview": "1"}
    looked = admin.post("/admin/nodes/n1", wish).text
    assert "No existing reservation stands against this" in looked
    with app.app_context():
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"cpu": 8}
    assert press(admin, "/admin/nodes/n1", looked).status_code == 302


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    seen = admin.seen("/admin/nodes/n1")
    with app.app_context():
        nodes.change(SYSTEM, "n1", NodeChange(description="What the other one wrote"))
    wish = {**form(kinds, cpu="6"), "seen": seen}
    refused = admin.post("/admin/nodes/n1", wish).text
    assert "Somebody changed it since you opened this page" in refused
    assert "What the other one wrote" in refused
    again = {**wish, "seen": admin.seen_in(refused)}
    assert admin.post("/admin/nodes/n1", again).status_code == 302


def test_exporters_are_shown_and_changed(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    page = admin.get("/admin/nodes/n1").text
    assert "As set for all nodes: node_exporter:9100, process_exporter:9256" in page
    own = {"address": "10.0.0.7", "watched": "own", "exporters": "up:9100\r\n dcgm:9400/gpu \r\n"}
    wish = {**form(kinds, cpu="8"), **own, "seen": admin.seen_in(page)}
    assert admin.post("/admin/nodes/n1", wish).status_code == 302
    assert stored_of(app) == ("10.0.0.7", ["up:9100", "dcgm:9400/gpu"])

    page = admin.get("/admin/nodes/n1").text
    assert 'value="10.0.0.7"' in page
    assert ">\r\nup:9100\ndcgm:9400/gpu</textarea>" in page
    history = admin.get("/admin/nodes/n1/history").text
    assert "dcgm:9400/gpu" in history

    # Chosen away again: what is written below the choice is what was there, and goes with it.
    wish = {**wish, "address": "", "watched": "usual", "seen": admin.seen_in(page)}
    assert admin.post("/admin/nodes/n1", wish).status_code == 302
    assert stored_of(app) == (None, None)

    wish = {**wish, "watched": "own", "exporters": "", "seen": admin.seen("/admin/nodes/n1")}
    assert admin.post("/admin/nodes/n1", wish).status_code == 302
    assert stored_of(app) == (None, [])
    history = admin.get("/admin/nodes/n1/history").text
    assert "<del>as set for all nodes</del>" in history
    assert "<ins>none</ins>" in history


def stored_of(app: Flask) -> tuple[str | None, list[str] | None]:
    """Address and exporters of n1."""
    with app.app_context():
        facts = nodes.facts(nodes.get("n1"))
    return facts["address"], facts["exporters"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"address": "n1:9100"}, "without a port"),
        ({"watched": "own", "exporters": "up:9100\nup"}, "&#39;up&#39; is not like"),
        ({"watched": "own", "exporters": "up:0"}, "&#39;up:0&#39; is not like"),
        ({"watched": "own", "exporters": "up:1 up:1/b"}, "up:1 is named twice"),
        ({"watched": "own", "exporters": "up:1/\x01"}, "A path begins with /"),
        ({"watched": "usual", "exporters": "up:9100"}, "choose “Only these” above"),
        ({"watched": "both", "exporters": "up:9100"}, "Not a valid choice"),
    ],
)
def test_exporters_that_cannot_be_are_told_at_their_field_and_kept(
    admin: Visitor, app: Flask, kinds: dict[str, str], fields: dict[str, str], text: str
) -> None:
    page = admin.post("/admin/new/node", {**form(kinds), "description": "Old", **fields}).text
    assert text in page
    assert "It was not saved" in page
    kept = fields.get("exporters") or fields["address"]
    assert kept in page
    assert ">\r\nOld</textarea>" in page
    with app.app_context():
        assert nodes.search().total == 0


def test_what_the_page_that_asks_first_carries_includes_exporters(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    own = {"watched": "own", "exporters": "up:1\nup:2"}
    wish = {**form(kinds, cpu="3"), **own, "seen": admin.seen("/admin/nodes/n1")}
    asked = admin.post("/admin/nodes/n1", wish).text
    back = press(admin, "/admin/nodes/n1", asked, "back").text
    assert ">\r\nup:1\nup:2</textarea>" in back
    assert press(admin, "/admin/nodes/n1", asked).status_code == 302
    assert stored_of(app) == (None, ["up:1", "up:2"])


def test_a_node_with_history_is_not_deleted_and_says_what_hangs_on_it(
    admin: Visitor, app: Flask, held: int
) -> None:
    with app.app_context():
        factories.make_node("n2", {"cpu": 8})
    for name, status in (("n2", 302), ("n1", 409)):
        path = f"/admin/nodes/{name}/delete"
        answer = admin.post(path, {"seen": admin.seen(path)})
        assert answer.status_code == status
    assert "Retire the node instead" in answer.text
    assert "“Train” of ada" in answer.text


def test_a_capacity_with_history_is_not_taken_away(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    wish = {**form(kinds, cpu=""), "seen": admin.seen("/admin/nodes/n1")}
    asked = admin.post("/admin/nodes/n1", wish).text
    refused = press(admin, "/admin/nodes/n1", asked).text
    assert "Set the amount to 0 instead" in refused
    assert "“Train” of ada" in refused
    with app.app_context():
        assert nodes.facts(nodes.get("n1"))["capacities"] == {"cpu": 8}


def test_the_list_is_searched_filtered_sorted_and_taken_along(
    admin: Visitor, app: Flask, kinds: dict[str, str]
) -> None:
    with app.app_context():
        factories.make_node("n1", {"cpu": 8, "memory": 2**30})
        factories.make_node("n2", {"cpu": 8}, NodeState.DRAINED, description="in the cellar")

    def shown(query: str) -> list[bool]:
        page = admin.get(f"/admin/nodes?{query}").text
        return [f'/admin/nodes/{name}"' in page for name in ("n1", "n2")]

    assert shown("") == [True, True]
    assert shown("q=CELLAR") == [False, True]
    assert shown("state=available") == [True, False]
    assert shown("resource=memory") == [True, False]
    page = admin.get("/admin/nodes?sort=-resources").text
    assert page.index("/admin/nodes/n1") < page.index("/admin/nodes/n2")
    assert "There is no resource tpu." in admin.get("/admin/nodes?resource=tpu").text
    lines = json.loads(admin.get("/admin/nodes?format=json").text)
    assert [(line["name"], line["cpu"], line["memory"]) for line in lines] == [
        ("n1", 8, 2**30),
        ("n2", 8, None),
    ]


def test_the_tabs_show_reservations_and_history(
    admin: Visitor, app: Flask, kinds: dict[str, str], held: int
) -> None:
    page = admin.get("/admin/nodes/n1/reservations").text
    assert "Train" in page
    assert "4 <span" in page
    with app.app_context():
        nodes.change(SYSTEM, "n1", NodeChange(state=NodeState.DRAINED))
    history = admin.get("/admin/nodes/n1/history").text
    assert "drained" in history
    assert "/admin/nodes/n1/reservations" in history


@pytest.mark.parametrize("path", ["", "/n1", "/n1/delete", "/n1/reservations", "/n1/history"])
def test_others_than_administrators_are_sent_away(
    as_ada: Visitor, visitor: Visitor, held: int, path: str
) -> None:
    assert as_ada.get(f"/admin/nodes{path}").status_code == 403
    assert visitor.get(f"/admin/nodes{path}").status_code == 302


def test_what_is_not_there_is_not_found(admin: Visitor) -> None:
    for path in ("n9", "n9/delete", "n9/reservations", "n9/history"):
        assert admin.get(f"/admin/nodes/{path}").status_code == 404
