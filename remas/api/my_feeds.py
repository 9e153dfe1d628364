"""One's own calendar feeds: secret addresses for calendar programs."""

from typing import Annotated

from flask import Response, url_for
from pydantic import Field

from remas import clock
from remas.api import queries, shapes
from remas.api.answers import Answer, Listing
from remas.api.blueprint import actor, bp
from remas.api.etags import address, shown, without_trace
from remas.api.schemas import Body
from remas.api.spec import SIGN_IN, describe
from remas.api.values import Moment
from remas.models import Feed, FeedKind
from remas.services import feeds
from remas.services.context import settings
from remas.services.feeds import FeedMade, FeedNew


class FeedPost(Body):
    """`node` for a feed of a node; `group` for one of a group, left out: your own."""

    kind: Annotated[FeedKind, Field(strict=False)]
    node: str | None = None
    group: str | None = None

    def wish(self) -> FeedNew:
        return FeedNew(self.kind, self.node, self.group)


class FeedAnswer(Answer):
    """One of your feeds. `last_used_at` is noted every few minutes."""

    id: int
    kind: FeedKind
    group: str | None
    node: str | None
    created_at: Moment
    last_used_at: Moment | None


class NewFeed(FeedAnswer):
    url: str = Field(description="The secret address, told only here.")


class FeedList(Listing):
    items: list[FeedAnswer]


@bp.get("/me/feeds")
@describe(SIGN_IN, FeedList, cached=True)
def list_my_feeds(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Your calendar feeds that are not revoked, latest first."""
    return shown(shapes.listing(feeds.own(actor(), query.page, query.per_page), _shape))


@bp.post("/me/feeds")
@describe(SIGN_IN, NewFeed, 201, people_only=True)
def post_my_feed(json: FeedPost) -> Response:
    """Make a calendar feed: `url` is told only here. Whoever has it reads what you may see.

    An access token cannot make feeds: sign in for this.
    """
    made = feeds.create(actor(), json.wish())
    return without_trace(_told(made), 201, address(".get_my_feed", feed_id=made.row.id))


@bp.get("/me/feeds/<int:feed_id>")
@describe(SIGN_IN, FeedAnswer, cached=True)
def get_my_feed(feed_id: int, headers: queries.IfNoneMatch) -> Response:
    """One of your calendar feeds."""
    return shown(_shape(feeds.get(actor(), feed_id)))


@bp.post("/me/feeds/<int:feed_id>/replace")
@describe(SIGN_IN, NewFeed, people_only=True)
def replace_my_feed(feed_id: int) -> Response:
    """Give a feed a new address; the old one ends at once."""
    return without_trace(_told(feeds.replace(actor(), feed_id)))


@bp.delete("/me/feeds/<int:feed_id>")
@describe(SIGN_IN, status=204, people_only=True)
def delete_my_feed(feed_id: int) -> tuple[str, int]:
    """Revoke one of your calendar feeds, at once."""
    feeds.revoke(actor(), feed_id)
    return "", 204


def _shape(row: Feed) -> shapes.Shape:
    return {
        "id": row.id,
        "kind": row.kind.value,
        "group": row.group.name if row.group else None,
        "node": row.node.name if row.node else None,
        "created_at": shapes.moment(row.created_at),
        "last_used_at": clock.written(row.last_used_at),
    }


def _told(made: FeedMade) -> shapes.Shape:
    path = url_for("feeds.show", secret=made.secret)
    return {**_shape(made.row), "url": f"{settings().public_url}{path}"}
