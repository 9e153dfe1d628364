"""Calendar feeds: secret addresses that people give to their calendar programs.

Whoever has the address reads what its owner may see, until it is replaced or revoked, or the
account is closed. Only the hash of the secret is kept, so an address is told once.
"""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.errors import Forbidden, Invalid, NotFound
from remas.extensions import db
from remas.models import Feed, FeedKind, Group, Node, User
from remas.services import audit, locks
from remas.services.actor import Actor
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.transaction import DbSession, writing

SECRET_BYTES = 32  # 256 random bits: nobody guesses them, so a fast hash is enough
SECRET_LENGTH = 43  # characters, as they stand in the address
MOST = 50  # feeds of one person
OTHER_GROUPS = (
    "There is no such group that you could follow: it is your own, save for administrators."
)


@dataclass(frozen=True, slots=True)
class FeedNew:
    """`node` for feeds of a node; `group` for those of a group, None: one's own."""

    kind: FeedKind
    node: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class FeedMade:
    """A feed and its secret, which is nowhere else and cannot be told again."""

    row: Feed
    secret: str = field(repr=False)


def own(actor: Actor, page: int = 1, per_page: int = PER_PAGE) -> Page[Feed]:
    """One's own feeds that are not revoked, latest first."""
    query = _whole(_mine(actor)).order_by(Feed.id.desc())
    return page_of(db.session(), query, page, per_page)


def get(actor: Actor, feed_id: int) -> Feed:
    """One of one's own feeds that is not revoked. Raises `NotFound`."""
    return _load(db.session(), actor, feed_id)


def create(actor: Actor, wish: FeedNew) -> FeedMade:
    """Make a feed of one's own. Raises `Invalid`, and `Forbidden` where an access token asks."""
    actor.refuse_token()
    user_id = _person(actor)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with writing() as session:
        locks.lock(session, users=[user_id])
        count = select(func.count()).select_from(_mine(actor).subquery())
        if (session.scalar(count) or 0) >= MOST:
            raise Invalid.field("kind", f"You have {MOST} feeds. Revoke one that you do not need.")
        row = Feed(
            user_id=user_id,
            kind=wish.kind,
            group=_group(session, actor, wish),
            node=_node(session, wish),
            token_hash=hash_of(secret),
            created_at=clock.now(),
        )
        session.add(row)
        session.flush()
        audit.record(session, actor, "create", "feed", _subject(row), None, facts(row))
    return FeedMade(row, secret)


def replace(actor: Actor, feed_id: int) -> FeedMade:
    """Give a feed another address; the old one ends at once. Raises `NotFound`, `Forbidden`."""
    actor.refuse_token()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with writing() as session:
        locks.lock(session, users=[_person(actor)])
        row = _load(session, actor, feed_id)
        row.token_hash, row.last_used_at = hash_of(secret), None
        audit.record(session, actor, "replace", "feed", _subject(row), facts(row), facts(row))
    return FeedMade(row, secret)


def revoke(actor: Actor, feed_id: int) -> None:
    """End one of one's own feeds. Raises `NotFound`, `Forbidden`."""
    actor.refuse_token()
    with writing() as session:
        locks.lock(session, users=[_person(actor)])
        row = _load(session, actor, feed_id)
        row.revoked_at = clock.now()
        audit.record(session, actor, "revoke", "feed", _subject(row), facts(row))


def facts(row: Feed) -> dict[str, Any]:
    """What the audit keeps of a feed: never its secret, nor the hash."""
    return {
        "kind": row.kind.value,
        "group": row.group.name if row.group else None,
        "node": row.node.name if row.node else None,
    }


def hash_of(secret: str) -> str:
    """As which the secret is kept."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def title(row: Feed) -> str:
    """What the feed shows, in a few words."""
    if row.kind is FeedKind.GROUP and row.group:
        return f"Reservations of {row.group.name}"
    if row.kind is FeedKind.NODE and row.node:
        return f"Reservations on {row.node.name}"
    return "My reservations"


def _subject(row: Feed) -> tuple[int, str]:
    return row.id, title(row)


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person has feeds.")
    return actor.id


def _mine(actor: Actor) -> Any:
    return select(Feed).where(Feed.user_id == _person(actor), Feed.revoked_at.is_(None))


def _whole(query: Any) -> Any:
    return query.options(joinedload(Feed.group), joinedload(Feed.node))


def _load(session: DbSession, actor: Actor, feed_id: int) -> Feed:
    row: Feed | None = session.scalar(_whole(_mine(actor).where(Feed.id == feed_id)))
    if row is None:
        raise NotFound(f"You have no feed {feed_id}.")
    return row


def _group(session: DbSession, actor: Actor, wish: FeedNew) -> Group | None:
    if wish.kind is not FeedKind.GROUP:
        if wish.group is not None:
            raise Invalid.field("group", "Only a feed of a group has one.")
        return None
    own_group = select(User.group_id).where(User.id == actor.id).scalar_subquery()
    query = select(Group)
    if wish.group is None or not actor.is_admin:
        query = query.where(Group.id == own_group)
    if wish.group is not None:
        query = query.where(Group.name == wish.group)
    group = session.scalar(query)
    if group is None:
        raise Invalid.field("group", OTHER_GROUPS)
    return group


def _node(session: DbSession, wish: FeedNew) -> Node | None:
    if wish.kind is not FeedKind.NODE:
        if wish.node is not None:
            raise Invalid.field("node", "Only a feed of a node has one.")
        return None
    if wish.node is None:
        raise Invalid.field("node", "Choose a node.")
    node = session.scalar(select(Node).where(Node.name == wish.node))
    if node is None:
        raise Invalid.field("node", f"There is no node {wish.node}.")
    return node
