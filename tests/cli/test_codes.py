"""Exit codes and sentences for what a server refuses."""

import pytest
from click.testing import CliRunner

from remas.cli.use.codes import Code, Command, code_of
from remas.clients.api import ApiError


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0, Code.UNREACHABLE),
        (400, Code.REFUSED),
        (401, Code.SIGNED_OUT),
        (403, Code.REFUSED),
        (404, Code.REFUSED),
        (409, Code.REFUSED),
        (412, Code.REFUSED),
        (422, Code.USAGE),
        (429, Code.LATER),
        (500, Code.BROKEN),
        (503, Code.LATER),
    ],
)
def test_codes(status: int, code: Code) -> None:
    assert code_of(ApiError(status, {"detail": "No."})) == code


def ended(error: BaseException) -> tuple[int, str]:
    def fail() -> None:
        raise error

    result = CliRunner().invoke(Command("thing", callback=fail), [])
    return result.exit_code, result.output


def test_fields_are_told_by_their_sentences() -> None:
    problem = {
        "detail": "A B",
        "errors": {"nodes.0": ["There is no node x."], "name": ["Too long."]},
    }
    assert ended(ApiError(422, problem)) == (2, "Error: There is no node x. Too long.\n")


def test_what_hangs_on_it_is_told() -> None:
    problem = {"detail": "It is in use.", "things": ["reservation 1"]}
    assert ended(ApiError(409, problem)) == (1, "Error: It is in use. reservation 1\n")


def test_interrupted() -> None:
    assert ended(KeyboardInterrupt())[0] == 130


def test_what_a_server_says_moves_no_cursor() -> None:
    assert ended(ApiError(404, {"detail": "\x1b[2Jgone"}))[1] == "Error: ?[2Jgone\n"
