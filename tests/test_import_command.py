"""`remas import users`: told line by line, and passwords go into a file that only one may read."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from remas.cli import main
from remas.extensions import db
from remas.models import User
from remas.services import passwords, sessions
from tests.support import factories

CSV = "username,uid,email\neve,2001,eve@example.org\nadam,2002,adam@example.org\n"


@pytest.fixture(autouse=True)
def _here(
    app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(passwords, "hasher", factories.CHEAP)
    with app.app_context():
        factories.make_default_groups()


def run(*arguments: str, text: str = CSV) -> Result:
    return CliRunner().invoke(main, ["import", "users", "-", *arguments], input=text)


def known(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(user.username for user in db.session.query(User))


def test_each_line_is_told_and_what_to_do_next(app: Flask) -> None:
    done = run()
    assert done.exit_code == 0
    assert "line 2: eve: made (in Users)\nline 3: adam: made (in Users)\n2 made.\n" in done.output
    assert "`remas password USERNAME`" in done.output
    assert known(app) == ["adam", "eve"]
    again = run()
    assert "2 known." in again.output
    assert "--update changes them" in again.output


def test_a_dry_run_changes_nothing(app: Flask, tmp_path: Path) -> None:
    done = run("--dry-run", "--passwords", "words")
    assert "This was a dry run: nothing was changed." in done.output
    assert known(app) == []
    assert not (tmp_path / "words").exists()


def test_passwords_are_in_a_file_of_ones_own_and_nowhere_else(app: Flask, tmp_path: Path) -> None:
    done = run("--passwords", "words")
    assert done.exit_code == 0
    file = tmp_path / "words"
    assert file.stat().st_mode & 0o777 == 0o600
    words = dict(line.split("\t") for line in file.read_text().splitlines())
    assert words.keys() == {"eve", "adam"}
    assert not any(word in done.output for word in words.values())
    with app.app_context():
        assert sessions.authenticate("eve", words["eve"])


def test_a_file_that_is_there_is_not_overwritten(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("precious")
    refused = run("--passwords", "words")
    assert refused.exit_code == 1
    assert "words exists already" in refused.output
    assert (tmp_path / "words").read_text() == "precious"
    assert known(app) == []
    assert "cannot be written" in run("--passwords", "no/where").output


def test_where_a_line_is_wrong_nothing_is_left_behind(app: Flask, tmp_path: Path) -> None:
    refused = run("--passwords", "words", text=f"{CSV}zoe,many,z@example.org\n")
    assert refused.exit_code == 1
    assert "Nothing was taken:\n  line 4: many is no uid." in refused.output
    assert not (tmp_path / "words").exists()
    assert known(app) == []
