"""What is asked. Lenient: `"5"` is a number, keys that nobody knows are left alone."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from remas.compat.times import Given
from remas.models import MAX_AMOUNT, NotificationType

Id = int
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Uid = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seconds = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
PageNumber = Annotated[int, Field(ge=0, le=2**31 - 2)]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


# Signing in


class SignIn(Body):
    """The password form of OAuth 2; scope and client are not looked at."""

    username: str
    password: str = Field(repr=False)
    grant_type: Annotated[str | None, Field(pattern="^password$")] = None


class OwnPassword(Body):
    old_password: str = Field(repr=False)
    new_password: str = Field(repr=False)


class OthersPassword(Body):
    user_id: Id
    new_password: str = Field(repr=False)


# People


class NewUser(Body):
    username: str
    password: str = Field(repr=False)
    email: str
    uid: Uid
    name: str | None = None
    surname: str | None = None
    group_id: Id = 3


class ChangedUser(Body):
    """All keys have to be there. `username` is not looked at: it never changes."""

    id: Id
    name: str | None
    surname: str | None
    username: str
    email: str
    uid: Uid


class NewGroup(Body):
    name: str
    description: str | None = None
    users_share_statistics: bool = True
    parent_id: Id | None = None


class ChangedGroup(Body):
    id: Id
    name: str
    description: str | None = None
    users_share_statistics: bool = True


class Membership(Body):
    user_id: Id
    group_id: Id


class Parent(Body):
    """`parent_id` null: the group is to have no parent."""

    group_id: Id
    parent_id: Id | None


# The cluster


class New(Body):
    """A node or an alias."""

    name: str
    description: str | None = None


class Changed(New):
    id: Id


class NewResource(New):
    unit: str = ""


class ChangedResource(NewResource):
    id: Id


class NodeResource(Body):
    node_id: Id
    resource_id: Id
    amount: Amount


class NodeResourceLess(Body):
    """`amount` has to be there and is not looked at."""

    node_id: Id
    resource_id: Id
    amount: int


class ResourceAlias(Body):
    resource_id: Id
    alias_id: Id


# Limits


class NewLimit(Body):
    name: str
    amount: Amount
    resource_id: Id
    node_ids: Annotated[list[Id], Field(max_length=100_000)]
    description: str | None = None
    user_id: Id | None = None
    group_id: Id | None = None


class ChangedLimit(NewLimit):
    id: Id


# Tasks


class TaskAllocation(Body):
    node_id: Id
    resource_id: Id
    amount: PositiveAmount


class Task(Body):
    """`id` null: a new one. All keys have to be there."""

    id: Id | None
    name: str
    description: str | None
    tag_ids: Annotated[list[Id], Field(max_length=1000)]
    resource_allocations: Annotated[list[TaskAllocation], Field(max_length=100_000)]
    start_time: Given
    end_time: Given


class Paging(Body):
    """`page_number` from 0."""

    page_number: PageNumber
    page_size: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Range(Body):
    """`exclude_task_id` 0 or null: none."""

    start_time: Given
    end_time: Given
    exclude_task_id: int | None = None


class TaskTag(Body):
    task_id: Id
    tag_id: Id


# Notifications


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


class NewNotification(Body):
    name: str
    description: str | None = None
    type: str = NotificationType.OTHER.value
    time_offset: Annotated[Seconds | None, BeforeValidator(_empty_is_none)] = None
    notification_template: str | None = None
    default_amount: Annotated[Amount | None, BeforeValidator(_empty_is_none)] = None
    resource_id: Id | None = None


class ChangedNotification(NewNotification):
    id: Id


class Assignment(Body):
    """At least one of `user_id` and `group_id`."""

    notification_id: Id
    user_id: Id | None = None
    group_id: Id | None = None
