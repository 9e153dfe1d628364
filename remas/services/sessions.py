"""Signing in and out: sessions of browsers, token pairs of programs, and whom they stand for.

Every sign-in is a row. A token only names its row: rights, activity and revocation are read from
the database at each request.
"""

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
from sqlalchemy import ColumnElement, and_, delete, not_, or_, select, update

from remas import clock
from remas.config import Settings
from remas.errors import Busy, NotSignedIn, WrongToken
from remas.extensions import db
from remas.models import AccessToken, AuthSession, User
from remas.services import admission, agents, directory, leaves, locks, passwords
from remas.services.actor import Actor
from remas.services.admission import Vouched
from remas.services.context import settings as current_settings
from remas.services.groups import is_administrative
from remas.services.transaction import DbSession, let_go, writing

TOUCH_EVERY = timedelta(minutes=5)  # last use is noted this precisely, to spare writes
WRONG = "Wrong username or password."


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int  # seconds


@cache
def _decoy() -> str:
    """A hash to verify for unknown usernames, so that they take as long as known ones."""
    return passwords.hash_password(secrets.token_urlsafe(12))


def authenticate(username: str, password: str) -> tuple[int, str]:
    """The id of the active user with this password here, and its hash.

    Takes as long for all, also where there is no password here, and holds no lock meanwhile.
    Raises `NotSignedIn`.
    """
    user = (
        db.session()
        .execute(select(User.id, User.password_hash, User.active).where(User.username == username))
        .one_or_none()
    )
    here = user is not None and passwords.is_usable(user.password_hash)
    good = passwords.matches(user.password_hash if user and here else _decoy(), password)
    if user is None or not here or not good or not user.active:
        raise NotSignedIn(WRONG)
    return user.id, user.password_hash


def _confirmed(session: DbSession, user_id: int, password_hash: str) -> User:
    """The user, locked, if account and password are still as they were verified."""
    locks.lock(session, users=[user_id])
    user = session.get_one(User, user_id)
    if not user.active or user.password_hash != password_hash:
        raise NotSignedIn(WRONG)
    return user


def _verified(username: str, password: str) -> tuple[int, str] | Vouched:
    """Who has this password: here, else in the directory where there is one.

    Raises `NotSignedIn`.
    """
    try:
        return authenticate(username, password)
    except NotSignedIn:
        ldap = current_settings().ldap
        let_go()
        found = directory.find(ldap, username, password) if ldap.enabled else None
        if found is None:
            raise
        return found


def _let_in(session: DbSession, verified: tuple[int, str] | Vouched, address: str | None) -> User:
    if isinstance(verified, Vouched):
        terms = directory.terms(current_settings().ldap)
        return admission.admit(session, verified, terms, address)
    return _confirmed(session, *verified)


def sign_in(username: str, password: str, address: str | None, agent: str | None = None) -> str:
    """Begin a browser session; its id. `agent`: its User-Agent header. Raises `NotSignedIn`."""
    verified = _verified(username, password)
    with writing() as session:
        return begin_web(session, _let_in(session, verified, address), address, agent)


def begin_web(session: DbSession, user: User, address: str | None, agent: str | None = None) -> str:
    """The id of a new browser session of somebody who has proven who they are."""
    lifetime = current_settings().sessions.lifetime
    return _begin(session, user, "web", lifetime, address, agent).id


def sign_out(session_id: str) -> None:
    """End a session; ending it again changes nothing."""
    with writing() as session:
        _revoke(session, AuthSession.id == session_id)


def still_open(settings: Settings, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions: neither ended nor expired; a browser's has not been left idle either."""
    since = now - settings.sessions.idle
    return (
        AuthSession.revoked_at.is_(None),
        AuthSession.expires_at > now,
        or_(AuthSession.kind != "web", AuthSession.last_used_at > since),
    )


def prune(session: DbSession) -> int:
    """Forget what is no longer open; how many. Belongs into the caller's transaction."""
    ended = not_(and_(*still_open(current_settings(), clock.now())))
    gone = delete(AuthSession).where(ended).returning(AuthSession.id)
    return len(session.scalars(gone.execution_options(synchronize_session=False)).all())


def end_all(session: DbSession, user_id: int, except_id: str | None = None) -> None:
    """End every session of a user but one, every access token, and links to set a password.

    Belongs into the caller's transaction.
    """
    _revoke(session, AuthSession.user_id == user_id, AuthSession.id != (except_id or ""))
    open_tokens = AccessToken.user_id == user_id, AccessToken.revoked_at.is_(None)
    session.execute(update(AccessToken).where(*open_tokens).values(revoked_at=clock.now()))
    leaves.end_all(session, user_id)


def issue_tokens(
    settings: Settings,
    username: str,
    password: str,
    address: str | None,
    agent: str | None = None,
) -> TokenPair:
    """A fresh pair for a program. `agent`: its User-Agent header. Raises `NotSignedIn`."""
    verified = _verified(username, password)
    with writing() as session:
        user = _let_in(session, verified, address)
        lifetime = settings.token_refresh_expire
        begun = _begin(session, user, "token", lifetime, address, agent)
        return _pair(session, settings, begun, user)


def refresh_tokens(
    settings: Settings, refresh_token: str, grace: timedelta = timedelta(0)
) -> TokenPair:
    """A new pair for a refresh token, which is spent by it.

    A token that was spent before is a stolen one or a copy: the whole session ends. The last one
    spent, no longer than `grace` ago, gets the same refresh token again: for clients that send
    several requests at once, each of which refreshes. Raises `NotSignedIn`.
    """
    claims = _decode(settings, refresh_token, "refresh")
    now = clock.now()
    with writing() as session:
        row = session.scalar(
            select(AuthSession).where(AuthSession.id == claims["sid"]).with_for_update()
        )
        good = row is not None and row.revoked_at is None and row.user.active
        if row is not None and good and row.refresh_id == claims["jti"]:
            row.refresh_id = _successor(settings, claims["jti"])
            row.last_used_at = now
            row.expires_at = min(now + settings.token_refresh_expire, _longest(settings, row))
            return _pair(session, settings, row, row.user)
        if row is not None and good and row.refresh_id == _successor(settings, claims["jti"]):
            refreshed_at = row.expires_at - settings.token_refresh_expire
            if now - refreshed_at < grace:
                return _pair(session, settings, row, row.user)
        if row is not None:
            row.revoked_at = row.revoked_at or now
    raise NotSignedIn("This refresh token is spent or revoked. Sign in again.")


def revoke(settings: Settings, refresh_token: str) -> None:
    """End the session of a refresh token; a token that is worth nothing is no error."""
    try:
        claims = _decode(settings, refresh_token, "refresh")
    except NotSignedIn:
        return
    sign_out(claims["sid"])


def actor_of_token(
    session: DbSession, settings: Settings, token: str, address: str | None
) -> Actor:
    """Whom an access token stands for, with today's rights. Raises `NotSignedIn`."""
    claims = _decode(settings, token, "access")
    actor = actor_of_session(session, settings, claims["sid"], address)
    if actor is None:
        raise NotSignedIn("This token is revoked. Sign in again.")
    return actor


def actor_of_session(
    session: DbSession, settings: Settings, session_id: str, address: str | None
) -> Actor | None:
    """Whom a session stands for; None when it has ended or the person is not active."""
    now = clock.now()
    row = session.execute(
        select(AuthSession, User)
        .join(AuthSession.user)
        .where(
            AuthSession.id == session_id,
            *still_open(settings, now),
            User.active,
        )
    ).one_or_none()
    if row is None:
        return None
    begun, user = row
    actor = replace(actor_of_user(session, settings, user, address), session_id=session_id)
    if now - begun.last_used_at > TOUCH_EVERY:
        _touch(session_id, now)
    return actor


def actor_of_user(session: DbSession, settings: Settings, user: User, address: str | None) -> Actor:
    """The person as one who acts, with today's rights."""
    return Actor(
        id=user.id,
        username=user.username,
        is_admin=is_administrative(session, user.group_id),
        time_zone=user.time_zone or settings.timezone.key,
        full_name=user.full_name,
        address=address,
        must_change_password=user.password_change_required,
    )


def _touch(session_id: str, now: datetime) -> None:
    """Note the use, in a transaction of its own; where it would have to wait it is left out."""
    stale = AuthSession.id == session_id, AuthSession.last_used_at < now - TOUCH_EVERY
    with suppress(Busy), writing() as session:
        session.execute(update(AuthSession).where(*stale).values(last_used_at=now))


def _longest(settings: Settings, row: AuthSession) -> datetime:
    """When a session ends, however often it is refreshed."""
    return row.created_at + max(settings.sessions.lifetime, settings.token_refresh_expire)


def _begin(
    session: DbSession,
    user: User,
    kind: str,
    lifetime: timedelta,
    address: str | None,
    agent: str | None,
) -> AuthSession:
    now = clock.now()
    row = AuthSession(
        id=secrets.token_urlsafe(24),
        user=user,
        kind=kind,
        refresh_id=secrets.token_urlsafe(24),
        created_at=now,
        last_used_at=now,
        expires_at=now + lifetime,
        address=address,
        agent=agents.readable(agent),
    )
    session.add(row)
    return row


def _revoke(session: DbSession, *conditions: Any) -> None:
    open_ones = (*conditions, AuthSession.revoked_at.is_(None))
    session.execute(update(AuthSession).where(*open_ones).values(revoked_at=clock.now()))


def _successor(settings: Settings, refresh_id: str) -> str:
    """The id after this one: known to nobody without the secret, and the same each time."""
    digest = hmac.digest(settings.secret_key.encode(), f"after {refresh_id}".encode(), "sha256")
    return digest.hex()


def _pair(session: DbSession, settings: Settings, row: AuthSession, user: User) -> TokenPair:
    now = clock.now()
    lifetime = settings.token_access_expire
    shared = {"sub": user.username, "user_id": user.id, "sid": row.id, "iat": now}
    # Front ends read this to know what to show; here nobody believes it.
    shared["is_admin"] = is_administrative(session, user.group_id)
    access = {**shared, "kind": "access", "exp": now + lifetime, "jti": secrets.token_hex(8)}
    refresh = {**shared, "kind": "refresh", "exp": row.expires_at, "jti": row.refresh_id}
    access["is_refresh_token"], refresh["is_refresh_token"] = False, True
    return TokenPair(
        jwt.encode(access, settings.secret_key, settings.algorithm),
        jwt.encode(refresh, settings.secret_key, settings.algorithm),
        int(lifetime.total_seconds()),
    )


def _decode(settings: Settings, token: str, kind: str) -> dict[str, Any]:
    try:
        claims = jwt.decode(
            token,
            settings.secret_key,
            [settings.algorithm],
            options={"require": ["exp", "sub", "sid", "jti", "kind"]},
        )
    except jwt.InvalidTokenError as error:
        raise NotSignedIn("The token is not valid or has expired. Sign in again.") from error
    if claims["kind"] != kind:
        raise WrongToken(f"This is no {kind} token.")
    return claims
