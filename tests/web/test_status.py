"""How things stand at this moment."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import NodeState, Unit, User
from remas.models.outbox import Heartbeat
from remas.services import heartbeats, status
from tests.support import factories
from tests.support.queries import counted
from tests.web.conftest import Visitor


def test_it_says_what_is_free_on_each_node_now(as_ada: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8, "gpu": 2})
        factories.make_node("n2", {"cpu": 4}, state=NodeState.DRAINED)
        factories.make_node("gone", {"cpu": 4}, state=NodeState.RETIRED)
        begin = factories.soon(-1)
        factories.make_reservation(ada, begin, hours=3, allocations={node: {"cpu": 5}})
        factories.make_reservation(ada, begin, hours=3, allocations={node: {"cpu": 1, "gpu": 2}})
        factories.make_reservation(ada, factories.soon(5), hours=3, allocations={node: {"cpu": 1}})
        factories.make_maintenance(node, begin, hours=2)
    page = as_ada.get("/status").text
    assert "2\xa0of 8 free" in page or "2 of 8 free" in page
    assert "0 of 2 free" in page
    assert "4 of 4 free" in page
    assert "2 reservations running" in page
    assert "nothing reservations" not in page
    assert "drained" in page
    assert "maintenance" in page
    assert ">gone<" not in page
    assert "REMAS itself" not in page  # that is for administrators


def test_more_than_there_is_is_said(as_ada: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_reservation(ada, factories.soon(-1), hours=3, allocations={node: {"cpu": 8}})
        node.capacities[0].amount = 6
        db.session.merge(node)
        db.session.commit()
    page = as_ada.get("/status").text
    assert "0 of 6 free" in page
    assert "more is reserved than there is" in page


def test_administrators_see_whether_letters_go_out(
    sign_in: Callable[[User], Visitor], app: Flask
) -> None:
    with app.app_context():
        root = sign_in(factories.make_user("root", admin=True))
        assert "never seen" in root.get("/status").text
        heartbeats.beat(heartbeats.TICKER)
    assert "at work" in root.get("/status").text
    assert "Start <code>remas ticker</code>" not in root.get("/status").text


def test_a_silent_ticker_is_told(sign_in: Callable[[User], Visitor], app: Flask) -> None:
    with app.app_context():
        root = sign_in(factories.make_user("root", admin=True))
        heartbeats.beat(heartbeats.TICKER)
        seen = db.session.get_one(Heartbeat, heartbeats.TICKER)
        seen.at = clock.now() - timedelta(minutes=4)
        db.session.commit()
    assert "Start <code>remas ticker</code>" in root.get("/status").text


def test_it_takes_as_many_queries_for_many_nodes(app: Flask, ada: User) -> None:
    with app.app_context():
        factories.make_resource("memory", Unit.BYTES_IEC)
        for _ in range(2):
            factories.make_node()
        with counted(app) as few:
            status.nodes_now()
        for _ in range(30):
            factories.make_node()
        with counted(app) as many:
            assert len(status.nodes_now()) == 32
    assert len(many) == len(few)
