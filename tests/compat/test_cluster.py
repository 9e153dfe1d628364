"""Nodes, resources, aliases, limits and notifications over the earlier wire."""

from typing import Any

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import Limit, NodeState, Notification, NotificationType, Scope, Unit
from tests.api.conftest import Made
from tests.compat.conftest import Caller, signed_in
from tests.support.alerts import an_alert_template

RULE = an_alert_template('"title": "${user_username} on ${node_name}"')


def test_retired_nodes_are_for_administrators(make: Made, eve: Caller, admin: Caller) -> None:
    make.node("n1")
    make.node("n2", state=NodeState.DRAINED)
    gone = make.node("n3", state=NodeState.RETIRED)
    assert [node["name"] for node in eve.get("/node").json] == ["n1", "n2"]
    assert [node["name"] for node in admin.get("/node").json] == ["n1", "n2", "n3"]
    assert eve.get(f"/node/{gone.id}").json["name"] == "n3"


def test_what_has_history_is_not_deleted(make: Made, admin: Caller) -> None:
    node = make.node("n1")
    cpu = make.resource("cpu")
    make.reservation(make.user("ada"), allocations={node: {"cpu": 1}}, name="train")
    put = {"node_id": node.id, "resource_id": cpu.id, "amount": 0}
    for answer in (
        admin.delete(f"/node/{node.id}"),
        admin.delete(f"/resource/{cpu.id}"),
        admin.post("/node/remove_resource", put),
    ):
        assert answer.status_code == 409
        assert "train" in answer.json["detail"]
    assert admin.post("/node/add_resource", put).json["resources"][0]["amount"] == 0


def test_amounts_of_nodes_are_not_negative(make: Made, admin: Caller) -> None:
    node, cpu = make.node("n1"), make.resource("cpu")
    put = {"node_id": node.id, "resource_id": cpu.id}
    for amount in (-1, 2**63, "x"):
        assert admin.post("/node/add_resource", {**put, "amount": amount}).status_code == 422
    largest = {**put, "amount": 2**63 - 1}
    (held,) = admin.post("/node/add_resource", largest).json["resources"]
    assert held["amount"] == 2**63 - 1


@pytest.mark.parametrize("kind", ["node", "resource", "resource_alias"])
def test_names_that_are_taken(admin: Caller, kind: str) -> None:
    admin.post(f"/{kind}", {"name": "a"})
    second = admin.post(f"/{kind}", {"name": "b", "description": "kept"}).json
    text = f"Failed to create {kind.replace('_', ' ')} in database due to conflict:\n"
    for answer in (
        admin.post(f"/{kind}", {"name": "a"}),
        admin.put(f"/{kind}", {"id": second["id"], "name": "a"}),
    ):
        assert answer.status_code == 409
        assert answer.json["detail"].startswith(text)
    assert admin.get(f"/{kind}/{second['id']}").json["description"] == "kept"
    emptied = admin.put(f"/{kind}", {"id": second["id"], "name": "b"})
    assert emptied.json["description"] is None


def test_units(admin: Caller) -> None:
    answer = admin.post("/resource", {"name": "coal", "unit": "kg"})
    assert (answer.status_code, answer.json["detail"]) == (400, "Unit kg is not supported!")
    made = admin.post("/resource", {"name": "ram", "unit": Unit.BYTES_IEC.value}).json
    answer = admin.put("/resource", {**made, "unit": "kg"})
    assert answer.status_code == 400


def test_aliases_come_and_go_and_stay(make: Made, admin: Caller, eve: Caller) -> None:
    cpu = make.resource("cpu")
    alias = admin.post("/resource_alias", {"name": "cores", "description": "as in Slurm"}).json
    assert alias["resources"] == []
    pair = {"resource_id": cpu.id, "alias_id": alias["id"]}
    added = admin.post("/resource/add_alias", pair).json
    assert [one["name"] for one in added["aliases"]] == ["cores"]
    assert admin.post("/resource/add_alias", pair).status_code == 409
    assert eve.get("/resource_alias").json[0]["resources"][0]["name"] == "cpu"
    assert admin.post("/resource/remove_alias", pair).json["aliases"] == []
    assert admin.post("/resource/remove_alias", pair).status_code == 404
    assert eve.get(f"/resource_alias/{alias['id']}").json["description"] == "as in Slurm"
    gone = admin.delete(f"/resource_alias/{alias['id']}")
    assert gone.json == {"detail": "Resource alias deleted"}


def limit_of(user: Any, node: Any, **changes: Any) -> dict[str, Any]:
    resource_id = node.capacities[0].resource_id
    body = {"name": "few", "amount": 2, "resource_id": resource_id, "node_ids": [node.id]}
    return {**body, "user_id": user.id, "group_id": None, **changes}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"user_id": None}, 400),
        ({"group_id": 3}, 400),
        ({"node_ids": []}, 422),
        ({"amount": -1}, 422),
        ({"name": ""}, 422),
        ({"amount": "4"}, 200),
        ({"amount": 0}, 200),
    ],
)
def test_what_a_limit_is(make: Made, admin: Caller, changes: Any, status: int) -> None:
    ada, node = make.user("ada"), make.node("n1")
    answer = admin.post("/limit", limit_of(ada, node, **changes))
    assert answer.status_code == status, answer.text
    made = make.limit(4, user=ada, nodes=[node])
    answer = admin.put("/limit", limit_of(ada, node, id=made.id, **changes))
    assert answer.status_code == status, answer.text


def test_a_limit_for_all_nodes_stays_one(app: Flask, make: Made, admin: Caller) -> None:
    ada, n1, n2 = make.user("ada"), make.node("n1"), make.node("n2")
    made = make.limit(4, user=ada, scope=Scope.TOTAL)
    shown = admin.get(f"/limit/{made.id}").json
    assert shown["node_ids"] == [n1.id, n2.id]
    assert admin.put("/limit", {**shown, "amount": 5}).status_code == 200
    with app.app_context():
        row = db.session.get_one(Limit, made.id)
        assert (row.amount, row.nodes, row.scope) == (5, [], Scope.TOTAL)
    n3 = make.node("n3")
    assert admin.get("/limit").json[0]["node_ids"] == [n1.id, n2.id, n3.id]
    fewer = admin.put("/limit", {**shown, "node_ids": [n3.id]})
    assert fewer.json["node_ids"] == [n3.id]


def test_limits_in_force(app: Flask, make: Made, admin: Caller) -> None:
    n1, n2 = make.node("n1"), make.node("n2")
    team = make.group("Team")
    ada = make.user("ada", group=team)
    own = make.limit(4, user=ada, nodes=[n1])
    groups = make.limit(2, group=team)
    above = make.limit(1, group=1)
    for caller in (admin, signed_in(app, "ada")):
        found = caller.get(f"/limit/user_all/{ada.id}").json
        assert [(one["id"], one["user_id"], one["group_id"], one["node_ids"]) for one in found] == [
            (own.id, ada.id, None, [n1.id]),
            (groups.id, None, team.id, [n2.id]),
        ]
        found = caller.get(f"/limit/group_all/{team.id}").json
        assert [(one["id"], one["group_id"], one["node_ids"]) for one in found] == [
            (groups.id, team.id, [n1.id, n2.id])
        ]
    found = admin.get("/limit/group_all/1").json
    assert [one["id"] for one in found] == [above.id]
    assert [one["id"] for one in admin.get(f"/limit/user/{ada.id}").json] == [own.id]
    assert [one["id"] for one in admin.get(f"/limit/group/{team.id}").json] == [groups.id]


def timed(**changes: Any) -> dict[str, Any]:
    body = {"name": "soon", "type": "task_start", "time_offset": 60}
    return {**body, "notification_template": "${task_name}", **changes}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"type": "task_begin"}, 400),
        ({"type": "other"}, 400),
        ({"time_offset": None}, 400),
        ({"time_offset": ""}, 400),
        ({"notification_template": None}, 400),
        ({"notification_template": "${nonsense}"}, 400),
        ({"type": "grafana_resource_exceedance_task", "notification_template": RULE}, 400),
        ({"time_offset": "soon"}, 422),
        ({"time_offset": 2**40}, 422),
        ({"name": ""}, 400),
        ({"time_offset": "-60"}, 200),
        ({"default_amount": 0, "resource_id": None}, 200),
    ],
)
def test_what_a_notification_is(admin: Caller, changes: Any, status: int) -> None:
    answer = admin.post("/notification", timed(**changes))
    assert answer.status_code == status, answer.text
    made = admin.post("/notification", timed(name="another")).json
    answer = admin.put("/notification", {**made, "name": "other", **changes})
    unchanged = {"time_offset", "notification_template"} & {
        key for key, value in changes.items() if value is None or value == ""
    }
    if unchanged == {"time_offset"}:
        assert answer.status_code == 200  # it stays as it was
    else:
        assert answer.status_code == status, answer.text


def test_whom_notifications_are_for(app: Flask, make: Made, admin: Caller, eve: Caller) -> None:
    me = make.user("ada").id
    ada = signed_in(app, "ada")
    mine = ada.post("/notification", timed()).json["id"]
    general = admin.post("/notification", timed(name="general")).json["id"]

    def assign(caller: Caller, number: int, **whom: int) -> int:
        body = {"notification_id": number, **whom}
        return caller.post("/notification/assign", body).status_code

    assert assign(ada, mine, user_id=me) == 200
    ada.post("/notification/unassign", {"notification_id": mine, "user_id": me})
    assert assign(ada, mine, user_id=me, group_id=3) == 403
    assert ada.get(f"/notification/user/{me}").json[0]["notifications"] == []
    assert assign(ada, mine, group_id=3) == 403
    assert assign(ada, general, user_id=me) in (403, 404)
    assert assign(eve, mine, user_id=me) in (403, 404)
    assert assign(admin, general) == 400
    assert assign(admin, general, user_id=me, group_id=3) == 200
    assert ada.get("/notification").status_code == 403
    assert ada.get(f"/notification/{mine}").status_code == 403
    assert eve.delete(f"/notification/{mine}").status_code in (403, 404)
    assert ada.put("/notification", timed(id=general)).status_code == 403
    taken = ada.post("/notification", timed())
    assert taken.status_code == 409


def test_an_alert_of_ones_own_waits_for_an_administrator(
    app: Flask, make: Made, eve: Caller
) -> None:
    cpu = make.resource("cpu")
    alert = timed(
        type="grafana_resource_exceedance_general",
        notification_template=RULE,
        resource_id=cpu.id,
        default_amount=0,
        time_offset=0,
    )
    made = eve.post("/notification", alert).json
    assert (made["default_amount"], made["time_offset"]) == (0, None)
    with app.app_context():
        row = db.session.get_one(Notification, made["id"])
        assert row.type is NotificationType.EXCEEDANCE_GENERAL
        assert row.waits_for_approval
    back = eve.put("/notification", {**made, "type": "task_end", "time_offset": "60"})
    assert back.status_code == 400  # the rule is no letter
    back = eve.put("/notification", timed(id=made["id"], name="letter"))
    assert (back.json["resource_id"], back.json["time_offset"]) == (None, 60)
