"""What is in Grafana, read at most once in a run."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remas.clients.grafana import Grafana, GrafanaUser
from remas.grafana import names, rules

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Board:
    """What lists tell of a dashboard. `folder`: the uid of its folder, empty at the top."""

    title: str
    folder: str
    tags: frozenset[str]


@dataclass(slots=True)
class Present:
    """A run's view of Grafana. `whole`: everybody is looked at, so what can be listed is listed
    once; else only what concerns one person is asked for."""

    grafana: Grafana
    whole: bool = False
    _folders: dict[str, str | None] = field(default_factory=dict)
    _listed: bool = False
    _permissions: dict[str, list[Json]] = field(default_factory=dict)
    _boards: dict[str, Board | None] | None = None
    _contacts: dict[str, Json] | None = None
    _roles: dict[int, str] | None = None
    _rules: list[Json] | None = None
    _groups: dict[str, list[Json]] | None = None
    _version: str | None = None

    def user(self, login: str) -> GrafanaUser | None:
        """The account with this login."""
        return self.grafana.find_user(login)

    def role(self, user_id: int) -> str | None:
        """The account's role in the organisation; None: it is no member."""
        if self._roles is None:
            self._roles = self.grafana.roles()
        return self._roles.get(user_id)

    def folder_title(self, uid: str) -> str | None:
        """The title of a folder; None: there is no such folder."""
        if self.whole and not self._listed:
            self._folders = {found["uid"]: found["title"] for found in self.grafana.folders()}
            self._listed = True
        if uid not in self._folders:  # nor at the top: somebody may have moved it
            found = self.grafana.folder(uid)
            self._folders[uid] = found["title"] if found else None
        return self._folders.get(uid)

    def made_folder(self, uid: str, title: str) -> None:
        """Note that there is such a folder now."""
        self._folders[uid] = title

    def board(self, uid: str) -> Board | None:
        """One of the start dashboards; None: there is no such dashboard."""
        boards = self._starts()
        if uid not in boards:  # nor with the tag: somebody may have taken it away
            found = self.grafana.dashboard(uid)
            boards[uid] = _board({**found["meta"], **found["dashboard"]}) if found else None
        return boards[uid]

    def dropped_board(self, uid: str) -> None:
        """Note that there is no such dashboard any more."""
        self._starts()[uid] = None

    def permissions(self, uid: str) -> list[Json]:
        """Who may do what in a folder."""
        if uid not in self._permissions:
            self._permissions[uid] = self.grafana.permissions(uid)
        return self._permissions[uid]

    def forget_roles(self) -> None:
        """Somebody joined: who has which role is to be asked again."""
        self._roles = None

    def set_permissions(self, uid: str, items: list[Json]) -> None:
        """Let exactly these do what they say in a folder."""
        self.grafana.set_permissions(uid, items)
        self._permissions[uid] = items

    def contact_point(self, uid: str) -> Json | None:
        """A contact point; None: there is none."""
        return self.contact_points().get(uid)

    def contact_points(self) -> dict[str, Json]:
        """All contact points by their uid."""
        if self._contacts is None:
            self._contacts = {point["uid"]: point for point in self.grafana.contact_points()}
        return self._contacts

    def called(self) -> dict[int, str]:
        """How people's contact points are called now, by whose they are."""
        points = self.contact_points().items()
        found = (
            (names.owner_of(uid, names.CONTACT_PREFIX), point["name"]) for uid, point in points
        )
        return {owner: name for owner, name in found if owner}

    def rules(self, user_id: int) -> list[Json]:
        """The rules that stand in a person's group."""
        group = names.group(user_id)
        if self.whole:
            return self.groups().get(group, [])
        found = self.grafana.rule_group(names.ALERTS_FOLDER, group)
        return found["rules"] if found else []

    def groups(self) -> dict[str, list[Json]]:
        """All rules in the folder of ours, by group."""
        if self._groups is None:
            self._groups = defaultdict(list)
            for rule in self.all_rules():
                if rule.get("folderUID") == names.ALERTS_FOLDER:
                    self._groups[rule["ruleGroup"]].append(rule)
        return self._groups

    def all_rules(self) -> list[Json]:
        """All rules, wherever they are."""
        if self._rules is None:
            self._rules = self.grafana.rules()
        return self._rules

    def strays(self) -> list[str]:
        """The uids of rules of ours that stand where no person's rules are looked for."""
        return [rule["uid"] for rule in self.all_rules() if _is_stray(rule)]

    def has_rules(self, folder: str) -> bool:
        """Whether alert rules are kept in a folder."""
        return any(rule.get("folderUID") == folder for rule in self.all_rules())

    def version(self) -> int | None:
        """Grafana's first number; None: it keeps that to itself."""
        if self._version is None:
            self._version = self.grafana.version()
        number = self._version.partition(".")[0]
        return int(number) if number.isdecimal() else None

    def owners(self) -> set[int]:
        """The numbers of all for whom something of ours is here: also of those long gone."""
        groups = (
            names.owner_of(group, names.GROUP_PREFIX)
            for group, found in self.groups().items()
            if any(map(rules.is_ours, found))
        )
        points = (names.owner_of(uid, names.CONTACT_PREFIX) for uid in self.contact_points())
        folders = (names.owner_of(uid, names.FOLDER_PREFIX) for uid in self._titles())
        starts = (names.owner_of(uid, names.START_PREFIX) for uid in self._starts())
        return {owner for found in (groups, points, folders, starts) for owner in found if owner}

    def _starts(self) -> dict[str, Board | None]:
        if self._boards is None:
            listed = self.grafana.dashboards(names.START_TAG) if self.whole else []
            self._boards = {found["uid"]: _board(found) for found in listed}
        return self._boards

    def _titles(self) -> Mapping[str, str | None]:
        self.folder_title(names.ALERTS_FOLDER)
        return self._folders


def _board(found: Json) -> Board:
    tags = frozenset(map(str, found.get("tags") or ()))
    return Board(str(found.get("title")), str(found.get("folderUid") or ""), tags)


def _is_stray(rule: Json) -> bool:
    if rule.get("folderUID") != names.ALERTS_FOLDER:
        # Whoever labels a rule elsewhere as ours uses our routing, and may.
        return rules.is_ours(rule) and str(rule["uid"]).startswith(names.RULE_PREFIX)
    return rules.is_ours(rule) and not names.owner_of(rule["ruleGroup"], names.GROUP_PREFIX)
