"""Accounts: who may make, change and close them, and what is left of a closed one."""

import pytest
from sqlalchemy import select

from remas.errors import (
    Forbidden,
    InUse,
    Invalid,
    LastAdministrator,
    NameTaken,
    NotFound,
    NotSignedIn,
)
from remas.extensions import db
from remas.models import ADMINISTRATORS, USERS, Audit, AuthSession, Limit, Tag, User
from remas.services import passwords, sessions, user_search, users
from remas.services.actor import SYSTEM, Actor
from remas.services.user_search import UserFilter
from remas.services.users import ProfileChange, UserChange, UserNew
from tests.support.factories import (
    CHEAP,
    PASSWORD,
    actor_of,
    make_group,
    make_limit,
    make_reservation,
    make_tag,
    make_user,
)


def authenticated(username, password):
    """The user who signs in with this."""
    user_id, _ = sessions.authenticate(username, password)
    return db.session.get_one(User, user_id, populate_existing=True)


pytestmark = pytest.mark.usefixtures("app_context")
NEW = "another good password"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def admin(app_context: None) -> Actor:
    return actor_of(make_user("root", admin=True), admin=True)


def audit_rows(kind: str = "user") -> list[Audit]:
    rows = db.session.scalars(select(Audit).where(Audit.kind == kind).order_by(Audit.id))
    return list(rows.all())


def wish(**changes: object) -> UserNew:
    return UserNew(**{"username": "eve", "email": "eve@example.org", "uid": 2000, **changes})


def test_an_account_without_password_gets_one_for_one_sign_in(admin: Actor) -> None:
    made = users.create(admin, wish())
    assert made.initial_password
    user = authenticated("eve", made.initial_password)
    assert user.password_change_required
    assert (user.group_id, user.active) == (USERS, True)
    assert not made.is_admin


def test_an_account_with_a_password_signs_in_with_it(admin: Actor) -> None:
    made = users.create(admin, wish(password=NEW, group="Administrators"))
    assert made.initial_password is None
    assert made.is_admin
    assert not authenticated("eve", NEW).password_change_required


def test_no_secret_is_in_the_audit(admin: Actor) -> None:
    made = users.create(admin, wish())
    users.set_password(admin, "eve", NEW)
    user = db.session.scalar(select(User).where(User.username == "eve"))
    assert user
    written = repr([(row.before, row.after) for row in audit_rows()])
    for secret in (made.initial_password, NEW, user.password_hash):
        assert secret
        assert secret not in written


def test_names_are_trimmed_and_the_e_mail_is_written_the_usual_way(admin: Actor) -> None:
    user = users.create(admin, wish(username=" eve ", name=" Eve ", email="eve@EXAMPLE.org")).user
    assert (user.username, user.name, user.email) == ("eve", "Eve", "eve@example.org")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "  "),
        ("username", "x" * 201),
        ("username", "a/b"),
        ("username", ".."),
        ("username", "a\nb"),
        ("username", "a\x00b"),
        ("email", "no address"),
        ("email", "a@b\x00.org"),
        ("uid", -1),
        ("uid", 2**31),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", "Europe"),
        ("group", "no such group"),
        ("password", "short"),
        ("password", "x" * 1001),
    ],
)
def test_what_an_account_cannot_have(admin: Actor, field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        users.create(admin, wish(**{field: value}))
    assert list(refused.value.errors) == [field]


def test_hosts_of_closed_networks_are_good_enough_for_e_mail(admin: Actor) -> None:
    assert users.create(admin, wish(email="eve@cluster")).user.email == "eve@cluster"


@pytest.mark.parametrize(
    ("field", "value"),
    [("username", "taken"), ("email", "taken@example.org"), ("uid", 77)],
)
def test_what_only_one_may_have(admin: Actor, field: str, value: object) -> None:
    make_user("taken", uid=77)
    with pytest.raises(NameTaken) as refused:
        users.create(admin, wish(**{field: value}))
    assert refused.value.field == field
    assert db.session.scalar(select(User).where(User.username == "eve")) is None


def test_a_username_is_nobody_elses_address(admin: Actor) -> None:
    make_user("ann", email="Eve@x.org")
    with pytest.raises(NameTaken, match="somebody else's e-mail address") as refused:
        users.create(admin, wish(username="eve@X.org", email="eve@example.org"))
    assert refused.value.field == "username"
    own = users.create(admin, wish(username="bob@x.org", email="Bob@x.org", uid=4712)).user
    assert (own.username_folded, own.email_folded) == ("bob@x.org", "bob@x.org")


def test_an_address_is_nobody_elses_username(admin: Actor) -> None:
    make_user("École@x.org", admin=True, email="ecole@example.org")
    eve = make_user("eve")
    address = "école@x.org"
    for refused in (
        lambda: users.create(admin, wish(username="adam", email=address)),
        lambda: users.change(admin, "eve", UserChange(email=address)),
        lambda: users.update_me(actor_of(eve), ProfileChange(email=address)),
    ):
        with pytest.raises(NameTaken, match="somebody else's username") as told:
            refused()
        assert told.value.field == "email"
    assert users.get(admin, "eve").user.email == "eve@example.org"
    users.change(admin, "École@x.org", UserChange(email=address))  # one's own
    assert users.get(admin, "École@x.org").user.email_folded == address


def test_what_was_mixed_before_can_still_be_changed_elsewhere(admin: Actor) -> None:
    make_user("ops@x.org", email="own@x.org")
    eve = make_user("eve", email="ops@x.org")
    kept = users.update_me(actor_of(eve), ProfileChange(name="Eva", email="ops@x.org"))
    assert kept.user.name == "Eva"


def test_a_change_notes_only_what_is_different(admin: Actor) -> None:
    make_user("eve", name="Eve", surname=None)
    users.change(admin, "eve", UserChange(name="Eva", surname="", group="Users"))
    (row,) = audit_rows()
    assert (row.action, row.before, row.after) == ("change", {"name": "Eve"}, {"name": "Eva"})
    assert row.actor == "root"


def test_a_change_of_nothing_leaves_no_trace(admin: Actor) -> None:
    make_user("eve")
    users.change(admin, "eve", UserChange())
    assert audit_rows() == []


def test_empty_text_takes_away(admin: Actor) -> None:
    make_user("eve", name="Eve", time_zone="Europe/Prague")
    user = users.change(admin, "eve", UserChange(name="", time_zone="")).user
    assert (user.name, user.time_zone) == (None, None)


def test_a_deactivated_user_is_signed_out(admin: Actor) -> None:
    make_user("eve")
    sessions.sign_in("eve", PASSWORD, None)
    users.change(admin, "eve", UserChange(active=False))
    assert db.session.scalars(select(AuthSession.revoked_at)).one() is not None
    with pytest.raises(NotSignedIn):
        sessions.sign_in("eve", PASSWORD, None)


def test_the_last_active_administrator_stays_one(admin: Actor) -> None:
    make_user("second", admin=True, active=False)
    for change in (UserChange(group="Users"), UserChange(active=False)):
        with pytest.raises(LastAdministrator):
            users.change(admin, "root", change)
    with pytest.raises(LastAdministrator):
        users.delete(admin, "root")
    users.change(admin, "second", UserChange(active=True))
    users.change(admin, "root", UserChange(group="Users"))
    assert not users.get(admin, "root").is_admin


def test_members_of_groups_below_administrators_are_administrators(admin: Actor) -> None:
    operators = make_group("Operators", parent=make_group("Staff", parent=ADMINISTRATORS))
    make_user("eve", group=operators)
    assert users.get(admin, "eve").is_admin
    shown = {account.user.username: account.is_admin for account in _all(admin)}
    assert shown == {"eve": True, "root": True}


def _all(actor: Actor) -> list[users.Account]:
    return list(user_search.search(actor, UserFilter()).items)


def test_deleting_takes_along_what_is_no_history(admin: Actor) -> None:
    eve = make_user("eve")
    make_limit(3, user=eve)
    make_tag(eve, "mine")
    sessions.sign_in("eve", PASSWORD, None)
    users.delete(admin, "eve")
    for table in (Limit, Tag, AuthSession):
        assert db.session.scalars(select(table)).all() == []
    assert [row.action for row in audit_rows()] == ["delete"]
    assert [row.action for row in audit_rows("limit")] == ["delete"]
    with pytest.raises(NotFound):
        users.get(admin, "eve")


def test_who_has_reserved_cannot_be_deleted(admin: Actor) -> None:
    eve = make_user("eve")
    for _ in range(22):
        make_reservation(eve)
    with pytest.raises(InUse) as refused:
        users.delete(admin, "eve")
    assert "22 reservations" in refused.value.detail
    assert len(refused.value.things) == 21
    assert refused.value.things[-1] == "and 2 more"
    assert users.get(admin, "eve").user.active


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda actor: users.create(actor, wish()),
        lambda actor: users.change(actor, "root", UserChange(name="x")),
        lambda actor: users.delete(actor, "root"),
        lambda actor: users.set_password(actor, "root", NEW),
        lambda actor: user_search.search(actor, UserFilter(group="Users")),
        lambda actor: user_search.search(actor, UserFilter(active=True)),
    ],
)
def test_only_administrators_manage_accounts(admin: Actor, forbidden: object) -> None:
    eve = actor_of(make_user("eve"))
    with pytest.raises(Forbidden):
        forbidden(eve)  # type: ignore[operator]
    assert audit_rows() == []


def test_people_change_their_own_name_and_contact(admin: Actor) -> None:
    eve = actor_of(make_user("eve"))
    change = ProfileChange(name="Eva", email="eva@example.org", time_zone="Europe/Prague")
    user = users.update_me(eve, change).user
    assert (user.name, user.email, user.time_zone) == ("Eva", "eva@example.org", "Europe/Prague")
    with pytest.raises(Invalid):
        users.update_me(eve, ProfileChange(time_zone="nowhere"))
    with pytest.raises(NameTaken):
        users.update_me(eve, ProfileChange(email="root@example.org"))


def test_changing_the_own_password_ends_all_other_sessions(admin: Actor) -> None:
    user = make_user("eve", password_change_required=True)
    here, elsewhere = (sessions.sign_in("eve", PASSWORD, None) for _ in range(2))
    eve = Actor(id=user.id, username="eve", is_admin=False, session_id=here)
    with pytest.raises(Invalid, match="current"):
        users.change_password(eve, "a wrong password", NEW)
    with pytest.raises(Invalid, match="12"):
        users.change_password(eve, PASSWORD, "short")
    with pytest.raises(Invalid, match="already"):
        users.change_password(eve, PASSWORD, PASSWORD)
    assert not users.change_password(eve, PASSWORD, NEW).user.password_change_required
    ended = dict(db.session.execute(select(AuthSession.id, AuthSession.revoked_at)).all())
    assert ended[here] is None
    assert ended[elsewhere] is not None
    authenticated("eve", NEW)


def test_an_administrator_sets_a_password(admin: Actor) -> None:
    make_user("eve", password_change_required=True)
    sessions.sign_in("eve", PASSWORD, None)
    assert users.set_password(admin, "eve", NEW) is None
    assert not authenticated("eve", NEW).password_change_required
    assert db.session.scalars(select(AuthSession.revoked_at)).one() is not None
    made = users.set_password(admin, "eve")
    assert made
    assert authenticated("eve", made).password_change_required
    with pytest.raises(NotFound):
        users.set_password(admin, "nobody")
    with pytest.raises(Invalid):
        users.set_password(admin, "eve", "short")


def test_the_command_line_helps_who_is_locked_out(admin: Actor) -> None:
    make_user("eve")
    made = users.reset_password("eve")
    assert authenticated("eve", made).password_change_required
    assert audit_rows()[-1].actor == SYSTEM.username


def test_search_finds_people_by_what_everybody_sees(admin: Actor) -> None:
    make_user("eve", surname="Müller_1", group=make_group("Physics"))
    make_user("adam", active=False)
    eve = actor_of(make_user("zoe"))

    def found(actor: Actor, **filters: object) -> list[str]:
        return [a.user.username for a in user_search.search(actor, UserFilter(**filters)).items]

    assert found(eve) == ["adam", "eve", "root", "zoe"]
    assert found(eve, text="ER_1") == found(eve, text="Müller") == ["eve"]
    assert found(eve, text="%") == []  # no wildcard of a database
    assert found(admin, group="Physics") == ["eve"]
    assert found(admin, active=False) == ["adam"]
