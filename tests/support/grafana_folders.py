"""The double of Grafana: folders and who may see them, data sources."""

from http import HTTPStatus
from typing import Any

from tests.support.grafana_state import (
    ADMIN,
    EDITOR,
    MEMBER,
    UID,
    Call,
    Json,
    Refused,
    State,
    route,
)

VIEW, EDIT, ADMINISTER = 1, 2, 4
DEFAULT_ROLES = [{"role": "Editor", "permission": EDIT}, {"role": "Viewer", "permission": VIEW}]

Answer = tuple[int, Any]


@route("GET", "/folders", MEMBER)
def _list(state: State, call: Call) -> Answer:
    page, size = int(call.query.get("page", 1)), int(call.query.get("limit", 1000))
    parent = call.query.get("parentUid", "")
    children = [folder for folder in state.folders.values() if folder["parentUid"] == parent]
    part = children[(page - 1) * size : page * size]
    return 200, [{name: folder[name] for name in ("id", "uid", "title")} for folder in part]


@route("GET", "/folders/{uid}", MEMBER)
def _get(state: State, call: Call) -> Answer:
    return HTTPStatus.OK, _shown(_existing(state, call.parts["uid"]))


@route("POST", "/folders", EDITOR)
def _create(state: State, call: Call) -> Answer:
    wish = call.wish
    title, parent = str(wish.get("title") or ""), wish.get("parentUid") or ""
    uid = wish.get("uid") or f"made-{state.next_id}"
    if not title:
        raise Refused(400, "folder title cannot be empty", status="empty-name")
    if not UID.fullmatch(uid):
        raise Refused(400, "uid contains illegal characters or is too long", status="invalid-uid")
    if parent:
        _existing(state, parent)
    if uid in state.folders and state.is_new:
        raise Refused(412, "the folder has been changed by someone else", status="version-mismatch")
    if uid in state.folders:
        raise Refused(409, "a folder with that UID already exists", status="conflict")
    _check_title(state, title, parent)
    creator = {"userId": call.caller.user_id, "permission": ADMINISTER}
    state.folders[uid] = {
        "id": state.number(),
        "uid": uid,
        "title": title,
        "parentUid": parent,
        "version": 1,
        "acl": [creator, *([] if parent else DEFAULT_ROLES)],
    }
    return HTTPStatus.OK, _shown(state.folders[uid])


@route("PUT", "/folders/{uid}", EDITOR)
def _rename(state: State, call: Call) -> Answer:
    folder, wish = _existing(state, call.parts["uid"]), call.wish
    if not wish.get("title"):
        raise Refused(400, "folder title cannot be empty", status="empty-name")
    if not wish.get("overwrite") and wish.get("version") != folder["version"]:
        raise Refused(412, "the folder has been changed by someone else", status="version-mismatch")
    _check_title(state, wish["title"], folder["parentUid"], but=folder["uid"])
    folder.update(title=wish["title"], version=folder["version"] + 1)
    return HTTPStatus.OK, _shown(folder)


@route("DELETE", "/folders/{uid}", EDITOR)
def _delete(state: State, call: Call) -> Answer:
    folder = _existing(state, call.parts["uid"])
    gone = _below(state, folder["uid"])
    inside = [uid for uid, rule in state.rules.items() if rule["folderUID"] in gone]
    if inside and call.query.get("forceDeleteRules") != "true":
        raise Refused(400, "folder is not empty", message_id="folder.not-empty")
    state.rules = {uid: rule for uid, rule in state.rules.items() if uid not in inside}
    state.folders = {uid: known for uid, known in state.folders.items() if uid not in gone}
    state.dashboards = {
        uid: board for uid, board in state.dashboards.items() if board["folderUid"] not in gone
    }
    return HTTPStatus.OK, {"message": "Folder deleted"}


@route("GET", "/folders/{uid}/permissions", ADMIN)
def _permissions(state: State, call: Call) -> Answer:
    folder = _existing(state, call.parts["uid"])
    return HTTPStatus.OK, [_entry(state, folder, entry) for entry in folder["acl"]]


@route("POST", "/folders/{uid}/permissions", ADMIN)
def _set_permissions(state: State, call: Call) -> Answer:
    folder = _existing(state, call.parts["uid"])
    items = call.wish.get("items")
    if not isinstance(items, list):
        raise Refused(HTTPStatus.BAD_REQUEST, "bad request data")
    for item in items:
        named = [name for name in ("userId", "teamId", "role") if item.get(name)]
        if len(named) != 1:
            raise Refused(400, "Permission must be for one user, one team or one role")
        if item.get("permission") not in (VIEW, EDIT, ADMINISTER):
            raise Refused(400, "invalid permission")
        if item.get("userId") and item["userId"] not in state.users:
            raise Refused(500, "Failed to create permission")
    folder["acl"] = [dict(item) for item in items]
    return HTTPStatus.OK, {"message": "Folder permissions updated"}


@route("GET", "/datasources", MEMBER)
def _sources(state: State, _call: Call) -> Answer:
    return HTTPStatus.OK, list(state.sources.values())


@route("GET", "/datasources/uid/{uid}", MEMBER)
def _source(state: State, call: Call) -> Answer:
    if call.parts["uid"] not in state.sources:
        raise Refused(HTTPStatus.NOT_FOUND, "Data source not found")
    return HTTPStatus.OK, state.sources[call.parts["uid"]]


@route("POST", "/datasources", ADMIN)
def _add_source(state: State, call: Call) -> Answer:
    wish = call.wish
    if not wish.get("name") or not wish.get("type"):
        raise Refused(400, "bad request data")
    uid = wish.get("uid") or f"made-{state.next_id}"
    if uid in state.sources:
        raise Refused(HTTPStatus.CONFLICT, "data source with the same uid already exists")
    if any(one["name"] == wish["name"] for one in state.sources.values()):
        raise Refused(HTTPStatus.CONFLICT, "data source with the same name already exists")
    state.sources[uid] = {"readOnly": False, **wish, "uid": uid, "id": state.number(), "version": 1}
    made = state.sources[uid]
    said = {"datasource": made, "id": made["id"], "name": made["name"]}
    return HTTPStatus.OK, {**said, "message": "Datasource added"}


@route("PUT", "/datasources/uid/{uid}", ADMIN)
def _change_source(state: State, call: Call) -> Answer:
    now = state.sources.get(call.parts["uid"])
    if now is None:
        raise Refused(HTTPStatus.NOT_FOUND, "Data source not found")
    if now["readOnly"]:
        raise Refused(HTTPStatus.FORBIDDEN, "Cannot update read-only data source")
    if call.wish.get("version") not in (None, now["version"]):
        raise Refused(HTTPStatus.CONFLICT, "Datasource has already been updated by someone else")
    kept = {name: now[name] for name in ("id", "uid", "readOnly")}
    now.update({**call.wish, **kept, "version": now["version"] + 1})
    return HTTPStatus.OK, {"datasource": now, "message": "Datasource updated"}


def _existing(state: State, uid: str) -> Json:
    if uid not in state.folders:
        raise Refused(HTTPStatus.NOT_FOUND, "folder not found", status="not-found")
    return state.folders[uid]


def _check_title(state: State, title: str, parent: str, but: str = "") -> None:
    others = (folder for uid, folder in state.folders.items() if uid != but)
    if state.titles_unique and any(
        (folder["title"], folder["parentUid"]) == (title, parent) for folder in others
    ):
        raise Refused(409, "a folder with that name already exists", status="name-exists")


def _below(state: State, uid: str) -> set[str]:
    found = {uid}
    while True:
        more = {known for known, one in state.folders.items() if one["parentUid"] in found}
        if more <= found:
            return found
        found |= more


def _shown(folder: Json) -> Json:
    shown = {name: value for name, value in folder.items() if name not in ("acl", "parentUid")}
    parent = {"parentUid": folder["parentUid"]} if folder["parentUid"] else {}
    return {**shown, **parent, "url": f"/dashboards/f/{folder['uid']}", "canAdmin": True}


def _entry(state: State, folder: Json, entry: Json) -> Json:
    user = state.users.get(entry.get("userId", 0), {})
    return {
        "uid": folder["uid"],
        "userId": entry.get("userId", 0),
        "userLogin": user.get("login", _service_login(state, entry)),
        "teamId": entry.get("teamId", 0),
        **({"role": entry["role"]} if entry.get("role") else {}),
        "permission": entry["permission"],
        "inherited": False,
    }


def _service_login(state: State, entry: Json) -> str:
    logins = (one["login"] for one in state.tokens.values() if one["id"] == entry.get("userId"))
    return next(logins, "")
