"""Leave to set a new password: asked for by mail, or sent with a new account.

The leave is a row with a random id. What stands in the letter is that id, signed with the secret of
the installation: made when the letter is sent, and stored nowhere.
"""

import secrets
from datetime import timedelta

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import func, or_, select

from remas import clock
from remas.errors import NotFound
from remas.extensions import db
from remas.models import OutboxKind, PasswordReset, User
from remas.services import audit, locks, outbox, passwords, sessions
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.transaction import DbSession, writing

FOR_NEW_ACCOUNTS = timedelta(days=7)
MOST_IN_AN_HOUR = 3  # for one account: nobody is to fill somebody's mailbox from many addresses
LONGEST_NAME = 320  # characters of a username or an address
_SALT = "password reset"


def ask(name: str) -> None:
    """Send a letter with a link to whoever has this username or e-mail address.

    Whether anybody has, cannot be told from outside: there is no answer, and the same work is
    done, of which then nothing is kept. Accounts whose password lives elsewhere get none.
    """
    wanted = name.strip()[:LONGEST_NAME]
    with writing() as session:
        person = session.scalar(
            select(User).where(or_(User.username == wanted, User.email == wanted)).order_by(User.id)
        )
        good = person is not None and _may_have_one(session, person)
        decoy = session.scalar(select(User).order_by(User.id).limit(1))
        subject = person if person is not None and good else decoy
        if subject is None:
            return
        nested = session.begin_nested()
        _write(session, subject)
        if good:
            nested.commit()
            current_app.logger.info("a new password was asked for by letter")
        else:
            nested.rollback()


def issue(session: DbSession, user_id: int, lasts: timedelta) -> PasswordReset:
    """Leave for a user to set a password once, in the caller's transaction."""
    now = clock.now()
    row = PasswordReset(
        id=secrets.token_urlsafe(24), user_id=user_id, created_at=now, expires_at=now + lasts
    )
    session.add(row)
    session.flush()
    return row


def token_of(reset_id: str) -> str:
    """What stands in the link of a letter."""
    return str(_serializer().dumps(reset_id))


def person_of(token: str) -> User:
    """Who may set a password with this token now. Raises `NotFound`."""
    return _row(db.session(), token).user


def use(token: str, new: str, address: str | None) -> User:
    """Set the password; every session and every other leave of the person ends.

    Raises `NotFound` for a token that is spent, too old, or none, and `Invalid` for the password.
    """
    person = person_of(token)
    about = person.username, person.name, person.surname, person.email
    passwords.check_rules(new, "new_password", about)
    password_hash = passwords.hash_password(new)
    with writing() as session:
        locks.lock(session, users=[person.id])
        row = _row(session, token)  # under the lock: a token is used once
        user = row.user
        user.password_hash, user.password_change_required = password_hash, False
        sessions.end_all(session, user.id)
        actor = Actor(id=user.id, username=user.username, is_admin=False, address=address)
        after = {"by": "a link in a letter"}
        audit.record(session, actor, "set password", "user", (user.id, user.username), None, after)
        return user


def _may_have_one(session: DbSession, person: User) -> bool:
    """Whether the person can use a link, and has not had many just now."""
    recent = (
        select(func.count())
        .select_from(PasswordReset)
        .where(
            PasswordReset.user_id == person.id,
            PasswordReset.created_at > clock.now() - timedelta(hours=1),
        )
    )
    few = (session.scalar(recent) or 0) < MOST_IN_AN_HOUR
    return few and person.active and passwords.is_usable(person.password_hash)


def _write(session: DbSession, person: User) -> None:
    row = issue(session, person.id, settings().letters.reset_expire)
    outbox.put(
        session,
        OutboxKind.PASSWORD_RESET,
        key=f"{OutboxKind.PASSWORD_RESET}:{row.id}",
        recipient_id=person.id,
        payload={"reset": row.id},
    )


def _row(session: DbSession, token: str) -> PasswordReset:
    """The leave behind a token, still to be used. Raises `NotFound`."""
    try:
        reset_id = str(_serializer().loads(token))
    except BadData:
        reset_id = ""
    row = session.scalar(
        select(PasswordReset).where(
            PasswordReset.id == reset_id,
            PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > clock.now(),
        )
    )
    if row is None or not row.user.active:
        raise NotFound("This link was used already, is too old, or is not whole.")
    return row


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt=_SALT)
