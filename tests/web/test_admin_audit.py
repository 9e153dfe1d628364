"""The record of changes as people read it, and what needs a look."""

import ast
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

import remas
from remas import clock
from remas.extensions import db
from remas.models import Audit, NodeState, Unit, User
from remas.services import audit, audit_words, booking, chores, importing, nodes
from remas.services.actor import SYSTEM, Actor
from remas.services.requests import AllocationSpec, BookingRequest, ChangeRequest
from tests.support import factories
from tests.support.factories import actor_of
from tests.support.queries import counted
from tests.web.conftest import Visitor


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


@pytest.fixture
def booked(app: Flask, ada: User) -> int:
    """Ada has booked with memory, and has then asked for less; the id."""
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        factories.make_node("n1", {"cpu": 8, "memory": 2**36})
        start = factories.soon(24)
        specs = (AllocationSpec("n1", "cpu", 4), AllocationSpec("n1", "memory", 2**35))
        actor = Actor(ada.id, "ada", is_admin=False, address="192.0.2.7")
        wish = BookingRequest("train", start, start + timedelta(hours=2), specs)
        reservation = booking.create(actor, wish).reservation
        assert reservation
        booking.change(actor, reservation.id, ChangeRequest(allocations=specs[:1]))
        return reservation.id


def test_names_stand_for_numbers_and_units_for_digits(admin: Visitor, booked: int) -> None:
    page = admin.get("/admin/audit?kind=reservation").text
    assert "n1: 4 cpu, 32 GiB memory" in page
    assert ">owner</dt><dd><ins>ada</ins>" in page
    assert "node_id" not in page
    assert "192.0.2.7" in page


def test_a_number_that_nothing_has_any_more_stays(admin: Visitor, app: Flask) -> None:
    facts = {
        "owner_id": 4711,
        "allocations": [{"node_id": 4712, "resource_id": 4713, "amount": 2}],
        "starts_at": "not a moment",
    }
    with app.app_context():
        audit.record(db.session(), SYSTEM, "create", "reservation", (9, "old"), None, facts)
        db.session.commit()
    page = admin.get("/admin/audit").text
    for text in ("4711", "node 4712: 2 of resource 4713", "not a moment"):
        assert text in page


def test_capacities_of_nodes_are_written_with_their_units(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        importing.import_nodes(SYSTEM, "name,cpu,memory\nn1,8,64 GiB\n")
        nodes.set_capacity(SYSTEM, "n1", "memory", 2**30)
    page = admin.get("/admin/audit?kind=node").text
    assert "memory 64 GiB" in page
    assert "memory 1 GiB" in page


def test_it_is_searched_by_everything(admin: Visitor, booked: int, app: Flask) -> None:
    def found(query: str) -> int:
        return len(admin.get(f"/admin/audit?format=json&{query}").json)

    assert found("kind=reservation") == found("q=TRAI") == found("actor=ada") == 2
    assert found("kind=reservation&action=create") == 1
    assert found(f"kind=reservation&number={booked}") == 2
    assert found("kind=reservation&number=999999") == 0
    hour = timedelta(hours=1)
    now = clock.now().replace(second=0, microsecond=0)
    before, after = (f"{moment:%Y-%m-%dT%H:%M}" for moment in (now - hour, now + hour))
    assert found(f"since={before}&until={after}") == found("")
    assert found(f"until={before}") == found(f"since={after}") == 0
    page = admin.get("/admin/audit?since=whenever&kind=nonsense&number=x")
    assert page.status_code == 200
    assert "Write a day and a time" in page.text


def test_it_is_taken_along_with_the_facts_as_json(admin: Visitor, booked: int) -> None:
    taken = admin.get("/admin/audit?format=csv&kind=reservation").text
    assert taken.lstrip("\ufeff").startswith("at,actor,address,action,kind,subject_id,subject,")
    assert '""owner"": ""ada""' in taken
    row = admin.get("/admin/audit?format=json&kind=reservation").json[-1]
    assert row["after"]["allocations"] == ["n1: 4 cpu, 32 GiB memory"]


def test_reading_costs_the_same_whatever_the_length(
    admin: Visitor, app: Flask, booked: int
) -> None:
    def cost() -> int:
        with counted(app) as statements:
            assert admin.get("/admin/audit?kind=reservation").status_code == 200
        return len(statements)

    few = cost()
    with app.app_context():
        for i in range(40):
            user, node = factories.make_user(f"u{i}"), factories.make_node(f"m{i}")
            held = [{"node_id": node.id, "resource_id": 1, "amount": 1}]
            facts = {"owner_id": user.id, "allocations": held}
            audit.record(db.session(), SYSTEM, "create", "reservation", (i, "x"), None, facts)
        db.session.commit()
    assert cost() == few


def test_the_owner_reads_the_history_of_a_reservation_and_others_do_not(
    admin: Visitor, as_ada: Visitor, booked: int, app: Flask, sign_in: Callable[[User], Visitor]
) -> None:
    with app.app_context():
        eve = factories.make_user("eve")
        root = Actor(None, "root", is_admin=True, address="198.51.100.1")
        booking.cancel(root, booked)
    path = f"/reservations/{booked}/history"
    assert f'href="{path}"' in as_ada.get(f"/reservations/{booked}").text
    page = as_ada.get(path).text
    for action in ("create", "change", "cancel"):
        assert f"<strong>{action}</strong>" in page
    assert "n1: 4 cpu, 32 GiB memory" in page
    assert "198.51.100.1" not in page  # from where, is for administrators
    assert "198.51.100.1" in admin.get(path).text
    as_eve = sign_in(eve)
    assert as_eve.get(path).status_code == 403
    assert path not in as_eve.get(f"/reservations/{booked}").text
    assert as_eve.get("/reservations/999999/history").status_code == 404


def test_what_is_older_than_the_setting_is_forgotten(
    admin: Visitor, make_app: Callable[..., Flask]
) -> None:
    kept = make_app(REMAS_AUDIT_KEEP_DAYS="0")
    pruned = make_app(REMAS_AUDIT_KEEP_DAYS="30")
    with pruned.app_context():
        for days in (31, 29):
            with time_machine.travel(clock.now() - timedelta(days=days)):
                audit.record(db.session(), SYSTEM, "load", "demo", (days, "x"))
        db.session.commit()
    assert "Kept for 730 days" in admin.get("/admin/audit").text
    with kept.app_context():
        chores.prune_audit(kept.config["REMAS"])
        assert {31, 29} <= {row.subject_id for row in db.session.query(Audit)}
    with pruned.app_context():
        chores.prune_audit(pruned.config["REMAS"])
        left = {row.subject_id for row in db.session.query(Audit).filter_by(kind="demo")}
    assert left == {29}
    assert chores.prune_audit in chores.DAILY


def test_all_that_is_recorded_can_be_chosen() -> None:
    """What services record, read from their source, is what the page offers."""
    actions, kinds = set[str](), set[str]()
    for file in Path(remas.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                place = {"record": (2, 3), "record_change": (None, 2)}.get(call.func.attr)
                if place and len(call.args) >= 5:
                    for into, number in zip((actions, kinds), place, strict=True):
                        argument = call.args[number] if number is not None else None
                        if isinstance(argument, ast.Constant):
                            into.add(str(argument.value))
    assert actions <= set(audit_words.ACTIONS)
    assert kinds <= set(audit_words.KINDS)
    assert kinds >= {"user", "group", "node", "limit", "reservation"}


def test_the_first_page_says_what_needs_a_look(admin: Visitor, app: Flask) -> None:
    assert "Nothing at the moment." in admin.get("/admin").text
    with app.app_context():
        factories.make_user("eve", password_change_required=True)
        gone = factories.make_user("gone", active=False)
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_node("n2", state=NodeState.DRAINED)
        factories.make_reservation(gone, allocations={node: {"cpu": 9}})
        factories.make_maintenance(node, factories.soon(500))
    page = admin.get("/admin").text
    for text in (
        "1 account still has its one-time password",
        "1 reservation to come belongs to a deactivated account",
        "1 node is drained",
        "1 maintenance is going on or to come",
        "On 1 node more is reserved than it has",
    ):
        assert text in page
    assert 'href="/admin/users?state=one-time"' in page


def test_audit_is_for_administrators(as_ada: Visitor, visitor: Visitor, ada: User) -> None:
    assert as_ada.get("/admin/audit?format=csv").status_code == 403
    assert visitor.get("/admin/audit").status_code == 302
    assert not actor_of(ada).is_admin
