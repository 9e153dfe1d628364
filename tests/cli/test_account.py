"""Signing in and out in a shell, and where the token is kept."""

import json
import os
import pty
import re
import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from remas.extensions import db
from remas.models import AccessToken, AuthSession, User
from remas.services import access_tokens, users
from remas.services.actor import SYSTEM
from tests.api.conftest import Made
from tests.cli.conftest import REMAS, SECONDS, Shell
from tests.support.factories import PASSWORD
from tests.support.processes import free_port

NEW = "four unrelated words, indeed"


@pytest.fixture
def login(nobody: Shell, live_server: str, ada: User) -> str:
    """Sign Ada in; what was said."""
    return nobody.ok(["login", live_server, "-u", "ada"], f"{PASSWORD}\n")


def kept(shell: Shell) -> Path:
    return Path(shell.environ["XDG_CONFIG_HOME"]) / "remas" / "login.json"


def tokens(app: Flask) -> list[tuple[str, bool]]:
    """Names of all tokens, and whether they are good."""
    with app.app_context():
        rows = db.session.query(AccessToken).order_by(AccessToken.id)
        return [(row.name, row.revoked_at is None) for row in rows]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_signing_in_keeps_a_token_for_these_eyes_alone(
    login: str, nobody: Shell, app: Flask, live_server: str
) -> None:
    path = kept(nobody)
    assert str(path) in login
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    text = path.read_text()
    assert PASSWORD not in text
    assert json.loads(text)["url"] == live_server
    ((name, good),) = tokens(app)
    assert name.startswith("remas on ")
    assert good
    told = nobody.ok("whoami")
    for part in ("Ada Byron (ada)", "Users", "Europe/Prague", live_server, name, "may write"):
        assert part in told


def test_no_session_stays_behind(login: str, app: Flask) -> None:
    with app.app_context():
        sessions = db.session.query(AuthSession).all()
        assert [row.revoked_at is None for row in sessions] == [False]


def test_the_password_is_not_shown(nobody: Shell, live_server: str, ada: User) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [REMAS, "login", live_server, "-u", "ada"],
        env=nobody.process_environ,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    seen = ""
    typed = False
    while True:
        try:
            seen += os.read(leader, 1000).decode()
        except OSError:  # the program is gone, and the terminal with it
            break
        if "Password:" in seen and not typed:
            typed = True
            os.write(leader, f"{PASSWORD}\n".encode())
    assert process.wait(SECONDS) == 0, seen
    os.close(leader)
    assert "You are signed in" in seen
    assert PASSWORD not in seen


def test_the_folder_is_below_home_by_default(
    nobody: Shell, live_server: str, ada: User, tmp_path: Path
) -> None:
    del nobody.environ["XDG_CONFIG_HOME"]
    nobody.ok(["login", live_server, "-u", "ada"], f"{PASSWORD}\n")
    assert mode(tmp_path / ".config/remas/login.json") == 0o600


def test_signing_out_revokes_the_token(login: str, nobody: Shell, app: Flask) -> None:
    assert "You are signed out" in nobody.ok("logout")
    assert not kept(nobody).exists()
    assert [good for _, good in tokens(app)] == [False]
    assert "remas login URL" in nobody.refused("whoami", 3)
    assert "Nobody was signed in" in nobody.ok("logout")


def test_signing_out_while_the_server_is_away_says_so(nobody: Shell) -> None:
    place = {"url": f"http://127.0.0.1:{free_port()}", "token": "remas_x", "token_id": 1}
    keep(nobody, place)
    assert "could not be revoked" in nobody.refused("logout", 4)
    assert not kept(nobody).exists()


def test_signing_in_again_leaves_one_token(login: str, nobody: Shell, app: Flask) -> None:
    nobody.ok("login -u ada", f"{PASSWORD}\n")  # where: as last time
    assert [good for _, good in tokens(app)] == [False, True]
    nobody.ok("whoami")


def test_a_wrong_password(nobody: Shell, live_server: str, ada: User) -> None:
    told = nobody.refused(["login", live_server, "-u", "ada"], 3, "wrong\n")
    assert "Wrong username or password." in told
    assert not kept(nobody).exists()


def test_a_one_time_password_is_changed_first(
    nobody: Shell, live_server: str, ada: User, app: Flask
) -> None:
    with app.app_context():
        once = users.set_password(SYSTEM, "ada")
    typed = f"{once}\n{NEW}\n{NEW}\n"
    assert "Choose your own" in nobody.ok(["login", live_server, "-u", "ada"], typed)
    assert "Ada" in nobody.ok("whoami")
    assert nobody.ok(["login", live_server, "-u", "ada"], f"{NEW}\n")


def test_a_token_of_the_profile_page(
    nobody: Shell, live_server: str, ada: User, token_of: Callable[..., str], app: Flask
) -> None:
    token = token_of(ada, "read")
    assert "as ada" in nobody.ok(["login", live_server, "--token"], f"{token}\n")
    assert json.loads(nobody.ok("whoami --json"))["token"]["scope"] == "read"
    nobody.ok("logout")
    assert [good for _, good in tokens(app)] == [False]


def test_a_token_that_is_none(nobody: Shell, live_server: str, ada: User) -> None:
    nobody.refused(["login", live_server, "--token"], 3, "remas_nothing\n")
    assert not kept(nobody).exists()


def test_scripts_need_no_folder(shell: Shell) -> None:
    assert json.loads(shell.ok("whoami --json"))["username"] == "ada"
    assert not kept(shell).parent.exists()


def test_a_token_alone_is_for_where_one_is_signed_in(
    login: str, nobody: Shell, token_of: Callable[..., str], make: Made
) -> None:
    nobody.environ["REMAS_TOKEN"] = token_of(make.user("eve"))
    assert json.loads(nobody.ok("whoami --json"))["username"] == "eve"
    kept(nobody).unlink()
    assert "REMAS_URL" in nobody.refused("whoami", 2)


def test_a_token_is_not_sent_to_another_server(login: str, nobody: Shell) -> None:
    nobody.environ["REMAS_URL"] = "http://elsewhere.example.org"
    assert "not signed in" in nobody.refused("whoami", 3)


def keep(shell: Shell, place: Any, bits: int = 0o600) -> None:
    path = kept(shell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(place if isinstance(place, str) else json.dumps(place))
    path.chmod(bits)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read_is_not_trusted(login: str, nobody: Shell, bits: int) -> None:
    kept(nobody).chmod(bits)
    assert "Others may read" in nobody.refused("whoami", 3)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"url": "http://x"}', '{"who": 1}'])
def test_a_damaged_file(nobody: Shell, text: str) -> None:
    keep(nobody, text)
    assert "damaged" in nobody.refused("whoami", 3)


def test_a_loose_folder_is_closed(nobody: Shell, live_server: str, ada: User) -> None:
    kept(nobody).parent.mkdir(parents=True, mode=0o755)
    nobody.ok(["login", live_server, "-u", "ada"], f"{PASSWORD}\n")
    assert mode(kept(nobody).parent) == 0o700


@pytest.mark.parametrize(
    "url", ["remas.example.org", "ftp://x", "http://", "http://a:b", "http://u:p@x", "http://x?y"]
)
def test_what_is_no_address(nobody: Shell, url: str) -> None:
    assert "is no address" in nobody.refused(["login", url, "-u", "ada"], 2, "x\n")


def test_nowhere_to_sign_in(nobody: Shell) -> None:
    assert "Say where" in nobody.refused("login", 2)


def test_a_password_in_the_open_is_warned_of(nobody: Shell) -> None:
    told = nobody.refused("login http://remas.invalid -u ada", 4, "x\n")
    assert "is not encrypted" in told
    assert "does not answer" in told


@pytest.mark.parametrize("command", ["whoami", "list", "nodes", "free", "show 1", "cancel 1"])
def test_the_server_is_away(nobody: Shell, command: str) -> None:
    nobody.environ["REMAS_URL"] = f"http://127.0.0.1:{free_port()}"
    nobody.environ["REMAS_TOKEN"] = "remas_x"
    told = nobody.refused(command, 4)
    assert re.search(r"does not answer: .*refused", told)


def test_a_revoked_token(shell: Shell, ada: User, app: Flask) -> None:
    with app.app_context():
        users.set_password(SYSTEM, "ada", NEW)
    told = shell.refused("whoami", 3)
    assert "revoked" in told
    assert "remas login" in told
    assert json.loads(shell("whoami --json").stdout)["type"] == "/problems/not-signed-in"


def test_an_expired_token(shell: Shell, ada: User) -> None:
    with time_machine.travel(timedelta(days=31)):
        assert "expired" in shell.refused("whoami", 3)


def test_a_token_that_may_only_read(shell_of: Callable[..., Shell], ada: User, make: Made) -> None:
    make.node("n1", {"gpu": 2})
    shell = shell_of(ada, "read")
    assert "n1: 1 gpu" in shell.ok("suggest --gpu 1 --for 1h")
    assert "may only read" in shell.refused("book --gpu 1 --for 1h", 1)


def test_the_length_of_a_sign_in_is_bounded(nobody: Shell, live_server: str) -> None:
    assert "--days" in nobody.refused(["login", live_server, "--days", "400"], 2)


def test_the_longest_sign_in_is_one_the_server_takes(
    nobody: Shell, live_server: str, ada: User
) -> None:
    assert access_tokens.LONGEST.days == 366
    nobody.ok(["login", live_server, "-u", "ada", "--days", "366"], f"{PASSWORD}\n")
