"""The tables. Data and simple properties only; rules live in services."""

from remas.models.audit import Audit
from remas.models.base import MAX_AMOUNT, Base
from remas.models.cluster import (
    Alias,
    Capacity,
    Maintenance,
    Node,
    NodeState,
    Resource,
    Unit,
    resource_alias,
)
from remas.models.notification import Notification, NotificationType
from remas.models.people import ADMINISTRATORS, EVERYONE, USERS, AuthSession, Group, User
from remas.models.policy import Limit, Scope, limit_node
from remas.models.reservation import (
    Allocation,
    IdempotencyKey,
    Reservation,
    Status,
    Tag,
    epoch,
    overlaps,
    reservation_tag,
)

__all__ = [
    "ADMINISTRATORS",
    "EVERYONE",
    "MAX_AMOUNT",
    "USERS",
    "Alias",
    "Allocation",
    "Audit",
    "AuthSession",
    "Base",
    "Capacity",
    "Group",
    "IdempotencyKey",
    "Limit",
    "Maintenance",
    "Node",
    "NodeState",
    "Notification",
    "NotificationType",
    "Reservation",
    "Resource",
    "Scope",
    "Status",
    "Tag",
    "Unit",
    "User",
    "epoch",
    "limit_node",
    "overlaps",
    "reservation_tag",
    "resource_alias",
]
