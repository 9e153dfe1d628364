"""The 75 operations of the wire, as facts: what is sent, for whom it is, what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any

Ids = Mapping[str, int]
Body = Callable[[Ids], Any]
_numbers = count(1)


class Who(Enum):
    """For whom an operation is. The owner of all that is asked about is eve."""

    ANYBODY = auto()
    USERS = auto()
    ADMINISTRATORS = auto()
    SELF = auto()  # the person, or an administrator
    OWNER = auto()  # the owner alone: administrators are refused


@dataclass(frozen=True)
class Operation:
    """`keys` of the answer, or of each thing in it where `many`; `once`: cannot be repeated."""

    method: str
    path: str
    who: Who
    keys: frozenset[str]
    body: Body | None = field(default=None, repr=False)
    status: int = 200
    many: bool = False
    once: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def keys(*groups: str) -> frozenset[str]:
    """Names, written with spaces between them."""
    return frozenset(" ".join(groups).split())


def new(text: str) -> str:
    """A name that nothing has yet."""
    return f"{text} {next(_numbers)}"


DETAIL = keys("detail")
TOKENS = keys("access_token refresh_token")
USER_SIMPLE = keys("id name surname username email uid")
GROUP_RAW = keys("id name description users_share_statistics parent_id")
LIMIT_RAW = keys("id name description amount user_id group_id resource_id")
LIMIT = LIMIT_RAW | {"node_ids"}
TASK_RAW = keys("id name description start_time end_time status owner_id")
TAG_RAW = keys("id name description user_id")
NOTIFICATION = keys(
    "id name description time_offset notification_template type default_amount",
    "owner_id resource_id",
)
USER = USER_SIMPLE | keys("group_id group limits tasks tags created_notifications notifications")
GROUP = keys(
    "id name description users_share_statistics parent children members limits notifications"
)
NODE_RAW = keys("id name description")
RESOURCE_RAW = NODE_RAW | {"unit"}
NODE = NODE_RAW | {"resources"}
NODE_RESOURCE = RESOURCE_RAW | {"amount"}
RESOURCE = RESOURCE_RAW | keys("providing_nodes aliases")
ALIAS = NODE_RAW | {"resources"}
TASK_SIMPLE = keys("id name description start_time end_time status owner")
TASK = keys("id name description start_time end_time status tags resources")
TASK_OWNER = TASK | {"owner"}
ALLOCATION = keys("node resource amount")
TAG = keys("id name description user tasks")
PERIOD = keys("start_time end_time available_resources")
AVAILABILITY = keys("node_id resource_id amount user_ids")
GROUP_NOTIFICATIONS = keys("group_id group_name notifications")

ADM, USERS, SELF, OWNER, ANYBODY = (
    Who.ADMINISTRATORS,
    Who.USERS,
    Who.SELF,
    Who.OWNER,
    Who.ANYBODY,
)
PAGE: Body = lambda ids: {"page_number": 0, "page_size": 10}  # noqa: E731


def _task(ids: Ids, task_id: int | None) -> dict[str, Any]:
    return {
        "id": task_id,
        "name": new("task"),
        "description": "",
        "tag_ids": [],
        "start_time": "2031-03-05 10:00" if task_id is None else "2031-03-06 10:00",
        "end_time": "2031-03-05 12:00" if task_id is None else "2031-03-06 12:00",
        "resource_allocations": [
            {"node_id": ids["node_id"], "resource_id": ids["resource_id"], "amount": 1}
        ],
    }


def _limit(ids: Ids) -> dict[str, Any]:
    return {
        "name": "a limit",
        "description": None,
        "amount": 4,
        "user_id": ids["user_id"],
        "group_id": None,
        "resource_id": ids["resource_id"],
        "node_ids": [ids["node_id"]],
    }


def _notification() -> dict[str, Any]:
    return {
        "name": new("notification"),
        "description": "",
        "type": "task_start",
        "time_offset": "600",
        "notification_template": "It begins: ${task_name}",
        "default_amount": 0,
        "resource_id": None,
    }


ROOT = (
    Operation("GET", "/", ANYBODY, DETAIL),
    Operation("GET", "/grafana-link", ANYBODY, DETAIL),
    Operation("POST", "/authentication/token", ANYBODY, TOKENS),
    Operation("POST", "/authentication/refresh", ANYBODY, TOKENS),
    Operation(
        "POST",
        "/authentication/change_password",
        USERS,
        DETAIL,
        lambda ids: {
            "old_password": "a password for tests",
            "new_password": "four quiet words apart",
        },
        once=True,
    ),
    Operation(
        "POST",
        "/authentication/set_password",
        ADM,
        DETAIL,
        lambda ids: {"user_id": ids["user_id"], "new_password": "four quiet words apart"},
    ),
)

PEOPLE = (
    Operation("GET", "/user", USERS, USER, many=True),
    Operation("GET", "/user/{user_id}", SELF, USER),
    Operation(
        "POST",
        "/user",
        ADM,
        USER,
        lambda ids: {
            "name": "Ada",
            "surname": "King",
            "uid": 70_000,
            "username": "ada",
            "password": "four quiet words apart",
            "email": "ada@example.org",
            "group_id": 3,
        },
        status=201,
        once=True,
    ),
    Operation(
        "PUT",
        "/user",
        SELF,
        USER,
        lambda ids: {
            "id": ids["user_id"],
            "name": "Eve",
            "surname": None,
            "username": "eve",
            "email": "eve@example.org",
            "uid": ids["uid"],
            "group_id": 3,
        },
    ),
    Operation("DELETE", "/user/{idle_user_id}", ADM, DETAIL, once=True),
    Operation("GET", "/group", ADM, GROUP, many=True),
    Operation("GET", "/group/{group_id}", SELF, GROUP),
    Operation("POST", "/group", ADM, GROUP, lambda ids: {"name": new("group")}, status=201),
    Operation(
        "PUT",
        "/group",
        ADM,
        GROUP,
        lambda ids: {
            "id": ids["group_id"],
            "name": "Team",
            "description": None,
            "users_share_statistics": True,
            "parent_id": 1,
        },
    ),
    Operation("DELETE", "/group/{group_id}", ADM, DETAIL, once=True),
    Operation(
        "POST",
        "/group/add_user",
        ADM,
        GROUP,
        lambda ids: {"user_id": ids["user_id"], "group_id": 3},
    ),
    Operation(
        "POST",
        "/group/change_parent",
        ADM,
        GROUP,
        lambda ids: {"group_id": ids["group_id"], "parent_id": 3},
    ),
)

CLUSTER = (
    Operation("GET", "/node", USERS, NODE, many=True),
    Operation("GET", "/node/{node_id}", USERS, NODE),
    Operation("POST", "/node", ADM, NODE, lambda ids: {"name": new("node")}),
    Operation("PUT", "/node", ADM, NODE, lambda ids: {"id": ids["node_id"], "name": "n1"}),
    Operation("DELETE", "/node/{idle_node_id}", ADM, DETAIL, once=True),
    Operation(
        "POST",
        "/node/add_resource",
        ADM,
        NODE,
        lambda ids: {
            "node_id": ids["node_id"],
            "resource_id": ids["idle_resource_id"],
            "amount": 8,
        },
    ),
    Operation(
        "POST",
        "/node/remove_resource",
        ADM,
        NODE,
        lambda ids: {
            "node_id": ids["idle_node_id"],
            "resource_id": ids["resource_id"],
            "amount": 0,
        },
        once=True,
    ),
    Operation("GET", "/resource", USERS, RESOURCE, many=True),
    Operation("GET", "/resource/{resource_id}", USERS, RESOURCE),
    Operation("POST", "/resource", ADM, RESOURCE, lambda ids: {"name": new("resource")}),
    Operation(
        "PUT",
        "/resource",
        ADM,
        RESOURCE,
        lambda ids: {"id": ids["resource_id"], "name": "cpu", "unit": "Bytes (IEC)"},
    ),
    Operation("DELETE", "/resource/{idle_resource_id}", ADM, DETAIL, once=True),
    Operation(
        "POST",
        "/resource/add_alias",
        ADM,
        RESOURCE,
        lambda ids: {"resource_id": ids["idle_resource_id"], "alias_id": ids["alias_id"]},
        once=True,
    ),
    Operation(
        "POST",
        "/resource/remove_alias",
        ADM,
        RESOURCE,
        lambda ids: {"resource_id": ids["resource_id"], "alias_id": ids["alias_id"]},
        once=True,
    ),
    Operation("GET", "/resource_alias", USERS, ALIAS, many=True),
    Operation("GET", "/resource_alias/{alias_id}", USERS, ALIAS),
    Operation("POST", "/resource_alias", ADM, ALIAS, lambda ids: {"name": new("alias")}),
    Operation(
        "PUT", "/resource_alias", ADM, ALIAS, lambda ids: {"id": ids["alias_id"], "name": "cores"}
    ),
    Operation("DELETE", "/resource_alias/{alias_id}", ADM, DETAIL, once=True),
)

LIMITS = (
    Operation("GET", "/limit", ADM, LIMIT, many=True),
    Operation("GET", "/limit/{limit_id}", ADM, LIMIT),
    Operation("GET", "/limit/user/{user_id}", ADM, LIMIT, many=True),
    Operation("GET", "/limit/group/{group_id}", ADM, LIMIT, many=True),
    Operation("GET", "/limit/user_all/{user_id}", SELF, LIMIT, many=True),
    Operation("GET", "/limit/group_all/{group_id}", SELF, LIMIT, many=True),
    Operation("POST", "/limit", ADM, LIMIT, _limit),
    Operation("PUT", "/limit", ADM, LIMIT, lambda ids: {**_limit(ids), "id": ids["limit_id"]}),
    Operation("DELETE", "/limit/{limit_id}", ADM, DETAIL, once=True),
)

TASKS = (
    Operation("GET", "/task", ADM, TASK_SIMPLE, many=True),
    Operation("GET", "/task/user/{user_id}", SELF, TASK_SIMPLE, many=True),
    Operation("POST", "/task/user/{user_id}/active", SELF, TASK, PAGE, many=True),
    Operation("POST", "/task/user/{user_id}/finished", SELF, TASK, PAGE, many=True),
    Operation("POST", "/task/active", USERS, TASK_OWNER, PAGE, many=True),
    Operation("POST", "/task/finished", USERS, TASK_OWNER, PAGE, many=True),
    Operation("GET", "/task/{task_id}", USERS, TASK),
    Operation("POST", "/task", USERS, TASK, lambda ids: _task(ids, None)),
    Operation("DELETE", "/task/{task_id}", OWNER, DETAIL, once=True),
    Operation(
        "POST",
        "/task/get_scheduling",
        USERS,
        PERIOD,
        lambda ids: {
            "start_time": "2030-01-01 00:00",
            "end_time": "2030-01-08 00:00",
            "exclude_task_id": 0,
        },
        many=True,
    ),
    Operation(
        "POST",
        "/task/add_tag",
        OWNER,
        TASK,
        lambda ids: {"task_id": ids["task_id"], "tag_id": ids["idle_tag_id"]},
        once=True,
    ),
    Operation(
        "POST",
        "/task/remove_tag",
        OWNER,
        TASK,
        lambda ids: {"task_id": ids["task_id"], "tag_id": ids["tag_id"]},
        once=True,
    ),
)

TAGS = (
    Operation("GET", "/task_tag", ADM, TAG, many=True),
    Operation("GET", "/task_tag/user/{user_id}", SELF, TAG, many=True),
    Operation("GET", "/task_tag/group/{group_id}", SELF, TAG, many=True),
    Operation("GET", "/task_tag/{tag_id}", SELF, TAG),
    Operation("POST", "/task_tag", USERS, TAG, lambda ids: {"name": new("tag")}),
    Operation("PUT", "/task_tag", SELF, TAG, lambda ids: {"id": ids["tag_id"], "name": new("tag")}),
    Operation("DELETE", "/task_tag/{tag_id}", SELF, DETAIL, once=True),
)

NOTIFICATIONS = (
    Operation("GET", "/notification", ADM, NOTIFICATION, many=True),
    Operation("GET", "/notification/{notification_id}", ADM, NOTIFICATION),
    Operation("GET", "/notification/owner/{user_id}", SELF, NOTIFICATION, many=True),
    Operation("GET", "/notification/user/{user_id}", SELF, GROUP_NOTIFICATIONS, many=True),
    Operation("GET", "/notification/group/{group_id}", SELF, GROUP_NOTIFICATIONS, many=True),
    Operation("POST", "/notification", USERS, NOTIFICATION, lambda ids: _notification()),
    Operation(
        "PUT",
        "/notification",
        SELF,
        NOTIFICATION,
        lambda ids: {**_notification(), "id": ids["notification_id"]},
    ),
    Operation("DELETE", "/notification/{notification_id}", SELF, DETAIL, once=True),
    Operation(
        "POST",
        "/notification/assign",
        SELF,
        NOTIFICATION,
        lambda ids: {"notification_id": ids["notification_id"], "user_id": ids["user_id"]},
    ),
    Operation(
        "POST",
        "/notification/unassign",
        SELF,
        NOTIFICATION,
        lambda ids: {"notification_id": ids["notification_id"], "user_id": ids["user_id"]},
    ),
)

OPERATIONS = (*ROOT, *PEOPLE, *CLUSTER, *LIMITS, *TASKS, *TAGS, *NOTIFICATIONS)
