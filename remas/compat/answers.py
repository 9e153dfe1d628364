"""What is answered: every key is always there. Times are local, amounts in base units."""

from pydantic import BaseModel, ConfigDict

from remas.compat.times import Told


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class TokenPair(Shape):
    access_token: str
    refresh_token: str


class UserSimple(Shape):
    id: int
    name: str | None
    surname: str | None
    username: str
    email: str
    uid: int


class GroupRaw(Shape):
    id: int
    name: str
    description: str | None
    users_share_statistics: bool
    parent_id: int | None


class LimitRaw(Shape):
    id: int
    name: str
    description: str | None
    amount: int
    user_id: int | None
    group_id: int | None
    resource_id: int


class Limit(LimitRaw):
    node_ids: list[int]


class TaskRaw(Shape):
    id: int
    name: str
    description: str | None
    start_time: Told
    end_time: Told
    status: str
    owner_id: int


class TagRaw(Shape):
    id: int
    name: str
    description: str | None
    user_id: int


class Notification(Shape):
    id: int
    name: str
    description: str | None
    time_offset: int | None
    notification_template: str | None
    type: str
    default_amount: int | None
    owner_id: int | None
    resource_id: int | None


class GroupNotifications(Shape):
    """Both None: what is assigned to the person directly."""

    group_id: int | None
    group_name: str | None
    notifications: list[Notification]


class UserFull(UserSimple):
    group_id: int
    group: GroupRaw
    limits: list[LimitRaw]
    tasks: list[TaskRaw]
    tags: list[TagRaw]
    created_notifications: list[Notification]
    notifications: list[Notification]


class GroupFull(Shape):
    id: int
    name: str
    description: str | None
    users_share_statistics: bool
    parent: GroupRaw | None
    children: list[GroupRaw]
    members: list[UserSimple]
    limits: list[LimitRaw]
    notifications: list[Notification]


class NodeRaw(Shape):
    id: int
    name: str
    description: str | None


class ResourceRaw(NodeRaw):
    unit: str


class AliasRaw(NodeRaw):
    pass


class NodeResource(ResourceRaw):
    amount: int


class Node(NodeRaw):
    resources: list[NodeResource]


class Resource(ResourceRaw):
    providing_nodes: list[NodeRaw]
    aliases: list[AliasRaw]


class Alias(AliasRaw):
    resources: list[ResourceRaw]


class TaskSimple(Shape):
    id: int
    name: str
    description: str | None
    start_time: Told
    end_time: Told
    status: str
    owner: UserSimple


class TaskAllocation(Shape):
    node: NodeRaw
    resource: ResourceRaw
    amount: int


class TaskFull(Shape):
    id: int
    name: str
    description: str | None
    start_time: Told
    end_time: Told
    status: str
    tags: list[TagRaw]
    resources: list[TaskAllocation]


class TaskFullOwner(TaskFull):
    owner: UserSimple


class Tag(Shape):
    id: int
    name: str
    description: str | None
    user: UserSimple
    tasks: list[TaskSimple]


class Availability(Shape):
    """`amount` is free; the users hold the rest."""

    node_id: int
    resource_id: int
    amount: int
    user_ids: list[int]


class UsagePeriod(Shape):
    start_time: Told
    end_time: Told
    available_resources: list[Availability]
