"""The dashboard with which each private folder begins: links to those that are for everybody.

It is written where it is missing, stands in another folder, or has another title or edition. All
else that its person does with it stays, as does all else in the folder.
"""

from typing import Any
from urllib.parse import quote

from remas.clients.grafana import GrafanaError
from remas.grafana import names
from remas.grafana.present import Board, Json, Present
from remas.grafana.wish import Person

EDITION = 1
"""Of what the dashboard shows: whoever changes that counts on, and it is written everywhere."""
TAGS = ("remas", names.START_TAG, f"{names.START_TAG}-{EDITION}")
PANEL = 1_000_000
"""The number of our panel. Grafana counts those that people add from 1, or on from the highest."""
LONGEST_NAME = 150  # of Grafana's 189 characters for a title


def keep(present: Present, somebody: Person) -> None:
    """Have the dashboard in the person's folder, which is there already.

    Where Grafana wants titles to differ and another dashboard there has it, the uid is put behind.
    Before that it is tried once more: the same refusal comes where its person just saved it.
    """
    uid, title = names.start(somebody.id), _title(somebody)
    longer = f"{title} [{uid}]"
    if _is_right(present.board(uid), names.folder(somebody.id), (title, longer)):
        return
    for _attempt in range(2):
        try:
            _write(present, somebody, title)
        except GrafanaError as error:
            if not error.is_taken:
                raise
        else:
            return
    _write(present, somebody, longer)


def drop(present: Present, user_id: int, gone_with: str | None) -> None:
    """Delete the dashboard, wherever it stands. `gone_with`: a folder deleted with all in it."""
    uid = names.start(user_id)
    board = present.board(uid)
    if board is not None and board.folder != gone_with:
        present.grafana.delete_dashboard(uid)
        present.dropped_board(uid)


def wanted(somebody: Person, title: str) -> Json:
    """The dashboard as it is made. The username stands in a link as a value, and in the title."""
    return {
        "id": None,
        "uid": names.start(somebody.id),
        "title": title,
        "tags": list(TAGS),
        "schemaVersion": 39,
        "editable": True,
        "panels": [_panel(somebody.username)],
    }


def renewed(found: Json, wish: Json) -> Json:
    """The dashboard that is there, with what is ours in it as it is wished.

    With the version that was read: Grafana then refuses to write over what is newer.
    """
    panels = [panel for panel in found.get("panels") or [] if panel.get("id") != PANEL]
    tags = [tag for tag in found.get("tags") or [] if not str(tag).startswith(names.START_TAG)]
    return {
        **found,
        "title": wish["title"],
        "tags": list(dict.fromkeys([*wish["tags"], *tags])),
        "panels": [*wish["panels"], *panels],
    }


def _title(somebody: Person) -> str:
    return f"{somebody.username[:LONGEST_NAME]}: start"


def _is_right(now: Board | None, folder: str, titles: tuple[str, ...]) -> bool:
    if now is None or now.folder != folder or now.title not in titles:
        return False
    return now.tags.issuperset(TAGS)


def _write(present: Present, somebody: Person, title: str) -> None:
    wish = wanted(somebody, title)
    found = present.grafana.dashboard(names.start(somebody.id))
    if found is not None:
        wish = renewed(found["dashboard"], wish)
    present.grafana.put_dashboard(wish, names.folder(somebody.id))


def _panel(username: str) -> dict[str, Any]:
    """Links without a slash before them: so they lead on also where Grafana is below a path."""
    user = quote(username, safe="")
    text = (
        f"- [What you use, and what you hold](d/{names.PERSON_DASHBOARD}?var-user={user})\n"
        f"- [The whole cluster](d/{names.CLUSTER_DASHBOARD})\n\n"
        "This folder is yours: nobody but you and the administrators sees it, "
        "and what you keep in it stays."
    )
    return {
        "id": PANEL,
        "type": "text",
        "title": "Where to look",
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 6},
        "options": {"mode": "markdown", "content": text},
    }
