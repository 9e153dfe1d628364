"""The double of Grafana: signing in, accounts, the organisation, health."""

import base64
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tests.support.grafana_state import (
    ADMIN,
    EDITOR,
    MEMBER,
    OPEN,
    SERVER_ADMIN,
    Call,
    Caller,
    Json,
    Refused,
    Route,
    State,
    route,
)

ROLES = ("None", "Viewer", "Editor", "Admin")
TRIES, LOCKED_SECONDS = 5, 300
SHORTEST_PASSWORD = 4
NOBODY = Caller(0, "", "None", is_server_admin=False)

Answer = tuple[int, Any]


def admitted(state: State, route: Route, headers: Mapping[str, str]) -> Caller:
    """Who calls, if they may; else `Refused`."""
    if route.level == OPEN:
        return NOBODY
    caller = _caller(state, headers.get("Authorization", ""))
    if headers.get("X-Grafana-Org-Id", str(state.organisation)) != "1":
        raise Refused(HTTPStatus.FORBIDDEN, "nothing of this test is in that organisation")
    enough = {
        MEMBER: True,
        EDITOR: caller.role in ("Editor", "Admin"),
        ADMIN: caller.role == "Admin",
        SERVER_ADMIN: caller.is_server_admin,
    }
    if not enough[route.level]:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "You'll need additional permissions to perform this action. Permissions needed: …",
            title="Access denied",
            accessErrorId="ACE0123456789",
        )
    return caller


def _caller(state: State, authorization: str) -> Caller:
    kind, _, secret = authorization.partition(" ")
    if kind == "Bearer":
        token = state.tokens.get(secret)
        if token is None:
            raise Refused(401, "Invalid API key", message_id="api-key.invalid")
        return Caller(token["id"], token["login"], token["role"], is_server_admin=False)
    if kind != "Basic":
        raise Refused(401, "Unauthorized", message_id="session.token.missing")
    login, _, password = base64.b64decode(secret).decode().partition(":")
    user = _signed_in(state, login, password)
    role = state.members.get(user["id"], "None")
    return Caller(user["id"], user["login"], role, is_server_admin=user["isGrafanaAdmin"])


def _signed_in(state: State, login: str, password: str) -> Json:
    wrong = "Invalid username or password"
    since = time.monotonic() - LOCKED_SECONDS
    tries = [at for at in state.wrong_passwords.get(login.lower(), []) if at > since]
    if len(tries) >= TRIES:
        raise Refused(401, wrong, message_id="login-attempt.blocked")
    user = state.user_of(login)
    if user is None or user["password"] != password:
        state.wrong_passwords[login.lower()] = [*tries, time.monotonic()]
        raise Refused(401, wrong, message_id="password-auth.failed")
    if user["isDisabled"]:
        raise Refused(401, wrong, message_id="user.disabled")
    return user


@route("GET", "/health", OPEN)
def _health(state: State, _call: Call) -> Answer:
    if state.database_down:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"database": "failing", "version": state.version}
    known = {} if state.version_hidden else {"version": state.version, "commit": "0123456"}
    return HTTPStatus.OK, {"database": "ok", **known}


@route("GET", "/users/lookup", SERVER_ADMIN)
def _lookup(state: State, call: Call) -> Answer:
    wanted = call.query.get("loginOrEmail", "").lower()
    found = None
    if "@" in wanted:
        found = next((one for one in state.users.values() if one["email"].lower() == wanted), None)
    found = found or state.user_of(wanted)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "user not found")
    return HTTPStatus.OK, _shown(found)


@route("GET", "/users/search", SERVER_ADMIN)
def _search(state: State, call: Call) -> Answer:
    page, size = int(call.query.get("page", 1)), int(call.query.get("perpage", 1000))
    part = call.query.get("query", "").lower()
    fitting = [
        {**_shown(user), "isAdmin": user["isGrafanaAdmin"]}
        for user in state.users.values()
        if any(part in user[name].lower() for name in ("login", "email", "name"))
    ]
    shown = fitting[(page - 1) * size : page * size]
    return 200, {"totalCount": len(fitting), "page": page, "perPage": size, "users": shown}


@route("GET", "/users/{id}", SERVER_ADMIN)
def _user(state: State, call: Call) -> Answer:
    return HTTPStatus.OK, _shown(_existing(state, call.number))


@route("POST", "/admin/users", SERVER_ADMIN)
def _create(state: State, call: Call) -> Answer:
    wish = call.wish
    login = wish.get("login") or wish.get("email")
    if not login:
        raise Refused(400, "Validation error, need specify either username or email")
    if len(wish.get("password") or "") < SHORTEST_PASSWORD:
        raise Refused(400, "Password is missing or too short")
    email = wish.get("email") or login
    if _taken(state, login, email):
        raise Refused(412, f"User with email '{email}' or username '{login}' already exists")
    number = state.number()
    state.users[number] = {
        "id": number,
        "login": login.lower() if state.lower_case_logins else login,
        "email": email,
        "name": wish.get("name") or "",
        "password": wish["password"],
        "isGrafanaAdmin": False,
        "isDisabled": False,
        "isExternal": False,
    }
    state.members[number] = "Viewer"
    return HTTPStatus.OK, {"id": number, "message": "User created"}


@route("PUT", "/users/{id}", SERVER_ADMIN)
def _update(state: State, call: Call) -> Answer:
    user, wish = _existing(state, call.number), call.wish
    if user["isExternal"]:
        raise Refused(HTTPStatus.FORBIDDEN, "User info cannot be updated for external users")
    email = wish.get("email") or ""
    login = wish.get("login") or email
    if not login:
        raise Refused(400, "Validation error, need to specify either username or email")
    if _taken(state, login, email, but=user["id"]):
        raise Refused(HTTPStatus.CONFLICT, "Login or email already in use")
    user.update(
        login=login.lower() if state.lower_case_logins else login,
        email=email,
        name=wish.get("name") or "",
    )
    return HTTPStatus.OK, {"message": "User updated"}


@route("PUT", "/admin/users/{id}/password", SERVER_ADMIN)
def _password(state: State, call: Call) -> Answer:
    if len(call.wish.get("password") or "") < SHORTEST_PASSWORD:
        raise Refused(400, "New password too short")
    if call.number not in state.users:
        raise Refused(500, "Could not read user from database")
    state.users[call.number]["password"] = call.wish["password"]
    return HTTPStatus.OK, {"message": "User password updated"}


@route("PUT", "/admin/users/{id}/permissions", SERVER_ADMIN)
def _permissions(state: State, call: Call) -> Answer:
    user, wanted = _existing(state, call.number), bool(call.wish.get("isGrafanaAdmin"))
    others = [one for one in state.users.values() if one["isGrafanaAdmin"] and one is not user]
    if not wanted and not others:
        raise Refused(400, "cannot remove last grafana admin")
    user["isGrafanaAdmin"] = wanted
    return HTTPStatus.OK, {"message": "User permissions updated"}


@route("POST", "/admin/users/{id}/{verb}", SERVER_ADMIN)
def _close_or_open(state: State, call: Call) -> Answer:
    verb, user = call.parts["verb"], _existing(state, call.number)
    if verb == "logout":
        return HTTPStatus.OK, {"message": "User logged out"}
    if verb not in ("disable", "enable"):
        raise Refused(HTTPStatus.NOT_FOUND, "Not found")
    if user["isExternal"]:
        raise Refused(500, f"Could not {verb} external user")
    user["isDisabled"] = verb == "disable"
    return HTTPStatus.OK, {"message": f"User {verb}d"}


@route("DELETE", "/admin/users/{id}", SERVER_ADMIN)
def _delete(state: State, call: Call) -> Answer:
    user = _existing(state, call.number)
    del state.users[user["id"]]
    state.members.pop(user["id"], None)
    for folder in state.folders.values():
        folder["acl"] = [entry for entry in folder["acl"] if entry.get("userId") != user["id"]]
    return HTTPStatus.OK, {"message": "User deleted"}


@route("GET", "/org/users", ADMIN)
def _members(state: State, _call: Call) -> Answer:
    listed = []
    for number, role in state.members.items():
        user = state.users[number]
        known = {"userId": number, "login": user["login"], "email": user["email"], "role": role}
        listed.append({"orgId": 1, **known})
    return HTTPStatus.OK, listed


@route("PATCH", "/org/users/{id}", ADMIN)
def _set_role(state: State, call: Call) -> Answer:
    role = call.wish.get("role")
    if role not in ROLES:
        raise Refused(400, "Invalid role specified")
    if call.number not in state.members:
        raise Refused(500, "Failed update org user")
    admins = {number for number, known in state.members.items() if known == "Admin"}
    if role != "Admin" and admins == {call.number}:
        raise Refused(400, "Cannot change role so that there is no organization admin left")
    state.members[call.number] = role
    return HTTPStatus.OK, {"message": "Organization user updated"}


@route("POST", "/org/users", ADMIN)
def _join(state: State, call: Call) -> Answer:
    role, wanted = call.wish.get("role"), str(call.wish.get("loginOrEmail", "")).lower()
    if role not in ROLES:
        raise Refused(400, "Invalid role specified")
    by_email = (user for user in state.users.values() if user["email"].lower() == wanted)
    user = state.user_of(wanted) or next(by_email, None)
    if user is None:
        raise Refused(HTTPStatus.NOT_FOUND, "User not found")
    if user["id"] in state.members:
        raise Refused(HTTPStatus.CONFLICT, "User is already member of this organization")
    state.members[user["id"]] = role
    return HTTPStatus.OK, {"message": "User added to organization", "userId": user["id"]}


def _existing(state: State, number: int) -> Json:
    if number not in state.users:
        raise Refused(HTTPStatus.NOT_FOUND, "user not found")
    return state.users[number]


def _taken(state: State, login: str, email: str, but: int = 0) -> bool:
    """Whether another account has this login or this address, in whatever case."""
    others = [user for number, user in state.users.items() if number != but]
    return any(
        user["login"].lower() == login.lower() or (email and user["email"].lower() == email.lower())
        for user in others
    )


def _shown(user: Json) -> Json:
    return {**{name: value for name, value in user.items() if name != "password"}, "orgId": 1}
