"""The tables. Data and simple properties only; rules live in services."""

from remas.models.access_token import AccessToken, TokenScope
from remas.models.audit import Audit
from remas.models.base import Base
from remas.models.cluster import (
    Alias,
    Capacity,
    Maintenance,
    Measure,
    Node,
    NodeState,
    Resource,
    resource_alias,
)
from remas.models.feed import Feed, FeedKind
from remas.models.monitoring import GrafanaMark, GrafanaState
from remas.models.notification import Notification, NotificationType
from remas.models.outbox import Heartbeat, Outbox, OutboxKind, OutboxState, PasswordReset
from remas.models.people import (
    ADMINISTRATORS,
    EVERYONE,
    USERS,
    AuthSession,
    Group,
    User,
    folded,
)
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
from remas.units import MAX_AMOUNT, Unit

__all__ = [
    "ADMINISTRATORS",
    "EVERYONE",
    "MAX_AMOUNT",
    "USERS",
    "AccessToken",
    "Alias",
    "Allocation",
    "Audit",
    "AuthSession",
    "Base",
    "Capacity",
    "Feed",
    "FeedKind",
    "GrafanaMark",
    "GrafanaState",
    "Group",
    "Heartbeat",
    "IdempotencyKey",
    "Limit",
    "Maintenance",
    "Measure",
    "Node",
    "NodeState",
    "Notification",
    "NotificationType",
    "Outbox",
    "OutboxKind",
    "OutboxState",
    "PasswordReset",
    "Reservation",
    "Resource",
    "Scope",
    "Status",
    "Tag",
    "TokenScope",
    "Unit",
    "User",
    "epoch",
    "folded",
    "limit_node",
    "overlaps",
    "reservation_tag",
    "resource_alias",
]
