"""One's own access tokens: made, shown once, revoked. The profile page lists them."""

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from remas import clock
from remas.errors import Invalid
from remas.forms.access_token import SCOPES, AccessTokenForm
from remas.services import access_tokens
from remas.web import current

blueprint = Blueprint("profile_tokens", __name__, url_prefix="/profile/tokens")


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> str | Response:
    """Make a token; the answer is the one page that shows it."""
    form = AccessTokenForm()
    if form.validate_on_submit():
        try:
            made = access_tokens.create(current.actor(), form.wish(clock.now()))
        except Invalid as refused:
            form.refuse(refused.errors, {"expires_at": "days"})
        else:
            return _shown_once(made)
    return render_template("profile/new_token.html", form=form)


@blueprint.post("/<int(max=2147483647):token_id>/revoke")
def revoke(token_id: int) -> Response:
    """End a token at once."""
    access_tokens.revoke(current.actor(), token_id)
    flash("The token is revoked: nothing can be done with it any more.", "success")
    return redirect(url_for("profile.index"))


def _shown_once(made: access_tokens.TokenMade) -> Response:
    """Not by way of a redirect: the secret would have to wait somewhere."""
    page = render_template("profile/token_made.html", made=made, scopes=SCOPES)
    response: Response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response
