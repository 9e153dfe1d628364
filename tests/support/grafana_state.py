"""What the double of Grafana remembers, and how its calls are found and answered.

What is imitated is the classic HTTP API of Grafana 11 and 12.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]

OLD, NEW = "11.5.2", "12.1.0"
OWN_LOGIN, OWN_PASSWORD = "remas", "the password of remas in Grafana"
DEFAULT_RECEIVER = "grafana-default-email"
UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")


class Refused(Exception):
    """The call ends with this status and body; nothing is changed."""

    def __init__(
        self, status: int, message: str | None = None, /, *, message_id: str = "", **more: Any
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.body: Json | None = None
        if message is not None:
            self.body = {"message": message, **more}
        if message_id:
            self.body = {**(self.body or {}), "messageId": message_id, "statusCode": int(status)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an account, or a service account with a token."""

    user_id: int
    login: str
    role: str
    is_server_admin: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call, decoded."""

    method: str
    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    may_be_edited: bool
    caller: Caller

    @property
    def wish(self) -> Json:
        """The body, which has to be an object."""
        if not isinstance(self.body, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "bad request data")
        return self.body

    @property
    def number(self) -> int:
        """The id in the path."""
        if not self.parts["id"].isdecimal():
            raise Refused(HTTPStatus.BAD_REQUEST, "id is invalid")
        return int(self.parts["id"])


def _own_account() -> dict[int, Json]:
    return {
        1: {
            "id": 1,
            "login": OWN_LOGIN,
            "email": "remas@localhost",
            "name": "REMAS",
            "password": OWN_PASSWORD,
            "isGrafanaAdmin": True,
            "isDisabled": False,
            "isExternal": False,
        }
    }


def _default_contact() -> dict[str, Json]:
    return {
        "default": {
            "uid": "default",
            "name": DEFAULT_RECEIVER,
            "type": "email",
            "settings": {"addresses": "<example@email.com>"},
            "disableResolveMessage": False,
            "provenance": "",
        }
    }


def _default_tree() -> Json:
    return {"receiver": DEFAULT_RECEIVER, "group_by": ["grafana_folder", "alertname"]}


def _server_settings() -> dict[str, Json]:
    """As they come: no mail, no quota. All are text."""
    return {
        "smtp": {"enabled": "false", "host": "localhost:25", "password": "*********"},
        "quota": {"enabled": "false", "org_alert_rule": "100"},
    }


@dataclass
class State:
    """One organisation. Tests may look into it and change it: that is editing behind our back."""

    version: str = OLD
    version_hidden: bool = False
    database_down: bool = False
    read_only: bool = False  # the database: reads answer, writes fail, and health is none the wiser
    organisation: int = 1  # the one that an account is in, where a call names none
    titles_unique: bool = True  # of folders, in the releases that still want it
    lower_case_logins: bool = False
    next_id: int = 2
    users: dict[int, Json] = field(default_factory=_own_account)
    members: dict[int, str] = field(default_factory=lambda: {1: "Admin"})
    tokens: dict[str, Json] = field(default_factory=dict)
    wrong_passwords: dict[str, list[float]] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=_default_contact)
    tree: Json = field(default_factory=_default_tree)
    tree_provenance: str = ""
    rules: dict[str, Json] = field(default_factory=dict)
    intervals: dict[tuple[str, str], int] = field(default_factory=dict)
    resets: dict[str, int] = field(default_factory=dict)
    """How often each rule was really changed, and so lost its state."""
    rule_quota: int | None = None
    sources: dict[str, Json] = field(default_factory=dict)
    ill_sources: dict[str, str] = field(default_factory=dict)
    """What is wrong with those behind which nothing answers, by uid."""
    server_settings: dict[str, Json] = field(default_factory=_server_settings)

    @property
    def is_new(self) -> bool:
        """Grafana 12 or later."""
        return int(self.version.split(".", maxsplit=1)[0]) >= 12

    def number(self) -> int:
        """The next id."""
        self.next_id += 1
        return self.next_id - 1

    def user_of(self, login: str) -> Json | None:
        """The account with this login, in whatever case."""
        found = (user for user in self.users.values() if user["login"].lower() == login.lower())
        return next(found, None)

    def receivers(self) -> set[str]:
        """The names of all contact points."""
        return {point["name"] for point in self.contacts.values()}

    def own_rules(self, folder: str, group: str) -> list[Json]:
        """The rules of a group."""
        where = (folder, group)
        return [
            rule for rule in self.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == where
        ]


Handler = Callable[[State, Call], tuple[int, Any]]
OPEN, MEMBER, EDITOR, ADMIN, SERVER_ADMIN = range(5)
"""Who may make a call."""


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of call."""

    method: str
    pattern: re.Pattern[str]
    level: int
    handler: Handler


ROUTES: list[Route] = []


def route(method: str, path: str, level: int) -> Callable[[Handler], Handler]:
    """Let a function answer calls of this path, such as "/users/{id}"."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, level, handler))
        return handler

    return register


def found_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a call whose path is still encoded, and the decoded parts of it."""
    for known in ROUTES:
        found = known.pattern.fullmatch(path)
        if known.method == method and found:
            return known, {name: unquote(part) for name, part in found.groupdict().items()}
    raise Refused(HTTPStatus.NOT_FOUND, "Not found")


def every_route(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The root and all policies below it."""
    yield tree
    for child in tree.get("routes") or []:
        yield from every_route(child)
