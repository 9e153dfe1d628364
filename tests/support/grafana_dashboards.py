"""The double of Grafana: dashboards, and the search for them."""

from copy import deepcopy
from http import HTTPStatus
from typing import Any

from tests.support.grafana_state import EDITOR, MEMBER, UID, Call, Json, Refused, State, route

MOST_FOUND = 5000

Answer = tuple[int, Any]


@route("POST", "/dashboards/db", EDITOR)
def _save(state: State, call: Call) -> Answer:
    wish = deepcopy(call.wish.get("dashboard"))
    if not isinstance(wish, dict) or not str(wish.get("title") or "").strip():
        raise Refused(400, "Dashboard title cannot be empty", status="empty-name")
    folder, overwrite = call.wish.get("folderUid") or "", bool(call.wish.get("overwrite"))
    if folder and folder not in state.folders:
        raise Refused(404, "folder not found", status="not-found")
    uid = wish.get("uid") or f"made-{state.next_id}"
    if not UID.fullmatch(uid):
        raise Refused(400, "uid contains illegal characters or is too long")
    now = _to_change(state, uid, wish, overwrite=overwrite)
    same = _of_title(state, wish["title"], folder, but=uid)
    if same is not None and not overwrite:
        text = "A dashboard with the same name in the folder already exists"
        raise Refused(412, text, status="name-exists")
    kept = same or now  # told to overwrite, Grafana takes over the other of this title
    saved = stored_board(state, kept["uid"] if kept else uid, folder, wish)
    shown = {"uid": saved["uid"], "version": saved["version"], "id": saved["id"]}
    return HTTPStatus.OK, {**shown, "folderUid": folder, "status": "success", "slug": "x"}


@route("GET", "/dashboards/uid/{uid}", MEMBER)
def _get(state: State, call: Call) -> Answer:
    board = _existing(state, call.parts["uid"])
    meta = {"folderUid": board["folderUid"], "version": board["version"], "canSave": True}
    return HTTPStatus.OK, {"meta": meta, "dashboard": shown_board(board)}


@route("DELETE", "/dashboards/uid/{uid}", EDITOR)
def _delete(state: State, call: Call) -> Answer:
    board = _existing(state, call.parts["uid"])
    _refuse_provisioned(board)
    del state.dashboards[board["uid"]]
    return HTTPStatus.OK, {"message": f"Dashboard {board['title']} deleted", "uid": board["uid"]}


@route("GET", "/search", MEMBER)
def _search(state: State, call: Call) -> Answer:
    where, tag, kind = (call.query.get(name) for name in ("folderUIDs", "tag", "type"))
    boards = [
        _found(state, board)
        for board in state.dashboards.values()
        if where in (None, board["folderUid"]) and (tag is None or tag in _tags(board))
    ]
    folders = [
        {"uid": folder["uid"], "title": folder["title"], "type": "dash-folder", "tags": []}
        for folder in state.folders.values()
        if where in (None, folder["parentUid"]) and tag is None
    ]
    found = [one for one in [*folders, *boards] if kind in (None, one["type"])]
    page, asked = int(call.query.get("page", 1)), call.query.get("limit", "")
    size = min(int(asked), MOST_FOUND) if asked.isdecimal() else 1000
    return HTTPStatus.OK, found[(page - 1) * size : page * size]


def stored_board(state: State, uid: str, folder: str, wish: Json) -> Json:
    """Keep a dashboard, as its next version."""
    now = state.dashboards.get(uid)
    version = now["version"] + 1 if now else 1
    model = {name: value for name, value in wish.items() if name not in ("id", "uid", "version")}
    state.dashboards[uid] = {
        "id": now["id"] if now else state.number(),
        "uid": uid,
        "title": wish["title"],
        "folderUid": folder,
        "version": version,
        "model": deepcopy(model),
        "provisioned": False,
    }
    return state.dashboards[uid]


def shown_board(board: Json) -> Json:
    """The dashboard as Grafana gives it back."""
    own = {name: board[name] for name in ("id", "uid", "version")}
    return {**deepcopy(board["model"]), **own}


def _to_change(state: State, uid: str, wish: Json, *, overwrite: bool) -> Json | None:
    """The dashboard that is there; None: there is none with this uid."""
    now = state.dashboards.get(uid)
    if now is None:
        return None
    _refuse_provisioned(now)
    if not overwrite and wish.get("version") != now["version"]:
        text = "The dashboard has been changed by someone else"
        raise Refused(412, text, status="version-mismatch")
    return now


def _of_title(state: State, title: str, folder: str, but: str) -> Json | None:
    """Another dashboard of the folder with this title, in the releases that mind."""
    if not state.titles_unique:
        return None
    others = (board for uid, board in state.dashboards.items() if uid != but)
    return next(
        (one for one in others if (one["title"], one["folderUid"]) == (title, folder)), None
    )


def _found(state: State, board: Json) -> Json:
    """A dashboard as search tells of it; at the top there is no word of a folder."""
    place = {"folderUid": board["folderUid"]} if board["folderUid"] in state.folders else {}
    known = {name: board[name] for name in ("id", "uid", "title")}
    return {**known, "type": "dash-db", "tags": _tags(board), "isStarred": False, **place}


def _tags(board: Json) -> list[str]:
    return list(board["model"].get("tags") or [])


def _refuse_provisioned(board: Json) -> None:
    if board["provisioned"]:
        raise Refused(400, "Cannot save provisioned dashboard")


def _existing(state: State, uid: str) -> Json:
    if uid not in state.dashboards:
        raise Refused(HTTPStatus.NOT_FOUND, "Dashboard not found", status="not-found")
    return state.dashboards[uid]
