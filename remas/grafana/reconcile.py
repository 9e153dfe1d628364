"""From what is in Grafana to what should be: only what differs is written, only ours is deleted.

Whoever calls this is the only one at that moment (services/monitoring.py sees to it): Grafana keeps
all alerting in one document, and the policies in one tree without version. Each step can be
repeated, so a run that was cut off is made good by the next. All raise `GrafanaError`.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from remas.clients.grafana import Grafana, GrafanaError, GrafanaUser
from remas.grafana import names, routing, rules, start
from remas.grafana.present import Json, Present
from remas.grafana.refusals import NotPossible, Refusals
from remas.grafana.wish import Alert, Person, Wish

VIEWER, ADMIN, NONE = "Viewer", "Admin", "None"
MAY_EDIT = 2  # Grafana's number for it
SERVICE_ACCOUNT = "sa-"  # as their logins begin
FIRING_FOR, KNOWS_FIRING_FOR = "keep_firing_for", 12  # since which Grafana
SEPARATORS = re.compile(r"[;,\s]")  # of addresses: one person's contact point has one


@dataclass(frozen=True, slots=True)
class Policy:
    """How alerts find their people.

    `direct`: each rule names its contact point; administrators' own policies then never see them.
    `fallback`: where alerts go that reach nobody, which would be a mistake of ours. `own_login`:
    the account with which we are here, which is left alone.
    """

    direct: bool
    fallback: str
    own_login: str


def person(grafana: Grafana, wish: Wish, policy: Policy) -> None:
    """Make good what concerns one person."""
    _person(Present(grafana), wish, policy)


def everybody(
    grafana: Grafana, wishes: Iterable[Wish], policy: Policy, refusals: Refusals | None = None
) -> None:
    """Make good what concerns these, who are all; what is left of others goes.

    What Grafana refuses for one person is told at the end, when the others have been seen to:
    raises `SomeRefused`, and `refusals` has it all.
    """
    present = Present(grafana, whole=True)
    refusals = refusals or Refusals(grafana)
    known: dict[int, str] = {}
    wanted: set[str] = set()
    for wish in wishes:
        known[wish.person.id] = wish.person.username.casefold()
        wanted |= {_rule_uid(alert, wish.person) for alert in wish.alerts}
        with refusals.noted(wish.person.id):
            _person(present, wish, policy)
    strangers = sorted(present.owners() - known.keys())
    for stranger in strangers:
        # Moved into the folder of another who is gone, it would look like something kept there.
        with refusals.noted(stranger):
            start.drop(present, stranger, gone_with=names.folder(stranger))
    for stranger in strangers:
        with refusals.noted(stranger):
            _remove(present, stranger, policy, set(known.values()))
    for uid in present.strays():
        if uid not in wanted:
            with refusals.noted():
                present.grafana.delete_rule(uid)
    if policy.direct:
        with refusals.noted():
            routing.leave(present)
    refusals.raise_if_any()


def _rule_uid(alert: Alert, somebody: Person) -> str:
    return names.rule(alert.notification_id, somebody.id, alert.node_id)


def _person(present: Present, wish: Wish, policy: Policy) -> None:
    somebody = wish.person
    account = _account(present, somebody, policy)
    if somebody.closed:
        _stop_watching(present, somebody.id)
        _drop_contact_point(present, somebody.id)
        return
    if account is None:
        raise GrafanaError(f"The account {somebody.username} is made, but not there.")
    _folder(present, names.ALERTS_FOLDER, names.ALERTS_TITLE, [], policy)
    private = [{"userId": account.id, "permission": MAY_EDIT}]
    _folder(present, names.folder(somebody.id), f"{somebody.username} (private)", private, policy)
    if SEPARATORS.search(somebody.email):
        raise NotPossible(f"The address of {somebody.username} would be several addresses.")
    _contact_point(present, names.contact_uid(somebody.id), _contact(somebody))
    direct = _route(present, somebody.id, policy)
    _rules(present, wish, names.contact_name(somebody.id) if direct else None)
    start.keep(present, somebody)


def _account(present: Present, wanted: Person, policy: Policy) -> GrafanaUser | None:
    """The account as it should be, made where it is missing; None where nobody needs one."""
    found = present.user(wanted.username)
    if found is None:
        if wanted.closed:
            return None
        try:
            present.grafana.create_user(wanted.username, wanted.email, wanted.full_name)
        except GrafanaError as error:
            if not error.is_taken:
                raise
            # An answer was lost, or the address belongs to another login: the next look tells.
        found = present.user(wanted.username)
        present.forget_roles()
        if found is None:
            raise NotPossible(
                f"Grafana has another account with the address {wanted.email}. "
                f"Change one of them, or give that account the login {wanted.username}."
            )
    if found.login.casefold() != policy.own_login.casefold():
        _update_account(present, found, wanted)
    return found


def _update_account(present: Present, found: GrafanaUser, wanted: Person) -> None:
    grafana, admin = present.grafana, wanted.is_admin and not wanted.closed
    # Logins differ by case for nobody, and Grafana may keep them in small letters.
    facts = (found.login.casefold(), found.email.casefold(), found.name)
    asked = (wanted.username.casefold(), wanted.email.casefold(), wanted.full_name)
    if facts != asked and not found.is_external:
        grafana.update_user(found.id, wanted.username, wanted.email, wanted.full_name)
    if found.is_server_admin != admin:
        grafana.set_server_admin(found.id, wanted=admin)
    if found.is_external and wanted.closed:
        _shut_out(present, found)
        return
    if found.is_disabled != wanted.closed and not found.is_external:
        grafana.set_disabled(found.id, wanted=wanted.closed)
    role, now = ADMIN if admin else VIEWER, present.role(found.id)
    if now is None:
        grafana.join(wanted.username, role)
    # Whom somebody made an editor on Grafana's own pages stays one.
    elif now != role and {now, role} & {ADMIN, NONE}:
        grafana.set_role(found.id, role)


def _shut_out(present: Present, found: GrafanaUser) -> None:
    """Leave an account nothing that it may do: Grafana disables none that a proxy vouches for."""
    if present.role(found.id) in (None, NONE):
        return
    try:
        present.grafana.forget_password(found.id)
    except GrafanaError as error:
        if not error.is_about_one:
            raise
        # Where Grafana keeps no passwords for such accounts, there is none to forget.
    present.grafana.log_out(found.id)
    present.grafana.set_role(found.id, NONE)


def _folder(present: Present, uid: str, title: str, may: list[Json], policy: Policy) -> None:
    """A folder of this title, for exactly these, and for administrators.

    Where Grafana wants titles to differ and another folder has it, the uid is put behind it.
    """
    now, longer = present.folder_title(uid), f"{title} [{uid}]"
    if now not in (title, longer):
        try:
            _name_folder(present, uid, title)
        except GrafanaError as error:
            if not error.is_taken:
                raise
            if present.grafana.folder(uid) is None or now is not None:
                _name_folder(present, uid, longer)
        present.made_folder(uid, title)
    entries = present.permissions(uid)
    # Where Grafana keeps an entry for whoever made the folder, that is ourselves.
    others = [entry for entry in entries if not _is_our_own(entry, policy)]
    if [_entry(entry) for entry in others] != may:
        present.set_permissions(uid, may)


def _name_folder(present: Present, uid: str, title: str) -> None:
    if present.folder_title(uid) is None:
        present.grafana.create_folder(uid, title)
    else:
        present.grafana.rename_folder(uid, title)


def _is_our_own(entry: Json, policy: Policy) -> bool:
    login = str(entry.get("userLogin") or "").casefold()
    is_us = login == policy.own_login.casefold() or login.startswith(SERVICE_ACCOUNT)
    return is_us and entry.get("permission", 0) > MAY_EDIT


def _entry(entry: Json) -> Json:
    """An entry as it would be written."""
    who = {name: entry[name] for name in ("userId", "teamId", "role") if entry.get(name)}
    return {**who, "permission": entry["permission"]}


def _contact(somebody: Person) -> Json:
    return _mail_to(names.contact_name(somebody.id), somebody.email)


def _mail_to(name: str, address: str) -> Json:
    return {
        "name": name,
        "type": "email",
        "settings": {"addresses": address, "singleEmail": False},
        "disableResolveMessage": False,
    }


def _contact_point(present: Present, uid: str, wanted: Json) -> None:
    now = present.contact_point(uid)
    if now is None or not rules.same(wanted, now):
        present.grafana.put_contact_point(uid, wanted)
        present.contact_points()[uid] = {**wanted, "uid": uid}


def _route(present: Present, user_id: int, policy: Policy) -> bool:
    """Whether the rules have to name the contact point; else our route leads there."""
    if policy.direct:
        return True
    _contact_point(present, names.UNROUTED, _mail_to(names.UNROUTED_NAME, policy.fallback))
    return not routing.change(present, more=user_id)


def _rules(present: Present, wish: Wish, receiver: str | None) -> None:
    """Make the person's group hold exactly the rules wanted, in one call or in none.

    Rules that somebody else put into the group are written back as they are.
    """
    wanted = sorted(
        (_rule(present, alert, wish.person, receiver) for alert in wish.alerts),
        key=lambda rule: str(rule["uid"]),
    )
    present_rules = present.rules(wish.person.id)
    now = {rule["uid"]: rule for rule in present_rules if rules.is_ours(rule)}
    if now.keys() == {rule["uid"] for rule in wanted} and all(
        rules.same_rule(rule, now[rule["uid"]]) for rule in wanted
    ):
        return
    theirs = [rule for rule in present_rules if not rules.is_ours(rule)]
    if taken := {rule["uid"] for rule in theirs} & {rule["uid"] for rule in wanted}:
        uids = ", ".join(sorted(taken))
        raise NotPossible(f"Whoever provisions Grafana has rules with uids of REMAS: {uids}.")
    group = names.group(wish.person.id)
    body = {
        "title": group,
        "folderUid": names.ALERTS_FOLDER,
        "interval": rules.INTERVAL,
        "rules": [*wanted, *theirs],
    }
    present.grafana.put_rule_group(names.ALERTS_FOLDER, group, body)


def _rule(present: Present, alert: Alert, person: Person, receiver: str | None) -> rules.Rule:
    """The rule without what this Grafana does not know, and so would never seem to have."""
    rule = rules.of(alert, person, receiver)
    if FIRING_FOR in rule and (present.version() or KNOWS_FIRING_FOR) < KNOWS_FIRING_FOR:
        del rule[FIRING_FOR]
    return rule


def _stop_watching(present: Present, user_id: int) -> None:
    """Rules and route go, in this order; the contact point that they lead to may go after them."""
    if present.folder_title(names.ALERTS_FOLDER) is not None:
        _rules(present, Wish(Person(user_id, "", "", "", closed=True)), None)
    routing.change(present, less=user_id)


def _drop_contact_point(present: Present, user_id: int) -> None:
    uid = names.contact_uid(user_id)
    if present.contact_point(uid) is not None:
        present.grafana.delete_contact_point(uid)
        present.contact_points().pop(uid, None)


def _remove(present: Present, user_id: int, policy: Policy, known: Collection[str]) -> None:
    """What is left of somebody whom we no longer know; what they kept themselves stays.

    `known`: the logins of those whom we do know, in small letters.
    """
    folder = names.folder(user_id)
    if present.folder_title(folder) is not None:
        _close_account(present, user_id, policy, known)
    _stop_watching(present, user_id)
    there = present.folder_title(folder) is not None and not present.has_rules(folder)
    gone = there and present.grafana.is_folder_empty(folder, but=names.start(user_id))
    if gone:
        present.grafana.delete_folder(folder)
    start.drop(present, user_id, gone_with=folder if gone else None)
    # Last: by it somebody is known to have been here, wherever the folder was moved to.
    _drop_contact_point(present, user_id)


def _close_account(present: Present, user_id: int, policy: Policy, known: Collection[str]) -> None:
    """Close the account whose folder it is, and whose address the contact point has."""
    point = present.contact_point(names.contact_uid(user_id)) or {}
    address = str((point.get("settings") or {}).get("addresses") or "").casefold()
    for entry in present.permissions(names.folder(user_id)):
        login = str(entry.get("userLogin") or "")
        if not login or login.casefold() in {*known, policy.own_login.casefold()}:
            continue
        found = present.user(login)
        if found is not None and found.email.casefold() == address:
            gone = Person(user_id, found.login, found.name, found.email, closed=True)
            _update_account(present, found, gone)
