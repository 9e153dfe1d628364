"""Closing an account: what ends with it, what is freed only where that is asked, what stays."""

import pytest
from sqlalchemy import select

from remas import clock
from remas.errors import Forbidden, Invalid, LastAdministrator, NotSignedIn
from remas.extensions import db
from remas.models import (
    ADMINISTRATORS,
    AccessToken,
    Audit,
    AuthSession,
    Node,
    Outbox,
    OutboxKind,
    Reservation,
    Status,
    TokenScope,
    User,
)
from remas.services import access_tokens, deactivation, sessions, user_search, users
from remas.services.access_tokens import TokenNew
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.user_search import UserFilter
from remas.services.users import UserChange
from tests.support.factories import (
    PASSWORD,
    actor_of,
    make_group,
    make_node,
    make_reservation,
    make_user,
    soon,
)

pytestmark = pytest.mark.usefixtures("app_context")

CLOSE = UserChange(active=False)
CLOSE_AND_CANCEL = UserChange(active=False, cancel_coming_reservations=True)


@pytest.fixture
def admin(app_context: None) -> Actor:
    return actor_of(make_user("root", admin=True), admin=True)


@pytest.fixture
def eve(admin: Actor) -> User:
    """Holds one running, two to come, one finished and one cancelled."""
    user, node = make_user("eve"), make_node("n1", {"cpu": 8})
    held = {node: {"cpu": 1}}
    make_reservation(user, soon(-1), 4, name="running", allocations=held)
    make_reservation(user, soon(24), name="next", allocations=held)
    make_reservation(user, soon(48), name="later", allocations=held)
    make_reservation(user, soon(-48), name="over", allocations=held)
    make_reservation(user, soon(72), name="off", allocations=held, cancelled_at=clock.now())
    return user


def statuses() -> dict[str, Status]:
    return {row.name: row.status(clock.now()) for row in db.session.scalars(select(Reservation))}


def test_sessions_and_tokens_end_at_once(admin: Actor, eve: User) -> None:
    session_id = sessions.sign_in("eve", PASSWORD, None)
    pair = sessions.issue_tokens(settings(), "eve", PASSWORD, None)
    wish = TokenNew("nightly", TokenScope.READ, soon(24))
    secret = access_tokens.create(actor_of(eve), wish).secret
    users.change(admin, "eve", CLOSE)
    assert sessions.actor_of_session(db.session(), settings(), session_id, None) is None
    for refused in (
        lambda: sessions.actor_of_token(db.session(), settings(), pair.access_token, None),
        lambda: sessions.refresh_tokens(settings(), pair.refresh_token),
        lambda: access_tokens.actor_of(db.session(), settings(), secret, None),
        lambda: sessions.sign_in("eve", PASSWORD, None),
    ):
        with pytest.raises(NotSignedIn):
            refused()
    users.change(admin, "eve", UserChange(active=True))
    open_ones = [
        *db.session.scalars(select(AuthSession).where(AuthSession.revoked_at.is_(None))),
        *db.session.scalars(select(AccessToken).where(AccessToken.revoked_at.is_(None))),
    ]
    assert open_ones == []  # what has ended stays ended
    sessions.sign_in("eve", PASSWORD, None)


def test_nothing_is_freed_unasked_and_it_is_told(admin: Actor, eve: User) -> None:
    before = statuses()
    closed = users.change(admin, "eve", CLOSE).closed
    assert closed == deactivation.Closed(cancelled=0, scheduled=2, running=1)
    assert statuses() == before


def test_what_is_to_come_is_cancelled_where_asked_and_what_runs_goes_on(
    admin: Actor, eve: User
) -> None:
    closed = users.change(admin, "eve", CLOSE_AND_CANCEL).closed
    assert closed == deactivation.Closed(cancelled=2, scheduled=0, running=1)
    assert statuses() == {
        "running": Status.RUNNING,
        "next": Status.CANCELLED,
        "later": Status.CANCELLED,
        "over": Status.FINISHED,
        "off": Status.CANCELLED,
    }
    rows = db.session.scalars(select(Audit).where(Audit.action == "cancel").order_by(Audit.id))
    assert [(row.subject, row.actor) for row in rows] == [("next", "root"), ("later", "root")]
    kinds = db.session.scalars(select(Outbox.kind)).all()
    assert kinds.count(OutboxKind.RESERVATION_CANCELLED) == 2


def test_a_refusal_cancels_nothing(admin: Actor, eve: User) -> None:
    db.session.get_one(User, eve.id).group_id = ADMINISTRATORS
    db.session.get_one(User, admin.id).active = False
    db.session.commit()
    before = statuses()
    with pytest.raises(LastAdministrator):
        users.change(admin, "eve", CLOSE_AND_CANCEL)
    assert statuses() == before


def test_cancelling_goes_only_with_deactivating(admin: Actor, eve: User) -> None:
    for active in (None, True):
        wish = UserChange(active=active, cancel_coming_reservations=True)
        with pytest.raises(Invalid) as refused:
            users.change(admin, "eve", wish)
        assert list(refused.value.errors) == ["cancel_coming_reservations"]


def test_what_is_ahead_is_told_to_administrators(admin: Actor, eve: User) -> None:
    ahead = deactivation.ahead(admin, eve)
    assert [row.name for row in ahead.coming] == ["next", "later"]
    assert (ahead.scheduled, ahead.running, ahead.untold) == (2, 1, 0)
    node = db.session.scalars(select(Node)).one()
    for _ in range(25):
        make_reservation(eve, soon(100), allocations={node: {"cpu": 1}})
    assert deactivation.ahead(admin, eve).untold == 7
    with pytest.raises(Forbidden):
        deactivation.ahead(actor_of(eve), eve)


def test_search_sorts_and_knows_groups_below(admin: Actor) -> None:
    physics = make_group("Physics", parent=make_group("Science"))
    make_user("eve", surname="Zorn", uid=2_000_009_000, group=physics)
    make_user("adam", surname=None, active=False, password_change_required=True)

    def found(wanted: UserFilter, sort: str = "username") -> list[str]:
        page = user_search.search(admin, wanted, sort=sort)
        return [account.user.username for account in page.items]

    every = UserFilter()
    assert found(every, "surname") == ["root", "eve", "adam"]  # nothing comes last
    assert found(every, "-surname") == ["eve", "root", "adam"]
    assert found(every, "-uid")[0] == "eve"
    assert found(every, "group") == ["root", "eve", "adam"]
    assert found(UserFilter(group="Science")) == []
    assert found(UserFilter(group="Science", subgroups=True)) == ["eve"]
    assert found(UserFilter(group="nothing", subgroups=True)) == []
    assert found(UserFilter(outside="Users")) == ["eve", "root"]
    assert found(UserFilter(administrators=False)) == ["adam", "eve"]
    assert found(UserFilter(one_time_password=True)) == ["adam"]
    assert found(UserFilter(text="2000009000")) == ["eve"]
    with pytest.raises(Invalid):
        found(every, "password_hash")


@pytest.mark.parametrize("sort", ["uid", "-uid", "group", "-group", "created", "-created"])
def test_nobody_is_sorted_by_what_others_may_not_see(admin: Actor, sort: str) -> None:
    eve = actor_of(make_user("eve", uid=9000))
    with pytest.raises(Forbidden):
        user_search.search(eve, UserFilter(), sort=sort)
    assert user_search.search(eve, UserFilter(text="2000009000")).total == 0  # nor found by it
