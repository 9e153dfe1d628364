"""Letting in whom somebody else vouches for: which account it is, its group, a new one if allowed.

An OpenID Connect provider or a directory has said who it is; whether that is anybody here, is
decided from the tables alone.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select

from remas import clock
from remas.errors import Invalid, LastAdministrator, NameTaken, NotSignedIn
from remas.models import USERS, Group, User
from remas.services import audit, groups, leaves, locks, passwords, reminders
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.transaction import DbSession
from remas.services.unique import refuse_mixed, save_unique
from remas.services.user_facts import facts

log = logging.getLogger(__name__)
GroupMap = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider or a directory says of somebody; `source` is its name, for messages.

    `groups` are its own names of groups, compared without regard to case.
    """

    source: str
    username: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    surname: str = ""
    uid: int | None = None
    groups: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Who is let in: matched by username (else by e-mail), groups mapped, accounts made or not."""

    by_email: bool = False
    groups: GroupMap = ()
    create: bool = False


def admit(session: DbSession, who: Vouched, terms: Terms, address: str | None) -> User:
    """The account, locked, with today's group. Raises `NotSignedIn` with a sentence for them."""
    locks.lock_tree(session)
    user_id = session.scalar(select(User.id).where(_is_them(who, terms)))
    if user_id is None:
        return _made(session, who, terms, address)
    locks.lock(session, users=[user_id])
    user = session.get_one(User, user_id)
    if not user.active:
        raise NotSignedIn("Your account here is not active. Ask an administrator.")
    actor = _themselves(user, address)
    if user.password_change_required:
        _forget_one_time_password(session, actor, user)
    _regroup(session, actor, user, _wanted_group(session, who, terms))
    return user


def _is_them(who: Vouched, terms: Terms) -> ColumnElement[bool]:
    if not terms.by_email:
        return User.username == who.username
    if not who.email or not who.email_verified:
        raise NotSignedIn(
            f"Your e-mail address is not confirmed at {who.source}, and accounts here are found "
            "by it. Confirm it there, then sign in again."
        )
    return User.email == Check().email("email", who.email)


def _themselves(user: User, address: str | None) -> Actor:
    return Actor(id=user.id, username=user.username, is_admin=False, address=address)


def _forget_one_time_password(session: DbSession, actor: Actor, user: User) -> None:
    """Whoever signs in from elsewhere needs none, and nobody else is to use it."""
    user.password_hash = passwords.UNUSABLE
    user.password_change_required = False
    leaves.end_all(session, user.id)
    after = {"password_change_required": False}
    audit.record(session, actor, "set password", "user", (user.id, user.username), None, after)


def _wanted_group(session: DbSession, who: Vouched, terms: Terms) -> Group | None:
    """The group of the first pair that matches; None where nothing does."""
    theirs = {name.casefold() for name in who.groups}
    for there, here in terms.groups:
        if there.casefold() not in theirs:
            continue
        if group := session.scalar(select(Group).where(Group.name == here)):
            return group
        log.warning("%s maps %r to the group %r, which does not exist", who.source, there, here)
    return None


def _regroup(session: DbSession, actor: Actor, user: User, group: Group | None) -> None:
    """Move them; the last administrator stays where they are, and the record says so."""
    if group is None or user.group_id == group.id:
        return
    subject, before = (user.id, user.username), {"group": user.group.name}
    after = {"group": group.name}
    try:
        with session.begin_nested(), groups.keeping_an_administrator(session):
            user.group = group
    except LastAdministrator:
        log.warning("%s stays in their group: the last administrator", user.username)
        refused = {"group": before["group"], "refused": after["group"]}
        audit.record(session, actor, "keep last administrator", "user", subject, before, refused)
    else:
        audit.record_change(session, actor, "user", subject, before, after)
        reminders.replan(session, [user.id])


def _made(session: DbSession, who: Vouched, terms: Terms, address: str | None) -> User:
    """A new account, where that is allowed. Raises `NotSignedIn`."""
    if not terms.create:
        raise NotSignedIn(
            f"{who.source} knows you as {who.username}, but there is no such account here. "
            "Ask an administrator to make one."
        )
    if who.uid is None:
        raise NotSignedIn(
            f"{who.source} does not tell your user id on the nodes, which an account here needs. "
            "Ask an administrator to make one."
        )
    try:
        user = _row(session, who, terms)
        session.add(user)
        save_unique(session, "username", "email", "uid")
    except NameTaken as taken:
        raise NotSignedIn(
            f"Another account here has your {taken.field}. Ask an administrator to sort it out."
        ) from taken
    except Invalid as wrong:
        raise NotSignedIn(
            f"What {who.source} says of you cannot be an account here: {wrong.detail} "
            "Ask an administrator."
        ) from wrong
    actor = _themselves(user, address)
    audit.record(session, actor, "create", "user", (user.id, user.username), None, facts(user))
    return user


def _row(session: DbSession, who: Vouched, terms: Terms) -> User:
    check = Check()
    values: dict[str, Any] = {
        "username": check.name("username", who.username),
        "email": check.email("email", who.email),
        "uid": check.uid("uid", who.uid or 0),
        "name": check.optional_line("name", who.name),
        "surname": check.optional_line("surname", who.surname),
    }
    check.done()
    refuse_mixed(session, values["username"], values["email"])
    return User(
        **values,
        active=True,
        group=_wanted_group(session, who, terms) or session.get_one(Group, USERS),
        password_hash=passwords.UNUSABLE,
        created_at=clock.now(),
    )
