"""Nodes, resources and maintenance: what may be changed, and what has too much history to go."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from remas.errors import Forbidden, InUse, Invalid, NameTaken, NotFound
from remas.extensions import db
from remas.models import (
    MAX_AMOUNT,
    Alias,
    Audit,
    Capacity,
    Limit,
    Maintenance,
    NodeState,
    Notification,
    NotificationType,
    Unit,
)
from remas.services import maintenance, nodes, resources
from remas.services.actor import Actor
from remas.services.maintenance import MaintenanceChange, MaintenanceFilter, MaintenanceNew
from remas.services.nodes import NodeChange, NodeNew
from remas.services.resources import ResourceChange, ResourceNew
from tests.support.factories import (
    actor_of,
    make_limit,
    make_maintenance,
    make_node,
    make_reservation,
    make_resource,
    make_user,
)

pytestmark = pytest.mark.usefixtures("app_context")
EIGHT = datetime(2030, 5, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def admin(app_context: None) -> Actor:
    return actor_of(make_user("root", admin=True), admin=True)


def audit_rows(kind: str) -> list[Audit]:
    return list(db.session.scalars(select(Audit).where(Audit.kind == kind).order_by(Audit.id)))


def amounts(name: str) -> dict[str, int]:
    return {c.resource.name: c.amount for c in nodes.get(name).capacities}


# Nodes


def test_a_node_is_made_with_its_capacities(admin: Actor) -> None:
    make_resource("mem", Unit.BYTES_IEC)
    nodes.create(admin, NodeNew(" n1 ", "big", capacities={"mem": MAX_AMOUNT}))
    assert amounts("n1") == {"mem": MAX_AMOUNT}
    (row,) = audit_rows("node")
    assert row.after == {
        "name": "n1",
        "description": "big",
        "state": "available",
        "capacities": {"mem": MAX_AMOUNT},
        "address": None,
        "exporters": None,
    }


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (NodeNew(""), "name"),
        (NodeNew("rack/1"), "name"),
        (NodeNew("n", description="\x00"), "description"),
        (NodeNew("n", capacities={"cpu": -1}), "capacities.0.amount"),
        (NodeNew("n", capacities={"cpu": MAX_AMOUNT + 1}), "capacities.0.amount"),
        (NodeNew("n", capacities={"unknown": 1}), "capacities.0.resource"),
    ],
)
def test_what_a_node_cannot_be(admin: Actor, wish: NodeNew, field: str) -> None:
    make_resource("cpu")
    with pytest.raises(Invalid) as refused:
        nodes.create(admin, wish)
    assert list(refused.value.errors) == [field]
    assert nodes.search().total == 0


def test_node_names_are_taken_once(admin: Actor) -> None:
    make_node("n1")
    make_node("n2")
    with pytest.raises(NameTaken):
        nodes.create(admin, NodeNew("n1"))
    with pytest.raises(NameTaken):
        nodes.change(admin, "n2", NodeChange(name="n1"))


def test_capacity_may_fall_below_what_is_reserved(admin: Actor) -> None:
    node = make_node("n1", {"cpu": 8})
    make_reservation(make_user(), allocations={node: {"cpu": 6}})
    assert nodes.set_capacity(admin, "n1", "cpu", 2).amount == 2
    nodes.change(admin, "n1", NodeChange(state=NodeState.DRAINED))
    changes = [(row.before, row.after) for row in audit_rows("node")]
    assert changes == [
        ({"capacities": {"cpu": 8}}, {"capacities": {"cpu": 2}}),
        ({"state": "available"}, {"state": "drained"}),
    ]


def test_a_capacity_is_added_where_it_was_missing(admin: Actor) -> None:
    make_node("n1", {"cpu": 8})
    make_resource("gpu")
    nodes.set_capacity(admin, "n1", "gpu", 0)
    assert amounts("n1") == {"cpu": 8, "gpu": 0}
    with pytest.raises(Invalid):
        nodes.set_capacity(admin, "n1", "gpu", -1)
    with pytest.raises(NotFound):
        nodes.set_capacity(admin, "n1", "unknown", 1)
    with pytest.raises(NotFound):
        nodes.set_capacity(admin, "n2", "gpu", 1)


def test_a_capacity_with_history_stays(admin: Actor) -> None:
    node = make_node("n1", {"cpu": 8, "gpu": 2})
    make_reservation(make_user(), EIGHT, cancelled_at=EIGHT, allocations={node: {"cpu": 6}})
    with pytest.raises(InUse):
        nodes.remove_capacity(admin, "n1", "cpu")
    with pytest.raises(InUse):
        nodes.change(admin, "n1", NodeChange(capacities={"gpu": 2}))
    nodes.remove_capacity(admin, "n1", "gpu")
    assert amounts("n1") == {"cpu": 8}
    with pytest.raises(NotFound):
        nodes.remove_capacity(admin, "n1", "gpu")


def test_capacities_are_replaced_as_a_whole(admin: Actor) -> None:
    make_node("n1", {"cpu": 8, "gpu": 2})
    make_resource("mem")
    nodes.change(admin, "n1", NodeChange(capacities={"cpu": 4, "mem": 100}))
    assert amounts("n1") == {"cpu": 4, "mem": 100}


def test_a_node_with_history_is_retired_not_deleted(admin: Actor) -> None:
    node = make_node("n1")
    make_reservation(make_user("eve"), EIGHT, name="train", allocations={node: {"cpu": 1}})
    with pytest.raises(InUse, match="Retire") as refused:
        nodes.delete(admin, "n1")
    (told,) = refused.value.things
    assert "“train” of eve, 2030-05-01 08:00 to 2030-05-01 10:00 UTC" in told
    assert nodes.change(admin, "n1", NodeChange(state=NodeState.RETIRED)).state == "retired"


def test_deleting_a_node_never_makes_a_limit_wider(admin: Actor) -> None:
    """A limit without nodes is for all nodes: one that was about this node alone has to go."""
    one, two = make_node("n1"), make_node("n2")
    make_maintenance(one)
    make_limit(1, user=make_user("eve"), nodes=[one], name="only here")
    both = make_limit(2, user=make_user("adam"), nodes=[one, two], name="both")
    nodes.delete(admin, "n1")
    (left,) = db.session.scalars(select(Limit)).all()
    assert (left.id, [node.name for node in left.nodes]) == (both.id, ["n2"])
    assert db.session.scalars(select(Maintenance)).all() == []
    assert [(row.action, row.subject) for row in audit_rows("limit")] == [
        ("delete", "only here"),
        ("change", "both"),
    ]


def test_nodes_are_found_by_state_and_resource(admin: Actor) -> None:
    make_node("n2", {"cpu": 8})
    make_node("n1", {"cpu": 0, "gpu": 1}, state=NodeState.DRAINED)
    assert [node.name for node in nodes.search().items] == ["n1", "n2"]
    assert [node.name for node in nodes.search(state=NodeState.DRAINED).items] == ["n1"]
    assert [node.name for node in nodes.search(resource="cpu").items] == ["n2"]


# Resources


def test_aliases_are_shared_and_stay_when_nobody_has_them(admin: Actor) -> None:
    resources.create(admin, ResourceNew("gpu", aliases=("card", " card ", "GPU")))
    resources.create(admin, ResourceNew("tpu", aliases=("card",)))
    assert [alias.name for alias in resources.get("gpu").aliases] == ["GPU", "card"]
    assert db.session.scalars(select(Alias.name).order_by(Alias.name)).all() == ["GPU", "card"]
    resources.change(admin, "gpu", ResourceChange(aliases=("card",)))
    assert [alias.name for alias in resources.get("gpu").aliases] == ["card"]
    assert [alias.name for alias in resources.search_aliases().items] == ["GPU", "card"]
    resources.delete(admin, "tpu")
    assert [alias.name for alias in resources.search_aliases().items] == ["GPU", "card"]
    assert resources.search("card").total == 1
    resources.delete_alias(admin, "card")
    assert resources.get("gpu").aliases == []
    with pytest.raises(NotFound):
        resources.delete_alias(admin, "card")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (ResourceNew("\t"), "name"),
        (ResourceNew("gres/gpu"), "name"),
        (ResourceNew("gpu", aliases=("ok", "")), "aliases.1"),
    ],
)
def test_what_a_resource_cannot_be(admin: Actor, wish: ResourceNew, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        resources.create(admin, wish)
    assert list(refused.value.errors) == [field]


def test_resource_names_are_taken_once(admin: Actor) -> None:
    make_resource("cpu")
    with pytest.raises(NameTaken):
        resources.create(admin, ResourceNew("cpu"))
    make_resource("gpu")
    with pytest.raises(NameTaken):
        resources.change(admin, "gpu", ResourceChange(name="cpu"))


def test_a_change_of_a_resource_is_noted(admin: Actor) -> None:
    make_resource("mem", description="RAM")
    resources.change(admin, "mem", ResourceChange(unit=Unit.BYTES_IEC, description=""))
    (row,) = audit_rows("resource")
    assert row.before == {"description": "RAM", "unit": ""}
    assert row.after == {"description": None, "unit": "Bytes (IEC)"}


def test_deleting_a_resource_takes_capacities_and_limits_along(admin: Actor) -> None:
    make_node("n1", {"cpu": 8, "gpu": 2})
    make_limit(1, "gpu", user=make_user())
    resources.delete(admin, "gpu")
    assert amounts("n1") == {"cpu": 8}
    assert db.session.scalars(select(Limit)).all() == []
    gone = audit_rows("resource")[-1]
    assert gone.before
    assert gone.before["capacities"] == {"n1": 2}


def test_a_resource_with_history_stays(admin: Actor) -> None:
    node = make_node("n1", {"cpu": 8})
    make_reservation(make_user(), allocations={node: {"cpu": 6}})
    with pytest.raises(InUse):
        resources.delete(admin, "cpu")
    assert db.session.scalars(select(Capacity)).one().amount == 8


def test_a_watched_resource_stays(admin: Actor) -> None:
    kind = NotificationType.EXCEEDANCE_GENERAL
    gpu = make_resource("gpu")
    db.session.add(Notification(name="too much", type=kind, resource_id=gpu.id))
    db.session.commit()
    with pytest.raises(InUse) as refused:
        resources.delete(admin, "gpu")
    assert refused.value.things == ["notification “too much”"]


# Maintenance


def test_maintenance_is_made_changed_and_deleted(admin: Actor) -> None:
    make_node("n1")
    make_node("n2")
    row = maintenance.create(admin, MaintenanceNew("n1", EIGHT, EIGHT + HOUR, " disks "))
    assert row.reason == "disks"
    row = maintenance.change(
        admin, row.id, MaintenanceChange(node="n2", ends_at=EIGHT + 2 * HOUR, reason="")
    )
    assert (row.node.name, row.ends_at, row.reason) == ("n2", EIGHT + 2 * HOUR, None)
    maintenance.delete(admin, row.id)
    with pytest.raises(NotFound):
        maintenance.get(row.id)
    rows = audit_rows("maintenance")
    assert [entry.action for entry in rows] == ["create", "change", "delete"]
    assert rows[1].before == {
        "node": "n1",
        "ends_at": "2030-05-01T09:00:00+00:00",
        "reason": "disks",
    }


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        (MaintenanceNew("nowhere", EIGHT, EIGHT + HOUR), ["node"]),
        (MaintenanceNew("n1", EIGHT, EIGHT), ["ends_at"]),
        (MaintenanceNew("n1", EIGHT + timedelta(seconds=1), EIGHT + HOUR), ["starts_at"]),
        (MaintenanceNew("n1", EIGHT, EIGHT + HOUR, "\x00"), ["reason"]),
    ],
)
def test_what_maintenance_cannot_be(admin: Actor, wish: MaintenanceNew, fields: list[str]) -> None:
    make_node("n1")
    with pytest.raises(Invalid) as refused:
        maintenance.create(admin, wish)
    assert list(refused.value.errors) == fields


def test_a_change_cannot_turn_maintenance_around(admin: Actor) -> None:
    row = make_maintenance(make_node("n1"), EIGHT, hours=1)
    with pytest.raises(Invalid):
        maintenance.change(admin, row.id, MaintenanceChange(starts_at=EIGHT + HOUR))
    assert maintenance.get(row.id).starts_at == EIGHT


def test_maintenance_is_found_by_overlap(admin: Actor) -> None:
    one, two = make_node("n1"), make_node("n2")
    make_maintenance(two, EIGHT, hours=2)
    make_maintenance(one, EIGHT + HOUR, hours=2)

    def found(**filters: object) -> list[str]:
        return [row.node.name for row in maintenance.search(MaintenanceFilter(**filters)).items]

    assert found() == ["n2", "n1"]
    assert found(node="n1") == ["n1"]
    assert found(starts_before=EIGHT + HOUR) == ["n2"]  # half-open: what starts then is outside
    assert found(ends_after=EIGHT + 2 * HOUR) == ["n1"]


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda actor: nodes.create(actor, NodeNew("x")),
        lambda actor: nodes.change(actor, "n1", NodeChange(name="x")),
        lambda actor: nodes.set_capacity(actor, "n1", "cpu", 1),
        lambda actor: nodes.remove_capacity(actor, "n1", "cpu"),
        lambda actor: nodes.delete(actor, "n1"),
        lambda actor: resources.create(actor, ResourceNew("x")),
        lambda actor: resources.change(actor, "cpu", ResourceChange(name="x")),
        lambda actor: resources.delete(actor, "cpu"),
        lambda actor: resources.delete_alias(actor, "x"),
        lambda actor: maintenance.create(actor, MaintenanceNew("n1", EIGHT, EIGHT + HOUR)),
        lambda actor: maintenance.change(actor, 1, MaintenanceChange()),
        lambda actor: maintenance.delete(actor, 1),
    ],
)
def test_the_cluster_is_changed_by_administrators(forbidden: object) -> None:
    make_node("n1")
    with pytest.raises(Forbidden):
        forbidden(actor_of(make_user("eve")))  # type: ignore[operator]
