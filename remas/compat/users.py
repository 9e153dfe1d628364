"""Users. Others than administrators see of others how to reach them."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import NOT_ALLOWED, actor, bp, for_administrators, require_self
from remas.compat.errors import Refused, storing
from remas.models import EVERYONE, Status, User
from remas.services import belongings, by_id, user_search, users
from remas.services.user_search import UserFilter
from remas.services.users import ProfileChange, UserChange, UserNew

PRESENT = (Status.SCHEDULED, Status.RUNNING)


@bp.get("/user")
def list_users() -> Response:
    """Everybody by username. The list tells of tasks only those that are not over."""
    found = user_search.search(actor(), UserFilter(), page=1, per_page=bodies.ALL).items
    whose = None if actor().is_admin else [actor().id or 0]
    has = belongings.of_users(actor(), whose, PRESENT)
    everyone = by_id.any_group(EVERYONE)
    return bodies.listed(
        [
            shapes.user_full(actor(), one.user, has.get(one.user.id, shapes.NOTHING), everyone)
            for one in found
        ]
    )


@bp.get("/user/<user_id>")
def get_user(user_id: int) -> Response:
    """One user, all of it."""
    require_self(user_id)
    return _whole(by_id.account(user_id).user)


@bp.post("/user")
@for_administrators
def post_user() -> Response:
    """Make an account; it signs in with the password that is given."""
    body = bodies.read(schemas.NewUser)
    wish = UserNew(
        username=body.username,
        email=body.email,
        uid=body.uid,
        name=body.name,
        surname=body.surname,
        group=by_id.any_group(body.group_id).name,
        password=body.password,
    )
    with storing("user"):
        account = users.create(actor(), wish)
    return _whole(account.user, 201)


@bp.put("/user")
def put_user() -> Response:
    """Names, address and uid; the uid only by administrators. The group stays."""
    body = bodies.read(schemas.ChangedUser)
    if not actor().may_act_for(body.id):
        raise Refused(403, NOT_ALLOWED)
    known, still = by_id.account(body.id).user, by_id.still(body.id)
    name, surname = body.name or "", body.surname or ""
    with storing("user"):
        if actor().is_admin:
            wish = UserChange(name, surname, body.email, body.uid)
            account = users.change(actor(), known.username, wish, still)
        elif body.uid != known.uid:
            raise Refused(403, "Only administrators can change uid!")
        else:
            own = ProfileChange(name, surname, body.email)
            account = users.update_me(actor(), own, still)
    return _whole(account.user)


@bp.delete("/user/<user_id>")
@for_administrators
def delete_user(user_id: int) -> Response:
    """Delete an account that never reserved anything."""
    username = by_id.account(user_id).user.username
    users.delete(actor(), username, by_id.still(user_id))
    return bodies.done("User deleted")


def _whole(user: User, status: int = 200) -> Response:
    has = belongings.of_users(actor(), [user.id])[user.id]
    return bodies.answer(shapes.user_full(actor(), user, has, user.group), status)
