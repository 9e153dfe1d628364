"""The signed-in person."""

from flask import Response

from remas.api import answers, queries, schemas, shapes, throttle
from remas.api.blueprint import actor, bp
from remas.api.etags import if_match, shown
from remas.api.spec import PEOPLE, describe
from remas.services import grafana_accounts, users


@bp.get("/me")
@describe(PEOPLE, answers.User, cached=True)
def get_me(headers: queries.IfNoneMatch) -> Response:
    """Your own account."""
    return shown(shapes.account(users.get(actor(), actor().username)))


@bp.patch("/me")
@describe(PEOPLE, answers.User, conflict=answers.TakenProblem, stale=True)
def patch_me(json: schemas.ProfilePatch, headers: queries.IfMatch) -> Response:
    """Change your name, e-mail or time zone.

    An access token cannot change the e-mail: a forgotten password's letter goes there.
    """
    account = users.update_me(actor(), json.wish(), if_match(shapes.account))
    return shown(shapes.account(account))


@bp.get("/me/time-zone")
@describe(PEOPLE, answers.EffectiveZone, cached=True)
def get_my_time_zone(headers: queries.IfNoneMatch) -> Response:
    """The zone in which you read and write times: yours, or the cluster's where you have none."""
    return shown({"time_zone": actor().time_zone})


@bp.put("/me/password")
@throttle.by_holder
@describe(PEOPLE, answers.User, throttled=True, people_only=True)
def put_my_password(json: schemas.OwnPassword) -> Response:
    """Change your password. All your other sessions and tokens end."""
    return shown(
        shapes.account(users.change_password(actor(), json.current_password, json.new_password))
    )


@bp.put("/me/grafana-password")
@throttle.by_holder
@describe(
    PEOPLE,
    status=204,
    throttled=True,
    people_only=True,
    conflict=answers.Problem,
    more=(404,),
)
def put_my_grafana_password(json: schemas.GrafanaPassword) -> tuple[str, int]:
    """Set your password in Grafana, at once. It is kept nowhere here.

    `current_password` is the one here; who has none here, leaves it out. 404 where there is no
    Grafana; 409 where people come into it by their session here; 503 while it does not answer, or
    has not got your account yet.
    """
    current = json.current_password or ""
    grafana_accounts.set_password(actor(), current, json.new_password)
    return "", 204
