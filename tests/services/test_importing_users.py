"""People from files: all of a file or nothing of it."""

import pytest
from sqlalchemy import func, select

from remas.errors import Forbidden, Invalid
from remas.extensions import db
from remas.models import Audit, Group, Outbox, User
from remas.services import passwords, sessions
from remas.services.actor import SYSTEM, Actor
from remas.services.importing_users import Imported, Options, import_users
from tests.support.factories import CHEAP, make_default_groups, make_group, make_user

pytestmark = pytest.mark.usefixtures("app_context")

CSV = """username,uid,name,surname,email,group,time_zone
eve,2001,Eve,Zorn,eve@example.org,Vision,Europe/Prague
adam,2002,,,adam@example.org,,
"""
PASSWD = """root:x:0:0:root:/root:/bin/bash
ada:x:1815:100:Augusta Ada Byron,Room 1,555:/home/ada:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
grace:x:1906:100:&:/home/grace:/bin/zsh
"""


@pytest.fixture(autouse=True)
def _groups(app_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)
    make_default_groups()
    make_group("Vision")


def user(username: str) -> User:
    return db.session.scalars(select(User).where(User.username == username)).one()


def outcomes(result: Imported) -> dict[str, str]:
    return {line.username: line.outcome for line in result.lines}


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_csv_in_any_order_of_columns() -> None:
    assert outcomes(import_users(SYSTEM, CSV, Options())) == {"eve": "made", "adam": "made"}
    eve = user("eve")
    assert (eve.uid, eve.full_name, eve.group.name) == (2001, "Eve Zorn", "Vision")
    assert (eve.time_zone, eve.email) == ("Europe/Prague", "eve@example.org")
    assert user("adam").group.name == "Users"
    swapped = "email;username;uid\nx@example.org;zoe;2003\n"
    assert outcomes(import_users(SYSTEM, swapped, Options())) == {"zoe": "made"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("eve,2001,Ada@x.org", "Ada@x.org is the username of somebody else."),
        ("Bob@x.org,2001,eve@x.org", "Bob@x.org is the e-mail address of bob."),
        ("eve,2001,NEW@x.org\nnew@x.org,2002,n@x.org", "NEW@x.org is the username of"),
        ("new@x.org,2002,n@x.org\nbob,,new@x.org", "new@x.org is the username of"),
    ],
)
def test_names_and_addresses_of_different_people_do_not_meet(line: str, text: str) -> None:
    make_user("ada@x.org", email="ada@example.org")
    make_user("bob", email="bob@x.org")
    before = count(User)
    with pytest.raises(Invalid) as refused:
        import_users(SYSTEM, f"username,uid,email\n{line}\n", Options(update=True))
    assert text in str(refused.value.errors)
    assert count(User) == before


def test_ones_own_address_may_be_the_username() -> None:
    make_user("ada@x.org", email="ada@x.org")
    text = "username,uid,email\nada@x.org,,ada@x.org\neve@x.org,2001,Eve@x.org\n"
    result = import_users(SYSTEM, text, Options(update=True))
    assert outcomes(result) == {"ada@x.org": "as it was", "eve@x.org": "made"}


def test_getent_passwd_with_people_only() -> None:
    result = import_users(SYSTEM, PASSWD, Options(domain="example.org"))
    assert outcomes(result) == {
        "root": "left out",
        "ada": "made",
        "nobody": "left out",
        "grace": "made",
    }
    assert [line.number for line in result.lines] == [1, 2, 3, 4]
    ada = user("ada")
    assert (ada.name, ada.surname, ada.uid) == ("Augusta Ada", "Byron", 1815)
    assert ada.email == "ada@example.org"
    assert user("grace").full_name == "Grace"


def test_without_a_domain_nobody_of_passwd_has_an_address() -> None:
    with pytest.raises(Invalid) as refused:
        import_users(SYSTEM, PASSWD, Options())
    assert list(refused.value.errors) == ["line 2", "line 4"]
    assert "--domain" in refused.value.errors["line 2"][0]
    for username in ("ada", "grace"):
        make_user(username)
    result = import_users(SYSTEM, PASSWD, Options())  # those who are known have one
    assert outcomes(result)["ada"] == "known"


def test_without_passwords_nobody_gets_in_and_with_them_each_once() -> None:
    result = import_users(SYSTEM, CSV, Options())
    assert result.passwords == {}
    assert user("eve").password_hash == passwords.UNUSABLE
    result = import_users(SYSTEM, "username,uid,email\nzoe,7,z@e\n", Options(passwords=True))
    verified, _ = sessions.authenticate("zoe", result.passwords["zoe"])
    assert verified == user("zoe").id
    assert user("zoe").password_change_required
    assert result.passwords["zoe"] not in repr(result)


def test_those_who_are_known_are_left_unless_they_are_to_be_updated() -> None:
    make_user("eve", name="Eva", surname="Zorn", email="old@example.org", uid=2001)
    result = import_users(SYSTEM, CSV, Options())
    assert outcomes(result) == {"eve": "known", "adam": "made"}
    assert user("eve").name == "Eva"
    result = import_users(SYSTEM, CSV, Options(update=True))
    assert outcomes(result) == {"eve": "changed", "adam": "as it was"}
    assert result.lines[0].detail == "name, email, time_zone, group"
    eve = user("eve")
    assert (eve.name, eve.group.name) == ("Eve", "Vision")
    assert sessions.authenticate("eve", "a password for tests")  # which is as it was
    blank = "username,name\neve,\n"
    assert outcomes(import_users(SYSTEM, blank, Options(update=True))) == {"eve": "as it was"}
    assert user("eve").name == "Eve"


def test_a_dry_run_says_the_same_and_keeps_nothing() -> None:
    make_user("eve")
    options = Options(update=True, dry_run=True, passwords=True)
    before = count(User), count(Audit), count(Outbox)
    result = import_users(SYSTEM, CSV, options)
    assert outcomes(result) == {"eve": "changed", "adam": "made"}
    assert result.passwords == {}
    assert (count(User), count(Audit), count(Outbox)) == before
    assert user("eve").group.name == "Users"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "file"),
        ("\n\n", "file"),
        ("username,uid\n", "file"),
        ("name,uid\nEve,1\n", "line 1"),
        ("username,uid,uid\neve,1,1\n", "line 1"),
        ("username,shoe\neve,1\n", "line 1"),
        ("username,uid,email\neve,2001\n", "line 2"),
        ("username,uid,email\neve,many,e@x\n", "line 2"),
        ("username,uid,email\neve,-5,e@x\n", "line 2"),
        ("username,uid,email\neve,99999999999999,e@x\n", "line 2"),
        ("username,uid,email\neve,4294967295,e@x\n", "line 2"),
        ("username,email\neve,e@x\n", "line 2"),
        ("username,uid\neve,2001\n", "line 2"),
        ("username,uid,email\neve,2001,nowhere\n", "line 2"),
        ("username,uid,email\na/b,2001,e@x\n", "line 2"),
        ("username,uid,email\n,2001,e@x\n", "line 2"),
        ("username,uid,email,group\neve,2001,e@x,Nothing\n", "line 2"),
        ("username,uid,email,time_zone\neve,2001,e@x,Mars/Olympus\n", "line 2"),
        ("username,uid,email\neve,2001,e@x\neve,2002,f@x\n", "line 3"),
        ("username,uid,email\neve,2001,e@x\nada,2001,f@x\n", "line 3"),
        ("username,uid,email\neve,2001,e@x\nada,2002,e@x\n", "line 3"),
        ("username,uid,email\neve,77,e@x\n", "line 2"),
        ("username,uid,email\neve,2001,taken@example.org\n", "line 2"),
        ("ada:x:1815:100:Ada:/home/ada:/bin/sh\nnonsense\n", "line 2"),
        ("username,uid,email\neve,2001,e@x\x00\n", "line 2"),
        ("username\n" + "x" * 200_000 + "\n", "file"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(text: str, where: str) -> None:
    make_user("taken", uid=77)
    before = count(User), count(Audit)
    with pytest.raises(Invalid) as refused:
        import_users(SYSTEM, text, Options(domain=None))
    assert list(refused.value.errors) == [where]
    assert (count(User), count(Audit)) == before


def test_the_last_administrator_is_not_moved_away() -> None:
    make_user("root", admin=True)
    text = "username,group\nroot,Users\n"
    with pytest.raises(Invalid, match="last active administrator"):
        import_users(SYSTEM, text, Options(update=True))
    assert user("root").group.name == "Administrators"


def test_each_person_has_a_line_in_the_audit_and_a_letter_unless_not_wanted() -> None:
    import_users(SYSTEM, CSV, Options())
    rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
    assert [(row.action, row.subject) for row in rows] == [("create", "eve"), ("create", "adam")]
    assert count(Outbox) == 2
    more = "username,uid,email\nzoe,7,z@e\n"
    import_users(SYSTEM, more, Options(letters=False))
    assert count(Outbox) == 2


def test_only_administrators() -> None:
    with pytest.raises(Forbidden):
        import_users(Actor(1, "ann", is_admin=False), CSV, Options())
    assert count(Group) == 4
