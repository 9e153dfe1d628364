"""What one person should have in Grafana: plain facts, from which everything else follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remas.letters.alert import Values


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. Closed: the account is to be disabled, and nothing watched."""

    id: int
    username: str
    full_name: str
    email: str
    is_admin: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """One notification that watches one person's use of one resource on one node.

    `rule` is the template as `letters.alert.parse` gives it. `amount` is what the person may use
    there now, in the resource's base unit; `reserved`: it comes from a reservation. `author`: who
    made the notification, `admin` or a username.
    """

    notification_id: int
    node_id: int
    node: str
    resource_id: int
    rule: Mapping[str, Any] = field(hash=False)
    values: Values = field(hash=False)
    amount: int
    reserved: bool
    author: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A person, and what watches that person, in any order."""

    person: Person
    alerts: tuple[Alert, ...] = ()
