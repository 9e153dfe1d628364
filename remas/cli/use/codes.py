"""How commands for people end: exit codes, and refusals told in sentences."""

import json
import os
from enum import IntEnum
from typing import Any

import click

from remas.cli.use.written import clean
from remas.clients.api import ApiError


class Code(IntEnum):
    """Exit codes. 130: interrupted; `remas run` ends as its command did."""

    OK = 0
    REFUSED = 1  # the server says no: no room, not allowed, no such thing
    USAGE = 2  # wrong usage, or a value that cannot be
    SIGNED_OUT = 3  # nobody is signed in, or the token is worth nothing
    UNREACHABLE = 4  # the server cannot be reached
    LATER = 5  # busy, throttled, or no answer in time: worth trying again
    BROKEN = 6  # the server made a mistake; it is in its log


INTERRUPTED = 130  # as shells say it
_CODES = {401: Code.SIGNED_OUT, 422: Code.USAGE, 429: Code.LATER, 503: Code.LATER}


class Refused(click.ClickException):
    """Ends the command with a sentence on standard error and an exit code."""

    def __init__(self, text: str, code: Code = Code.REFUSED) -> None:
        super().__init__(clean(text))
        self.exit_code = code  # type: ignore[misc]


class Command(click.Command):
    """A command for people: what the server refuses is told, with `--json` as the problem itself.

    NO_COLOR is heeded; without a terminal there is no colour anyway.
    """

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except ApiError as error:
            if ctx.params.get("as_json"):
                tell_json(error.problem)
            raise Refused(_sentence(error, self), code_of(error)) from error


def code_of(error: ApiError) -> Code:
    """The exit code for what the server refused."""
    if error.status == 0:
        return Code.UNREACHABLE
    if error.status in _CODES:
        return _CODES[error.status]
    return Code.BROKEN if error.status >= 500 else Code.REFUSED


def _sentence(error: ApiError, command: click.Command) -> str:
    if error.status == 401 and command.name != "login":
        return f"{error} Sign in: remas login"
    fields = error.problem.get("errors")
    if isinstance(fields, dict):
        return " ".join(" ".join(texts) for texts in fields.values())
    things = error.problem.get("things")
    return " ".join([str(error), *things]) if isinstance(things, list) else str(error)


def tell_json(value: Any) -> None:
    """For scripts: one document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


json_option = click.option("--json", "as_json", is_flag=True, help="JSON for scripts.")
