"""Accounts: made, changed and closed by administrators; name, contact and password by oneself."""

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.models import (
    USERS,
    AccessToken,
    AuthSession,
    Feed,
    Group,
    IdempotencyKey,
    Limit,
    Notification,
    PasswordReset,
    Tag,
    User,
)
from remas.models.notification import notification_user
from remas.services import (
    audit,
    deactivation,
    groups,
    history,
    limit_rows,
    locks,
    passwords,
    reminders,
    sessions,
    system_letters,
)
from remas.services.actor import SYSTEM, Actor
from remas.services.deactivation import Closed
from remas.services.fields import Check
from remas.services.precondition import Seen, anything
from remas.services.transaction import DbSession, writing
from remas.services.unique import refuse_mixed, save_unique
from remas.services.user_facts import facts

UNIQUE = ("username", "email", "uid")
ELSEWHERE = (
    "Your password is kept where you sign in from, not here: change it there. "
    "An administrator can give this account a password of its own."
)


@dataclass(frozen=True, slots=True)
class Account:
    """A user, and whether the tree of groups makes an administrator of them."""

    user: User
    is_admin: bool
    initial_password: str | None = None  # only where it was just made
    closed: Closed | None = None  # only where a change left the account inactive


@dataclass(frozen=True, slots=True)
class UserNew:
    """`group` None: Users. `password` None: a one-time password is made."""

    username: str
    email: str
    uid: int
    name: str | None = None
    surname: str | None = None
    group: str | None = None
    time_zone: str | None = None
    active: bool = True
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UserChange:
    """None leaves a field alone; "" takes name, surname or time zone away."""

    name: str | None = None
    surname: str | None = None
    email: str | None = None
    uid: int | None = None
    group: str | None = None
    time_zone: str | None = None
    active: bool | None = None
    cancel_coming_reservations: bool = False  # only together with `active` False


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What people may change of their own; as in `UserChange`."""

    name: str | None = None
    surname: str | None = None
    email: str | None = None
    time_zone: str | None = None


def get(actor: Actor, username: str) -> Account:
    """One account. Raises `NotFound`. What a viewer may see of it, is decided where it is shown."""
    query = select(User).where(User.username == username).options(joinedload(User.group))
    user = db.session().scalar(query)
    if user is None:
        raise NotFound(f"There is no user {username}.")
    return _account(db.session(), user)


def create(actor: Actor, wish: UserNew) -> Account:
    """Make an account. Raises `Invalid`, `NameTaken`.

    Without a password a one-time password is made: it is in the answer, and nowhere else.
    """
    actor.require_admin()
    check = Check()
    values: dict[str, Any] = {
        "username": check.name("username", wish.username),
        "email": check.email("email", wish.email),
        "uid": check.uid("uid", wish.uid),
        "name": check.optional_line("name", wish.name),
        "surname": check.optional_line("surname", wish.surname),
        "time_zone": check.time_zone("time_zone", wish.time_zone),
    }
    check.done()
    if wish.password is not None:
        about = wish.username, wish.name, wish.surname, wish.email
        passwords.check_rules(wish.password, about=about)
    made = passwords.one_time_password() if wish.password is None else None
    password_hash = passwords.hash_password(made or wish.password or "")
    with writing() as session:
        locks.lock_tree(session)
        refuse_mixed(session, values["username"], values["email"])
        group = session.get_one(Group, USERS)
        user = User(
            **values,
            active=wish.active,
            group=groups.by_name(session, wish.group, "group") if wish.group else group,
            password_hash=password_hash,
            password_change_required=made is not None,
            created_at=clock.now(),
        )
        session.add(user)
        save_unique(session, *UNIQUE)
        audit.record(session, actor, "create", "user", (user.id, user.username), None, facts(user))
        system_letters.account_made(session, user)
        account = _account(session, user)
        return Account(user, account.is_admin, made)


def change(actor: Actor, username: str, wish: UserChange, seen: Seen = anything) -> Account:
    """Change an account; deactivating it ends its sessions and tokens.

    What it has reserved is cancelled only where that is asked for, and only what has not begun:
    `closed` of the answer tells. Raises `NotFound`, `Invalid`, `NameTaken`, `LastAdministrator`,
    `Stale`.
    """
    actor.require_admin()
    values = _checked(wish)
    if wish.active is not None:
        values["active"] = wish.active
    with writing() as session:
        locks.lock_tree(session)
        user = _held(session, username)
        seen(_account(session, user))
        before = facts(user)
        with groups.keeping_an_administrator(session):
            if wish.group is not None:
                user.group = groups.by_name(session, wish.group, "group")
            _save(session, user, values)
        closed = None
        if not user.active:
            closed = deactivation.close(
                session, actor, user, cancel=wish.cancel_coming_reservations
            )
        audit.record_change(session, actor, "user", (user.id, username), before, facts(user))
        reminders.replan(session, [user.id])
        return replace(_account(session, user), closed=closed)


def update_me(actor: Actor, wish: ProfileChange, seen: Seen = anything) -> Account:
    """Change one's own name, contact and time zone. Raises `Invalid`, `NameTaken`, `Stale`.

    Raises `Forbidden` where an access token asks for another address: a new password goes there.
    """
    values = _checked(wish)
    with writing() as session:
        if "email" in values:
            locks.lock_tree(session)  # nobody gets it as a username meanwhile
        user = _held(session, _person(actor))
        seen(_account(session, user))
        if values.get("email", user.email) != user.email:
            actor.refuse_token()
        before = facts(user)
        _save(session, user, values)
        audit.record_change(session, actor, "user", (user.id, user.username), before, facts(user))
        return _account(session, user)


def delete(actor: Actor, username: str, seen: Seen = anything) -> None:
    """Delete an account with its limits, tags and own notifications.

    Raises `NotFound`, `InUse` when it ever reserved anything, `LastAdministrator`, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        locks.lock_tree(session)
        user = _held(session, username)
        seen(_account(session, user))
        history.refuse_owner(session, user)
        before = facts(user)
        with groups.keeping_an_administrator(session):
            _delete_belongings(session, actor, user)
            session.delete(user)
        audit.record(session, actor, "delete", "user", (user.id, username), before)


def change_password(actor: Actor, current: str, new: str) -> Account:
    """Set one's own password; every other session and token ends. Raises `Invalid`.

    Raises `Forbidden` where an access token asks: whoever found one is not to lock people out.
    """
    actor.refuse_token()
    user = db.session().scalar(select(User).where(User.username == _person(actor)))
    if user is not None and not passwords.is_usable(user.password_hash):
        raise Invalid.field("current_password", ELSEWHERE)
    if user is None or not passwords.matches(user.password_hash, current):
        raise Invalid.field("current_password", "This is not your current password.")
    passwords.check_rules(new, "new_password", _known_of(user))
    if new == current:
        raise Invalid.field("new_password", "This is the password that you have already.")
    known, password_hash = user.password_hash, passwords.hash_password(new)
    with writing() as session:
        user = _held(session, actor.username)
        if user.password_hash != known:
            raise Invalid.field("current_password", "This is not your current password.")
        _set_password(session, actor, user, password_hash, must_change=False)
        return _account(session, user)


def has_password(actor: Actor) -> bool:
    """Whether one's own password is kept here, and not where one signs in from."""
    known = select(User.password_hash).where(User.username == _person(actor))
    return passwords.is_usable(db.session().execute(known).scalar_one())


def set_password(actor: Actor, username: str, new: str | None = None) -> str | None:
    """Set somebody's password; all their sessions and tokens end. The one-time password, if made.

    With `new` the account signs in with it; without, with a one-time password that has to be
    changed at once. Raises `NotFound`, `Invalid`, and `Forbidden` where an access token asks.
    """
    actor.require_admin()
    actor.refuse_token()
    if new is not None:
        passwords.check_rules(new, "new_password", _known_of(get(actor, username).user))
    made = passwords.one_time_password() if new is None else None
    password_hash = passwords.hash_password(made or new or "")
    with writing() as session:
        user = _held(session, username)
        _set_password(session, actor, user, password_hash, must_change=made is not None)
    return made


def reset_password(username: str) -> str:
    """A one-time password for somebody who is locked out. Raises `NotFound`."""
    made = set_password(SYSTEM, username)
    if made is None:
        raise AssertionError("without a new password one is made")
    return made


def _known_of(user: User) -> tuple[str | None, ...]:
    """What others know, and would try as a password."""
    return user.username, user.name, user.surname, user.email


def _person(actor: Actor) -> str:
    if actor.id is None:
        raise Forbidden("Only a person has an account.")
    return actor.username


def _account(session: DbSession, user: User) -> Account:
    return Account(user, groups.is_administrative(session, user.group_id))


def _held(session: DbSession, username: str) -> User:
    """The user, locked. Raises `NotFound`."""
    user_id = session.scalar(select(User.id).where(User.username == username))
    locks.lock(session, users=() if user_id is None else [user_id])
    user = session.get(User, user_id) if user_id is not None else None
    if user is None:
        raise NotFound(f"There is no user {username}.")
    return user


def _checked(wish: UserChange | ProfileChange) -> dict[str, Any]:
    """The columns that are to change."""
    check, values = Check(), dict[str, Any]()
    for column in ("name", "surname"):
        if (value := getattr(wish, column)) is not None:
            values[column] = check.optional_line(column, value)
    if wish.email is not None:
        values["email"] = check.email("email", wish.email)
    if wish.time_zone is not None:
        values["time_zone"] = check.time_zone("time_zone", wish.time_zone)
    if isinstance(wish, UserChange):
        if wish.uid is not None:
            values["uid"] = check.uid("uid", wish.uid)
        if wish.cancel_coming_reservations and wish.active is not False:
            check.refuse("cancel_coming_reservations", "Only together with active: false.")
    check.done()
    return values


def _save(session: DbSession, user: User, values: dict[str, Any]) -> None:
    if (email := values.get("email", user.email)) != user.email:
        refuse_mixed(session, email=email, but=user.id)
    for column, value in values.items():
        setattr(user, column, value)
    save_unique(session, *UNIQUE)


def _set_password(
    session: DbSession, actor: Actor, user: User, password_hash: str, *, must_change: bool
) -> None:
    user.password_hash = password_hash
    user.password_change_required = must_change
    # The session in which people change their own password goes on.
    own = actor.session_id if actor.id == user.id else None
    sessions.end_all(session, user.id, except_id=own)
    subject = user.id, user.username
    after = {"password_change_required": must_change}
    audit.record(session, actor, "set password", "user", subject, None, after)


def _delete_belongings(session: DbSession, actor: Actor, user: User) -> None:
    """What goes with an account. It has no reservations, so nothing else hangs on these."""
    limit_rows.delete_limits(session, actor, Limit.user_id == user.id)
    table = notification_user
    session.execute(table.delete().where(table.c.user_id == user.id))
    for owned in (
        AccessToken.user_id,
        AuthSession.user_id,
        Feed.user_id,
        IdempotencyKey.user_id,
        PasswordReset.user_id,
        Tag.user_id,
        Notification.owner_id,
    ):
        session.execute(sql_delete(owned.class_).where(owned == user.id))
