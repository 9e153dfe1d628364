"""One's own calendar feeds: made, shown once, replaced, revoked. The profile page lists them."""

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas.errors import Invalid
from remas.forms.feed import FeedForm
from remas.services import catalogue, feeds
from remas.services.context import settings
from remas.web import current

blueprint = Blueprint("profile_feeds", __name__, url_prefix="/profile/feeds")

PATHS = {"kind": "what", "node": "what", "group": "what"}


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> str | Response:
    """Make a feed; the answer is the one page that shows its address."""
    form = FeedForm(catalogue.read())
    if form.validate_on_submit():
        try:
            made = feeds.create(current.actor(), form.wish())
        except Invalid as refused:
            form.refuse(refused.errors, PATHS)
        else:
            return _shown_once(made)
    return render_template("profile/new_feed.html", form=form)


@blueprint.post("/<int(max=2147483647):feed_id>/replace")
def replace(feed_id: int) -> Response:
    """Give a feed another address."""
    return _shown_once(feeds.replace(current.actor(), feed_id))


@blueprint.post("/<int(max=2147483647):feed_id>/revoke")
def revoke(feed_id: int) -> Response:
    """End a feed at once."""
    feeds.revoke(current.actor(), feed_id)
    flash("The feed is revoked: its address shows nothing any more.", "success")
    return redirect(url_for("profile.index"))


def _shown_once(made: feeds.FeedMade) -> Response:
    """Not by way of a redirect: the secret would have to wait somewhere."""
    address = f"{settings().public_url}{url_for('feeds.show', secret=made.secret)}"
    title = feeds.title(made.row)
    page = render_template("profile/feed_made.html", title=title, address=address)
    response: Response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response
