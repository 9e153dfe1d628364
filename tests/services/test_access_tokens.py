"""Access tokens: made and shown once, good for what their person may, ended for good."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
import time_machine

from remas import clock
from remas.config import Settings
from remas.errors import Forbidden, Invalid, NotFound, NotSignedIn
from remas.extensions import db
from remas.models import AccessToken, Audit, TokenScope, User
from remas.services import access_tokens, passwords, users
from remas.services.access_tokens import LONGEST, MOST, PREFIX, TokenMade, TokenNew
from remas.services.actor import SYSTEM, Actor
from remas.services.users import UserChange
from tests.support.factories import CHEAP, PASSWORD, actor_of, make_user

pytestmark = pytest.mark.usefixtures("app_context", "noon")
NEW = "four unrelated words, indeed"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def eve() -> User:
    make_user("root", admin=True)
    return make_user("eve")


def make(user: User, scope: TokenScope = TokenScope.WRITE, days: float = 30) -> TokenMade:
    wish = TokenNew("backup script", scope, clock.now() + timedelta(days=days))
    return access_tokens.create(actor_of(user), wish)


def holder(settings: Settings, secret: str, address: str | None = "192.0.2.7") -> Actor:
    return access_tokens.actor_of(db.session(), settings, secret, address)


def test_only_the_hash_is_kept(eve: User) -> None:
    made = make(eve)
    assert made.secret.startswith(PREFIX)
    # 32 bytes in base64 without padding: 43 signs.
    assert len(made.secret) == len(PREFIX) + 43
    row = db.session.get_one(AccessToken, made.row.id)
    assert row.token_hash == sha256(made.secret.encode()).hexdigest()
    assert made.secret not in repr(made)
    assert make(eve).secret != made.secret


def test_the_record_names_it_and_tells_no_secret(eve: User) -> None:
    made = make(eve)
    access_tokens.revoke(actor_of(eve), made.row.id)
    entries = db.session.query(Audit).order_by(Audit.id).all()
    assert [(e.action, e.kind, e.subject, e.actor) for e in entries] == [
        ("create", "access_token", "backup script", "eve"),
        ("revoke", "access_token", "backup script", "eve"),
    ]
    told = str([(entry.before, entry.after) for entry in entries])
    assert made.secret not in told
    assert made.row.token_hash not in told


def test_it_stands_for_its_person_with_todays_rights(eve: User, settings: Settings) -> None:
    made = make(eve)
    found = holder(settings, made.secret)
    assert (found.username, found.is_admin, found.read_only) == ("eve", False, False)
    assert found.access_token_id == made.row.id
    assert found.session_id is None
    users.change(SYSTEM, "eve", UserChange(group="Administrators"))
    assert holder(settings, made.secret).is_admin
    assert holder(settings, make(eve, TokenScope.READ).secret).read_only


def test_nothing_else_is_a_token(eve: User, settings: Settings) -> None:
    made = make(eve)
    for text in ("", PREFIX, made.secret[:-1], made.secret + "x", made.row.token_hash, "\ud800"):
        with pytest.raises(NotSignedIn):
            holder(settings, text)


def test_it_ends_by_itself(eve: User, settings: Settings, noon: time_machine.Traveller) -> None:
    made = make(eve, days=1)
    noon.shift(timedelta(days=1, seconds=-1))
    assert holder(settings, made.secret).username == "eve"
    noon.shift(timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        holder(settings, made.secret)
    assert [row.id for row in access_tokens.own(actor_of(eve)).items] == [made.row.id]


@pytest.mark.parametrize(
    "length", [timedelta(0), -timedelta(days=1), LONGEST + timedelta(seconds=1)]
)
def test_when_it_ends_is_bounded(eve: User, length: timedelta) -> None:
    wish = TokenNew("x", TokenScope.READ, clock.now() + length)
    with pytest.raises(Invalid) as refused:
        access_tokens.create(actor_of(eve), wish)
    assert set(refused.value.errors) == {"expires_at"}
    assert db.session.query(AccessToken).count() == 0


def test_the_longest_just_fits(eve: User) -> None:
    assert make(eve, days=LONGEST.days).row.id


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_is_one_line(eve: User, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        access_tokens.create(
            actor_of(eve), TokenNew(name, TokenScope.READ, clock.now() + timedelta(days=1))
        )
    assert set(refused.value.errors) == {"name"}


def test_a_revoked_one_is_worth_nothing(eve: User, settings: Settings) -> None:
    made, other = make(eve), make(eve)
    access_tokens.revoke(actor_of(eve), made.row.id)
    with pytest.raises(NotSignedIn):
        holder(settings, made.secret)
    assert holder(settings, other.secret).username == "eve"
    with pytest.raises(NotFound):
        access_tokens.revoke(actor_of(eve), made.row.id)


def test_others_tokens_are_not_there(eve: User, settings: Settings) -> None:
    made, mallory = make(eve), actor_of(make_user("mallory"), admin=True)
    assert access_tokens.own(mallory).total == 0
    for act in (access_tokens.revoke, access_tokens.get):
        with pytest.raises(NotFound):
            act(mallory, made.row.id)
    assert holder(settings, made.secret).username == "eve"


def test_a_token_makes_none_and_ends_none_but_itself(eve: User, settings: Settings) -> None:
    made, other = make(eve), make(eve)
    program = holder(settings, made.secret)
    with pytest.raises(Forbidden):
        access_tokens.create(
            program, TokenNew("x", TokenScope.READ, clock.now() + timedelta(days=1))
        )
    with pytest.raises(Forbidden):
        access_tokens.revoke(program, other.row.id)
    access_tokens.revoke(program, made.row.id)
    with pytest.raises(NotSignedIn):
        holder(settings, made.secret)


def test_a_token_sets_no_password(eve: User, settings: Settings) -> None:
    program = holder(settings, make(eve).secret)
    with pytest.raises(Forbidden):
        users.change_password(program, PASSWORD, NEW)
    with pytest.raises(Forbidden):
        users.set_password(replace(program, is_admin=True), "eve", NEW)


@pytest.mark.parametrize("how", ["deactivated", "own password", "set password"])
def test_tokens_end_with_the_sessions(eve: User, settings: Settings, how: str) -> None:
    made = make(eve)
    if how == "deactivated":
        users.change(SYSTEM, "eve", UserChange(active=False))
        users.change(SYSTEM, "eve", UserChange(active=True))
    elif how == "own password":
        users.change_password(actor_of(eve), PASSWORD, NEW)
    else:
        users.set_password(SYSTEM, "eve", NEW)
    with pytest.raises(NotSignedIn):
        holder(settings, made.secret)


def test_somebody_not_active_has_no_tokens(eve: User, settings: Settings) -> None:
    made = make(eve)
    db.session.get_one(User, eve.id).active = False
    db.session.commit()
    with pytest.raises(NotSignedIn):
        holder(settings, made.secret)


def test_the_last_use_is_noted_every_few_minutes(
    eve: User, settings: Settings, noon: time_machine.Traveller
) -> None:
    made = make(eve)

    def noted() -> tuple[object, object]:
        db.session.expire_all()
        row = db.session.get_one(AccessToken, made.row.id)
        return row.last_used_at, row.last_address

    assert noted() == (None, None)
    first = clock.now()
    holder(settings, made.secret, "192.0.2.1")
    assert noted() == (first, "192.0.2.1")
    noon.shift(timedelta(minutes=5))
    holder(settings, made.secret, "192.0.2.2")
    assert noted() == (first, "192.0.2.1")
    noon.shift(timedelta(seconds=1))
    holder(settings, made.secret, "192.0.2.2")
    assert noted() == (clock.now(), "192.0.2.2")


def test_there_are_not_too_many(eve: User, noon: time_machine.Traveller) -> None:
    db.session.add_all(
        AccessToken(
            user_id=eve.id,
            name=f"token {number}",
            scope=TokenScope.READ,
            token_hash=f"hash {number}",
            created_at=clock.now(),
            expires_at=clock.now() + timedelta(days=1),
        )
        for number in range(MOST - 1)
    )
    db.session.commit()
    assert make(eve).row.id
    with pytest.raises(Invalid) as refused:
        make(eve)
    assert str(MOST) in str(refused.value)
    noon.shift(timedelta(days=1))  # those that have expired do not count
    assert make(eve).row.id


def test_the_system_has_none() -> None:
    with pytest.raises(Forbidden):
        access_tokens.own(SYSTEM)


def test_they_go_with_the_account(eve: User) -> None:
    make(eve)
    users.delete(SYSTEM, "eve")
    assert db.session.query(AccessToken).count() == 0
