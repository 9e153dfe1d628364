"""The program as a whole: it starts at once, and its list of commands says what they are."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from remas.cli import COMMANDS, USE, main

HEAVY = ("flask", "sqlalchemy", "numpy", "ortools", "pydantic", "solver", "remas.services")


@pytest.mark.parametrize("name", sorted(USE))
def test_commands_for_people_start_without_the_application(name: str) -> None:
    code = (
        "import sys; from remas.cli import main\n"
        f"main([{name!r}, '--help'], standalone_mode=False)\n"
        f"sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_list_is_told_without_reading_any_command() -> None:
    code = (
        "import sys; from remas.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "sys.exit(' '.join(m for m in sys.modules if m.startswith('remas.cli.')) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Use a cluster:" in result.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_says_what_commands_say_themselves(name: str) -> None:
    with main.make_context("remas", [], resilient_parsing=True) as context:
        command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    said = " ".join((command.help or "").split())
    assert said.startswith(COMMANDS[name][1].removesuffix("."))


def test_no_such_command() -> None:
    result = CliRunner().invoke(main, ["nothing"])
    assert result.exit_code == 2
    assert "No such command 'nothing'" in result.output
