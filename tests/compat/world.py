"""A small cluster with one of everything that the wire speaks of."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Flask

from remas.extensions import db
from remas.models import Alias, Resource
from tests.api.conftest import Made

START = datetime(2030, 1, 2, 10, tzinfo=UTC)


def build(app: Flask, make: Made) -> Mapping[str, int]:
    """Ids by what they are of. All belongs to eve, who is in Team; adam and root are others."""
    team = make.group("Team")
    eve = make.user("eve", group=team, uid=5000)
    make.user("adam")
    make.user("root", admin=True)
    idle_user = make.user("idle")
    node, idle_node = make.node("n1", {"cpu": 8}), make.node("n2", {"cpu": 8})
    cpu, gpu = make.resource("cpu"), make.resource("gpu")
    tag, idle_tag = make.tag(eve, "thesis"), make.tag(eve, "later")
    held = {node: {"cpu": 1}}
    task = make.reservation(eve, START, allocations=held, tags=[tag], name="train")
    make.reservation(eve, datetime(2020, 1, 2, 10, tzinfo=UTC), allocations=held)
    limit = make.limit(8, user=eve, nodes=[node])
    make.limit(6, group=team)
    notification = make.notification("soon", owner=eve, users=[eve])
    make.notification("team", groups=[team])
    return {
        "user_id": eve.id,
        "owner_id": eve.id,
        "uid": eve.uid,
        "idle_user_id": idle_user.id,
        "group_id": team.id,
        "node_id": node.id,
        "idle_node_id": idle_node.id,
        "resource_id": cpu.id,
        "idle_resource_id": gpu.id,
        "alias_id": _alias(app, cpu.id),
        "task_id": task.id,
        "tag_id": tag.id,
        "task_tag_id": tag.id,
        "idle_tag_id": idle_tag.id,
        "limit_id": limit.id,
        "notification_id": notification.id,
    }


def _alias(app: Flask, resource_id: int) -> int:
    """The alias "cores" of the resource."""
    with app.app_context():
        alias = Alias(name="cores", resources=[db.session.get_one(Resource, resource_id)])
        db.session.add(alias)
        db.session.commit()
        return alias.id
