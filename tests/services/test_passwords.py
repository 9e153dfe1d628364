"""What a password must be: the same wherever one is set."""

import pytest

from remas.config import Settings
from remas.environment import SettingError
from remas.errors import Invalid
from remas.services import passwords, setup, users
from remas.services.users import UserNew
from tests.support.factories import CHEAP, PASSWORD, actor_of, make_user

ADA = ("ada.lovelace", "Ada", "Lovelace", "ada@analytical-engine.org")


@pytest.mark.parametrize(
    "password",
    [
        "four unrelated words",
        "correct horse battery staple",
        "Xk7#pL2$qR9v",
        "žluťoučký kůň pěl ódy",
        "一二三四五六七八九十百千万",
        "ada likes to walk in the rain",
        "☂" * 3 + "⚙♞✈☎♫❄☀✂✎",
        "passphrases need not end" * 40,
    ],
)
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    passwords.check_rules(password, about=ADA)


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("short", "12 to 1000 characters"),
        ("eleven char", "12 to 1000 characters"),
        ("", "12 to 1000 characters"),
        ("x" * 1001, "12 to 1000 characters"),
        ("password1234", "very common password"),
        ("Password123!", "similar to a commonly used password"),
        ("qwertyuiop12", "similar to a commonly used password"),
        ("123456789012", "commonly used password"),
        ("unbelievable", "Others would soon guess this"),
        ("letmeinletmein", "Repeats"),
        ("aaaaaaaaaaaa", "Repeats"),
        ("abcabcabcabcabc", "Repeats"),
        (" " * 12, "Repeats"),
        ("abcdefghijkl", "Sequences"),
        ("x" * 1000, "Repeats"),
        ("ada.lovelace", "your own name or address"),
        ("Lovelace1815", "your own name or address"),
        ("lovelaceada!", "your own name or address"),
        ("Ada@Analytical-Engine.org", "your own name or address"),
        ("ada.ada.ada.ada.", "your own name or address"),
    ],
)
def test_what_others_would_guess_is_not(password: str, text: str) -> None:
    with pytest.raises(Invalid, match=text) as refused:
        passwords.check_rules(password, "new_password", ADA)
    assert list(refused.value.errors) == ["new_password"]


def test_the_refusal_says_what_to_do() -> None:
    for password in ("password1234", "ada.lovelace"):
        with pytest.raises(Invalid, match=r"Take a few words that have nothing .*\.$"):
            passwords.check_rules(password, about=ADA)


def test_who_has_no_password_here_signs_in_with_none() -> None:
    assert not passwords.is_usable(passwords.UNUSABLE)
    for password in ("", "!", passwords.UNUSABLE):
        assert not passwords.matches(passwords.UNUSABLE, password)


# The same rules everywhere

WEAK = ("password1234", "grace.hopper")


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("weak", WEAK)
def test_everywhere_that_a_password_is_set(weak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)
    admin = actor_of(make_user("root", admin=True), admin=True)
    grace = actor_of(make_user("grace.hopper"))
    for call in (
        lambda: users.create(admin, UserNew("g", "grace.hopper@x.org", 9, password=weak)),
        lambda: users.set_password(admin, "grace.hopper", weak),
        lambda: users.change_password(grace, PASSWORD, weak),
    ):
        with pytest.raises(Invalid) as refused:
            call()
        assert len(refused.value.errors) == 1


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("weak", WEAK)
def test_and_the_first_administrators(weak: str, environ: dict[str, str]) -> None:
    given = {"REMAS_ADMIN_USERNAME": "grace.hopper", "REMAS_ADMIN_PASSWORD": weak}
    with pytest.raises(SettingError, match=r"^REMAS_ADMIN_PASSWORD: "):
        setup.initialise(Settings.load({**environ, **given}))
