"""One's own access tokens for programs."""

from flask import Response

from remas.api import answers, queries, schemas, shapes
from remas.api.blueprint import actor, bp
from remas.api.etags import address, shown, without_trace
from remas.api.spec import SIGN_IN, describe
from remas.services import access_tokens


@bp.get("/me/tokens")
@describe(SIGN_IN, answers.AccessTokenList, cached=True)
def list_my_tokens(query: queries.Paging, headers: queries.IfNoneMatch) -> Response:
    """Your access tokens that are not revoked, latest first."""
    found = access_tokens.own(actor(), query.page, query.per_page)
    return shown(shapes.listing(found, shapes.access_token_for(actor())))


@bp.post("/me/tokens")
@describe(SIGN_IN, answers.NewAccessToken, 201, people_only=True)
def post_my_token(json: schemas.AccessTokenPost) -> Response:
    """Make an access token for a program: `token` is told only here.

    A token cannot make others: sign in for this.
    """
    made = access_tokens.create(actor(), json.wish())
    return without_trace(
        {**shapes.access_token_for(actor())(made.row), "token": made.secret},
        201,
        address(".get_my_token", token_id=made.row.id),
    )


@bp.get("/me/tokens/<int:token_id>")
@describe(SIGN_IN, answers.AccessToken, cached=True)
def get_my_token(token_id: int, headers: queries.IfNoneMatch) -> Response:
    """One of your access tokens."""
    return shown(shapes.access_token_for(actor())(access_tokens.get(actor(), token_id)))


@bp.delete("/me/tokens/<int:token_id>")
@describe(SIGN_IN, status=204)
def delete_my_token(token_id: int) -> tuple[str, int]:
    """Revoke one of your access tokens, at once. A token may revoke itself, and no other."""
    access_tokens.revoke(actor(), token_id)
    return "", 204
