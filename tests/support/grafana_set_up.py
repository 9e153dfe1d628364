"""The double of Grafana: oneself, the server's settings, what is behind a data source."""

from http import HTTPStatus
from typing import Any

from tests.support.grafana_state import ADMIN, MEMBER, SERVER_ADMIN, Call, Refused, State, route

Answer = tuple[int, Any]


@route("GET", "/user", MEMBER)
def _me(state: State, call: Call) -> Answer:
    if call.caller.user_id not in state.users:  # a service account is nobody
        raise Refused(HTTPStatus.NOT_FOUND, "user not found")
    user = state.users[call.caller.user_id]
    shown = ("id", "login", "email", "name", "isGrafanaAdmin", "isDisabled")
    return HTTPStatus.OK, {**{name: user[name] for name in shown}, "orgId": 1}


@route("GET", "/user/orgs", MEMBER)
def _organisations(state: State, call: Call) -> Answer:
    role = state.members.get(call.caller.user_id)
    found = [{"orgId": 1, "name": "Main Org.", "role": role}] if role else []
    return HTTPStatus.OK, found


@route("GET", "/admin/settings", SERVER_ADMIN)
def _settings(state: State, _call: Call) -> Answer:
    return HTTPStatus.OK, state.server_settings


@route("GET", "/datasources/uid/{uid}/health", ADMIN)
def _health(state: State, call: Call) -> Answer:
    uid = call.parts["uid"]
    if uid not in state.sources:
        raise Refused(HTTPStatus.NOT_FOUND, "Data source not found")
    if uid in state.ill_sources:
        raise Refused(HTTPStatus.BAD_REQUEST, state.ill_sources[uid], status="ERROR")
    text = "Successfully queried the Prometheus API."
    return HTTPStatus.OK, {"status": "OK", "message": text}
