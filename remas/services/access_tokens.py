"""Access tokens: what people give to their own programs instead of their password.

A token is a random secret of which only the hash is kept. It is shown once, ends by itself, can
be revoked at any time, and never gives more than its person may at the moment of the request.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import func, or_, select, update

from remas import clock
from remas.config import Settings
from remas.errors import Busy, Forbidden, Invalid, NotFound, NotSignedIn
from remas.extensions import db
from remas.models import AccessToken, TokenScope, User
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.sessions import TOUCH_EVERY, actor_of_user
from remas.services.transaction import DbSession, writing

PREFIX = "remas_"
"""How every token begins, so that people and scanners for leaked secrets recognise one."""
SECRET_BYTES = 32  # 256 random bits: nobody guesses them, so a fast hash is enough
LONGEST = timedelta(days=366)
MOST = 50  # tokens of one person that are good at one time


@dataclass(frozen=True, slots=True)
class TokenNew:
    """`expires_at`: after now, at most `LONGEST` ahead."""

    name: str
    scope: TokenScope
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A token and its secret, which is nowhere else and cannot be told again."""

    row: AccessToken
    secret: str = field(repr=False)


def create(actor: Actor, wish: TokenNew) -> TokenMade:
    """Make a token of one's own. Raises `Invalid`, and `Forbidden` where a token asks."""
    actor.refuse_token()
    now, user_id = clock.now(), _person(actor)
    check = Check()
    name = check.line("name", wish.name)
    if not now < wish.expires_at <= now + LONGEST:
        check.refuse("expires_at", f"A token ends after now and within {LONGEST.days} days.")
    check.done()
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with writing() as session:
        locks.lock(session, users=[user_id])
        _refuse_too_many(session, user_id, now)
        row = AccessToken(
            user_id=user_id,
            name=name,
            scope=wish.scope,
            token_hash=_hash(secret),
            created_at=now,
            expires_at=wish.expires_at,
        )
        session.add(row)
        session.flush()
        audit.record(session, actor, "create", "access_token", (row.id, name), None, facts(row))
    return TokenMade(row, secret)


def own(actor: Actor, page: int = 1, per_page: int = PER_PAGE) -> Page[AccessToken]:
    """One's own tokens that are not revoked, latest first; those that have expired as well."""
    mine = AccessToken.user_id == _person(actor), AccessToken.revoked_at.is_(None)
    query = select(AccessToken).where(*mine).order_by(AccessToken.id.desc())
    return page_of(db.session(), query, page, per_page)


def get(actor: Actor, token_id: int) -> AccessToken:
    """One of one's own tokens that is not revoked. Raises `NotFound`."""
    return _load(db.session(), actor, token_id)


def revoke(actor: Actor, token_id: int) -> None:
    """End one of one's own tokens. Raises `NotFound`.

    A token may end itself; raises `Forbidden` where it is to end another.
    """
    if actor.access_token_id != token_id:
        actor.refuse_token()
    with writing() as session:
        locks.lock(session, users=[_person(actor)])
        row = _load(session, actor, token_id)
        row.revoked_at = clock.now()
        subject = row.id, row.name
        audit.record(session, actor, "revoke", "access_token", subject, facts(row))


def actor_of(session: DbSession, settings: Settings, secret: str, address: str | None) -> Actor:
    """Whom a token stands for, with today's rights. Raises `NotSignedIn`."""
    now = clock.now()
    found = session.execute(
        select(AccessToken, User)
        .join(AccessToken.user)
        .where(
            AccessToken.token_hash == _hash(secret),
            AccessToken.revoked_at.is_(None),
            AccessToken.expires_at > now,
            User.active,
        )
    ).one_or_none()
    if found is None:
        raise NotSignedIn("This access token is not valid, has expired or was revoked.")
    row, user = found
    actor = replace(
        actor_of_user(session, settings, user, address),
        access_token_id=row.id,
        read_only=row.scope is TokenScope.READ,
    )
    if row.last_used_at is None or now - row.last_used_at > TOUCH_EVERY:
        _touch(row.id, now, address)
    return actor


def facts(row: AccessToken) -> dict[str, Any]:
    """What the audit keeps of a token: never its secret, nor the hash."""
    return {
        "name": row.name,
        "scope": row.scope.value,
        "expires_at": clock.written(row.expires_at),
    }


def is_token(text: str) -> bool:
    """Whether this looks like one of these tokens."""
    return text.startswith(PREFIX)


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person has access tokens.")
    return actor.id


def _load(session: DbSession, actor: Actor, token_id: int) -> AccessToken:
    mine = AccessToken.user_id == _person(actor), AccessToken.revoked_at.is_(None)
    row = session.scalar(select(AccessToken).where(AccessToken.id == token_id, *mine))
    if row is None:
        raise NotFound(f"You have no access token {token_id}.")
    return row


def _refuse_too_many(session: DbSession, user_id: int, now: datetime) -> None:
    good = (
        AccessToken.user_id == user_id,
        AccessToken.revoked_at.is_(None),
        AccessToken.expires_at > now,
    )
    count = session.scalar(select(func.count()).select_from(AccessToken).where(*good)) or 0
    if count >= MOST:
        raise Invalid.field("name", f"You have {MOST} tokens. Revoke one that you do not need.")


def _touch(token_id: int, now: datetime, address: str | None) -> None:
    """Note the use, in a transaction of its own; where it would have to wait it is left out."""
    stale = or_(AccessToken.last_used_at.is_(None), AccessToken.last_used_at < now - TOUCH_EVERY)
    values = {"last_used_at": now, "last_address": address}
    with suppress(Busy), writing() as session:
        rows = update(AccessToken).where(AccessToken.id == token_id, stale)
        session.execute(rows.values(**values))
