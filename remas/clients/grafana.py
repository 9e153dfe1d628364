"""Grafana's HTTP API, call by call: nothing is decided here.

The classic `/api` of Grafana 11 and 12. Whatever is written has an id of our choosing, so that a
call whose answer was lost can be repeated.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import requests

from remas.clients.grafana_answers import GrafanaError, parsed, refused
from remas.config import Settings

__all__ = ["ORGANISATION", "Grafana", "GrafanaError", "GrafanaUser"]

Json = dict[str, Any]

PATIENCE = (3, 15)  # seconds: to be let in, and for an answer
PER_PAGE = 1000
ORGANISATION = "1"
MAY_BE_EDITED = {"X-Disable-Provenance": "true"}
"""What is written with this stays editable on Grafana's own pages."""


@dataclass(frozen=True, slots=True)
class GrafanaUser:
    """An account of Grafana. `id` is Grafana's own."""

    id: int
    login: str
    email: str
    name: str
    is_server_admin: bool
    is_disabled: bool
    is_external: bool = False
    """Somebody else vouches for the person, such as a proxy: Grafana then refuses some changes."""


class Grafana:
    """One Grafana, with one account of it. Every method raises `GrafanaError`.

    `patience`: seconds to be let in and for an answer, of each call; None: `PATIENCE`. `within`:
    seconds after which all that is asked through this object has to be answered, where somebody
    waits for it; only an answer that comes drop by drop can take longer.
    """

    writes = 0
    """How many writing calls went well so far."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        token: str = "",
        patience: tuple[float, float] | None = None,
        within: float | None = None,
    ) -> None:
        """`url` may end in a sub-path. `token`, of a service account with the role Admin, is used
        wherever Grafana takes one: not for accounts, which want `username` and `password`."""
        self._url = url
        self._password = (username, password)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc: the address is meant as it is
        self._session.headers["X-Grafana-Org-Id"] = ORGANISATION
        self._token = token
        self._patience = patience
        self._until = None if within is None else time.monotonic() + within

    @classmethod
    def of(
        cls,
        settings: Settings,
        patience: tuple[float, float] | None = None,
        within: float | None = None,
    ) -> Self:
        """The one that the settings name."""
        return cls(
            settings.grafana_url,
            settings.grafana_username,
            settings.grafana_password,
            settings.grafana_token,
            patience,
            within,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._session.close()

    def version(self) -> str:
        """Such as "11.5.2"; empty where Grafana keeps it to itself."""
        return str(self._health().get("version", ""))

    def is_well(self) -> bool:
        """Whether Grafana says so: it answers, and reaches its database."""
        return self._health().get("database") == "ok"

    def _health(self) -> Json:
        return self._json("GET", "/health", open_to_all=True)

    # Accounts: these want name and password of a server administrator.

    def find_user(self, login: str) -> GrafanaUser | None:
        """The account with exactly this login, in whatever case; None: there is none."""
        found = self._found(f"/users/lookup?loginOrEmail={_quoted(login)}", account=True)
        if found is not None and not _same_login(found, login):
            # Grafana looks among the e-mail addresses first.
            found = self._searched_user(login)
        if found is None:
            return None
        return GrafanaUser(
            found["id"],
            found["login"],
            found.get("email", ""),
            found.get("name", ""),
            bool(found.get("isGrafanaAdmin")),
            bool(found.get("isDisabled")),
            bool(found.get("isExternal")),
        )

    def _searched_user(self, login: str) -> Json | None:
        path = f"/users/search?perpage={PER_PAGE}&page=1&query={_quoted(login)}"
        users = self._json("GET", path, account=True).get("users") or []
        ids = [user["id"] for user in users if _same_login(user, login)]
        return self._found(f"/users/{ids[0]}", account=True) if ids else None

    def create_user(self, login: str, email: str, name: str) -> None:
        """Make an account with a password that nobody knows."""
        wish = {
            "login": login,
            "email": email,
            "name": name,
            "password": _nobody_knows(),
        }
        self._json("POST", "/admin/users", wish, account=True)

    def update_user(self, user_id: int, login: str, email: str, name: str) -> None:
        """Change login, address and name."""
        wish = {"login": login, "email": email, "name": name}
        self._json("PUT", f"/users/{user_id}", wish, account=True)

    def set_password(self, user_id: int, password: str) -> None:
        """Give an account this password."""
        self._json("PUT", f"/admin/users/{user_id}/password", {"password": password}, account=True)

    def forget_password(self, user_id: int) -> None:
        """Give an account a password that nobody knows."""
        self.set_password(user_id, _nobody_knows())

    def set_server_admin(self, user_id: int, *, wanted: bool) -> None:
        """Make an account a server administrator, or no longer one."""
        path = f"/admin/users/{user_id}/permissions"
        self._json("PUT", path, {"isGrafanaAdmin": wanted}, account=True)

    def set_disabled(self, user_id: int, *, wanted: bool) -> None:
        """Close an account, which ends its sessions, or open it again."""
        verb = "disable" if wanted else "enable"
        self._json("POST", f"/admin/users/{user_id}/{verb}", account=True)

    def log_out(self, user_id: int) -> None:
        """End all sessions of an account."""
        self._json("POST", f"/admin/users/{user_id}/logout", account=True)

    # The organisation.

    def roles(self) -> dict[int, str]:
        """The role of each account that is in the organisation."""
        return {member["userId"]: member["role"] for member in self._list("/org/users")}

    def set_role(self, user_id: int, role: str) -> None:
        """Give a member another role: None, Viewer, Editor, Admin."""
        self._json("PATCH", f"/org/users/{user_id}", {"role": role})

    def join(self, login: str, role: str) -> None:
        """Make an account a member."""
        self._json("POST", "/org/users", {"loginOrEmail": login, "role": role})

    # Folders.

    def folder(self, uid: str) -> Json | None:
        """A folder; None: there is none."""
        return self._found(f"/folders/{_quoted(uid)}")

    def folders(self) -> list[Json]:
        """All folders at the top."""
        return self._pages("/folders?")

    def create_folder(self, uid: str, title: str) -> None:
        """Make a folder at the top."""
        self._json("POST", "/folders", {"uid": uid, "title": title})

    def rename_folder(self, uid: str, title: str) -> None:
        """Give a folder another title."""
        self._json("PUT", f"/folders/{_quoted(uid)}", {"title": title, "overwrite": True})

    def delete_folder(self, uid: str) -> None:
        """Delete a folder with its dashboards; refused where alert rules are in it."""
        self._json("DELETE", f"/folders/{_quoted(uid)}")

    def is_folder_empty(self, uid: str, but: str = "") -> bool:
        """Whether there are neither folders nor dashboards, `but` that one; alert rules may be."""
        found = self._list(f"/search?folderUIDs={_quoted(uid)}&limit=2")
        kept = [one for one in found if one["uid"] != but]
        return not (kept or self._list(f"/folders?parentUid={_quoted(uid)}&limit=1"))

    def permissions(self, uid: str) -> list[Json]:
        """Who may do what in a folder, as its own entries say."""
        entries = self._list(f"/folders/{_quoted(uid)}/permissions")
        return [entry for entry in entries if not entry.get("inherited")]

    def set_permissions(self, uid: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Let exactly these do what they say in a folder."""
        path = f"/folders/{_quoted(uid)}/permissions"
        self._json("POST", path, {"items": [dict(item) for item in items]})

    # Dashboards.

    def dashboard(self, uid: str) -> Json | None:
        """`dashboard`, with its version, and `meta`, with its folder; None: there is none."""
        return self._found(f"/dashboards/uid/{_quoted(uid)}")

    def dashboards(self, tag: str) -> list[Json]:
        """All dashboards with this tag: uid, title, tags and folder, without what they show."""
        return self._pages(f"/search?type=dash-db&tag={_quoted(tag)}&")

    def put_dashboard(self, wish: Mapping[str, Any], folder: str) -> None:
        """Make a dashboard with the uid in it, or change the version in it.

        Never more than that: told to overwrite, Grafana would take over whatever other dashboard
        of the folder has the title.
        """
        body = {"dashboard": dict(wish), "folderUid": folder, "overwrite": False}
        self._json("POST", "/dashboards/db", body)

    def delete_dashboard(self, uid: str) -> None:
        """Delete a dashboard."""
        self._json("DELETE", f"/dashboards/uid/{_quoted(uid)}")

    # Alerting.

    def contact_points(self) -> list[Json]:
        """All contact points."""
        return self._list("/v1/provisioning/contact-points")

    def put_contact_point(self, uid: str, wish: Mapping[str, Any]) -> None:
        """Make a contact point, or change it."""
        path = "/v1/provisioning/contact-points"
        self._put_or_post(f"{path}/{_quoted(uid)}", path, {**wish, "uid": uid})

    def delete_contact_point(self, uid: str) -> None:
        """Delete a contact point; one that is not there: nothing happens."""
        self._json("DELETE", f"/v1/provisioning/contact-points/{_quoted(uid)}")

    def policies(self) -> Json:
        """The whole tree of notification policies."""
        return self._json("GET", "/v1/provisioning/policies")

    def put_policies(self, tree: Mapping[str, Any]) -> None:
        """Replace the whole tree; people can go on editing it."""
        self._json("PUT", "/v1/provisioning/policies", dict(tree), headers=MAY_BE_EDITED)

    def rules(self) -> list[Json]:
        """All alert rules."""
        return self._list("/v1/provisioning/alert-rules")

    def rule(self, uid: str) -> Json | None:
        """One alert rule; None: there is none."""
        return self._found(f"/v1/provisioning/alert-rules/{_quoted(uid)}")

    def rule_group(self, folder: str, group: str) -> Json | None:
        """The rules of a group; None: it has none."""
        return self._found(_group_path(folder, group))

    def put_rule_group(self, folder: str, group: str, wish: Mapping[str, Any]) -> None:
        """Make the group hold exactly these rules; those that are as they should be stay."""
        self._json("PUT", _group_path(folder, group), dict(wish))

    def delete_rule(self, uid: str) -> None:
        """Delete a rule; one that is not there: nothing happens."""
        self._json("DELETE", f"/v1/provisioning/alert-rules/{_quoted(uid)}")

    def data_source_uids(self) -> set[str]:
        """The uids of all data sources."""
        return {str(source.get("uid")) for source in self._list("/datasources")}

    # How calls are made.

    def _put_or_post(self, own_path: str, path: str, wish: Json) -> None:
        try:
            self._json("PUT", own_path, wish)
        except GrafanaError as error:
            if not error.is_missing:
                raise
            self._json("POST", path, wish)

    def _found(self, path: str, *, account: bool = False) -> Json | None:
        try:
            return self._json("GET", path, account=account)
        except GrafanaError as error:
            if error.is_missing:
                return None
            raise

    def _pages(self, path: str) -> list[Json]:
        """A list that Grafana gives in pages. `path`: up to where limit and page are to stand."""
        found: list[Json] = []
        page = 1
        while True:
            part = self._list(f"{path}limit={PER_PAGE}&page={page}")
            found += part
            if len(part) < PER_PAGE:
                return found
            page += 1

    def _list(self, path: str) -> list[Json]:
        found = self._call("GET", path)
        if not isinstance(found, list):
            raise GrafanaError(f"GET {path}: a list was expected.")
        return found

    def _json(self, method: str, path: str, body: Json | None = None, **how: Any) -> Json:
        found = self._call(method, path, body, **how)
        return found if isinstance(found, dict) else {}

    def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        account: bool = False,
        open_to_all: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON; None where it has none."""
        sent = dict(headers or {})
        by_token = bool(self._token) and not account and not open_to_all
        if by_token:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            answer = self._session.request(
                method,
                f"{self._url}/api{path}",
                json=body,
                headers=sent,
                auth=None if by_token or open_to_all else self._password,
                timeout=self._timeouts(),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise GrafanaError(f"{method} {path}: no answer ({type(error).__name__}).") from error
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise refused(method, path, answer)
        if method != "GET":
            self.writes += 1
        return parsed(method, path, answer)

    def _timeouts(self) -> tuple[float, float]:
        """Seconds to be let in, and for an answer. Raises `GrafanaError` when the time is over."""
        to_be_let_in, answer = self._patience or PATIENCE
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise GrafanaError("No answer in the time that there was.")
            to_be_let_in = min(to_be_let_in, left / 4)
            answer = min(answer, left - to_be_let_in)
        return to_be_let_in, answer


def _nobody_knows() -> str:
    return secrets.token_urlsafe(32)


def _same_login(user: Mapping[str, Any], login: str) -> bool:
    return str(user["login"]).casefold() == login.casefold()


def _group_path(folder: str, group: str) -> str:
    return f"/v1/provisioning/folder/{_quoted(folder)}/rule-groups/{_quoted(group)}"


def _quoted(value: str) -> str:
    return quote(value, safe="")
