"""Rows and findings as the wire has them."""

from collections.abc import Collection, Iterable, Mapping

from remas import clock
from remas.compat import answers
from remas.models import (
    Alias,
    Group,
    Limit,
    Node,
    Notification,
    Reservation,
    Resource,
    Tag,
    User,
)
from remas.services.actor import Actor
from remas.services.belongings import OfGroup, OfUser
from remas.services.limit_admin import EffectiveLimit
from remas.services.reservations import hides_details
from remas.services.usage import Span

NOT_TOLD = -1
"""The uid and the group of others: how to reach people is for all, these are not."""
NOTHING = OfUser()


def person(viewer: Actor, user: User) -> answers.UserSimple:
    """Somebody, as this viewer may see them."""
    return answers.UserSimple(
        id=user.id,
        name=user.name,
        surname=user.surname,
        username=user.username,
        email=user.email,
        uid=user.uid if viewer.may_act_for(user.id) else NOT_TOLD,
    )


def user_full(viewer: Actor, user: User, has: OfUser, everyone: Group) -> answers.UserFull:
    """A user; to others than administrators and the person only how to reach them.

    Such others see everybody in the group `everyone`, above all others.
    """
    known = viewer.may_act_for(user.id)
    group, has = (user.group, has) if known else (everyone, NOTHING)
    return answers.UserFull(
        **dict(person(viewer, user)),
        group_id=group.id,
        group=group_raw(group),
        limits=[limit_raw(row) for row in has.limits],
        tasks=[task_raw(row) for row in has.reservations],
        tags=[tag_raw(row) for row in has.tags],
        created_notifications=[notification(row) for row in has.created],
        notifications=[notification(row) for row in has.notifications],
    )


def group_raw(row: Group) -> answers.GroupRaw:
    return answers.GroupRaw(
        id=row.id,
        name=row.name,
        description=row.description,
        users_share_statistics=row.users_share_statistics,
        parent_id=row.parent_id,
    )


def group_full(viewer: Actor, row: Group, has: OfGroup) -> answers.GroupFull:
    return answers.GroupFull(
        id=row.id,
        name=row.name,
        description=row.description,
        users_share_statistics=row.users_share_statistics,
        parent=group_raw(row.parent) if row.parent else None,
        children=[group_raw(child) for child in has.children],
        members=[person(viewer, user) for user in row.members],
        limits=[limit_raw(limit) for limit in has.limits],
        notifications=[notification(one) for one in has.notifications],
    )


def node_raw(row: Node) -> answers.NodeRaw:
    return answers.NodeRaw(id=row.id, name=row.name, description=row.description)


def node(row: Node) -> answers.Node:
    provided = sorted(row.capacities, key=lambda capacity: capacity.resource.name)
    resources = [
        answers.NodeResource(**dict(resource_raw(one.resource)), amount=one.amount)
        for one in provided
    ]
    return answers.Node(**dict(node_raw(row)), resources=resources)


def resource_raw(row: Resource) -> answers.ResourceRaw:
    return answers.ResourceRaw(
        id=row.id, name=row.name, description=row.description, unit=row.unit.value
    )


def resource(row: Resource) -> answers.Resource:
    """`providing_nodes` is empty, as it always was: nodes tell what they provide."""
    aliases = [alias_raw(one) for one in row.aliases]
    return answers.Resource(**dict(resource_raw(row)), providing_nodes=[], aliases=aliases)


def alias_raw(row: Alias) -> answers.AliasRaw:
    return answers.AliasRaw(id=row.id, name=row.name, description=row.description)


def alias(row: Alias) -> answers.Alias:
    resources = [resource_raw(one) for one in row.resources]
    return answers.Alias(**dict(alias_raw(row)), resources=resources)


def limit_raw(row: Limit) -> answers.LimitRaw:
    return answers.LimitRaw(
        id=row.id,
        name=row.name,
        description=row.description,
        amount=row.amount,
        user_id=row.user_id,
        group_id=row.group_id,
        resource_id=row.resource_id,
    )


def limit(row: Limit, everywhere: Collection[int]) -> answers.Limit:
    """A limit that lists no nodes is for all: `everywhere`."""
    nodes = [one.id for one in row.nodes] or everywhere
    return answers.Limit(**dict(limit_raw(row)), node_ids=sorted(nodes))


def effective_limit(found: EffectiveLimit, user_id: int | None) -> answers.Limit:
    """`node_ids`: where it is in force. `user_id`: of whom it was asked."""
    known = found.limit
    return answers.Limit(
        id=known.id,
        name=known.name,
        description=known.description,
        amount=known.amount,
        user_id=user_id if known.group_id is None else None,
        group_id=known.group_id,
        resource_id=known.resource_id,
        node_ids=sorted(known.nodes),
    )


def task_raw(row: Reservation) -> answers.TaskRaw:
    """For its owner and administrators."""
    return answers.TaskRaw(
        id=row.id,
        name=row.name,
        description=row.description,
        start_time=row.starts_at,
        end_time=row.ends_at,
        status=row.status(clock.now()).value,
        owner_id=row.owner_id,
    )


def task_simple(viewer: Actor, row: Reservation) -> answers.TaskSimple:
    """What it is for is told as `hides_details` allows."""
    hidden = hides_details(viewer, row)
    return answers.TaskSimple(
        id=row.id,
        name=f"Reservation {row.id}" if hidden else row.name,
        description=None if hidden else row.description,
        start_time=row.starts_at,
        end_time=row.ends_at,
        status=row.status(clock.now()).value,
        owner=person(viewer, row.owner),
    )


def task(viewer: Actor, row: Reservation) -> answers.TaskFull:
    """The same with what is held; its owner is left out."""
    return answers.TaskFull(**dict(task_with_owner(viewer, row)))


def task_with_owner(viewer: Actor, row: Reservation) -> answers.TaskFullOwner:
    """What it is for is told as `hides_details` allows."""
    tags = [] if hides_details(viewer, row) else row.tags
    held = sorted(row.allocations, key=lambda one: (one.node.name, one.resource.name))
    return answers.TaskFullOwner(
        **dict(task_simple(viewer, row)),
        tags=[tag_raw(tag) for tag in tags],
        resources=[
            answers.TaskAllocation(
                node=node_raw(one.node), resource=resource_raw(one.resource), amount=one.amount
            )
            for one in held
        ],
    )


def tag_raw(row: Tag) -> answers.TagRaw:
    return answers.TagRaw(
        id=row.id, name=row.name, description=row.description, user_id=row.user_id
    )


def tags(
    viewer: Actor, rows: Iterable[Tag], carried: Mapping[int, Iterable[Reservation]]
) -> list[answers.Tag]:
    """`carried`: tag id to the reservations that have it."""
    return [
        answers.Tag(
            id=row.id,
            name=row.name,
            description=row.description,
            user=person(viewer, row.user),
            tasks=[task_simple(viewer, task) for task in carried.get(row.id, ())],
        )
        for row in rows
    ]


def notification(row: Notification) -> answers.Notification:
    return answers.Notification(
        id=row.id,
        name=row.name,
        description=row.description,
        time_offset=row.time_offset,
        notification_template=row.template,
        type=row.type.value,
        default_amount=row.default_amount,
        owner_id=row.owner_id,
        resource_id=row.resource_id,
    )


def usage_period(span: Span) -> answers.UsagePeriod:
    return answers.UsagePeriod(
        start_time=span.starts_at,
        end_time=span.ends_at,
        available_resources=[
            answers.Availability(
                node_id=left.node,
                resource_id=left.resource,
                amount=left.amount,
                user_ids=list(left.users),
            )
            for left in span.left
        ],
    )
