"""`remas …`: operate the server, and use it from a shell. One module for each family of commands.

A module is read only when one of its commands is called: asking a server takes a tenth of the time
that making one takes. Exit codes: 0 done, 1 it could not be done (said in one sentence on standard
error), 2 wrong usage; those of the commands for people are in remas/cli/use/codes.py.
"""

from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from remas.environment import SettingError
from remas.errors import DomainError

Table = dict[str, tuple[str, str]]
"""Name of a command to where it is, `module:attribute` below remas.cli, and its help in short."""

USE: Table = {
    "login": ("use.account:login", "Sign in to the REMAS server at URL (by default the last one)."),
    "logout": ("use.account:logout", "Sign out: this machine's token is revoked and forgotten."),
    "whoami": ("use.account:whoami", "Who you are signed in as, where, and until when."),
    "nodes": (
        "use.cluster:nodes",
        "The nodes: what each has, and how much of it is free right now.",
    ),
    "free": (
        "use.cluster:free",
        "Draw what is free in the next days, a line for each node and resource.",
    ),
    "suggest": (
        "use.ask:suggest",
        "Where and when would it fit? The earliest slot first; nothing is booked.",
    ),
    "book": ("use.ask:book", "Book the earliest slot in which it fits."),
    "list": (
        "use.mine:list_command",
        "Your reservations, by start: running and to come; or those that you ask for.",
    ),
    "show": ("use.mine:show", "All about the reservation ID."),
    "change": (
        "use.changing:change",
        "Change the reservation ID: all of what you say, or nothing.",
    ),
    "cancel": ("use.mine:cancel", "Give up the reservations ID…, which have not begun."),
    "release": (
        "use.mine:release",
        "End the running reservations ID… now; what is left of them is free for others.",
    ),
    "run": ("use.run:run", "Run COMMAND as soon as there is room for it."),
}
OPERATE: Table = {
    "init": (
        "operate:init_command",
        "Migrate the database; make the groups and the first administrator.",
    ),
    "demo": (
        "operate:demo_command",
        "Everything in one: init, the demo cluster if there is nothing yet, then serve.",
    ),
    "serve": ("operate:serve_command", "Serve on HOST:PORT until it is stopped."),
    "ticker": ("running:ticker_command", "Find letters that are due and have them carried."),
    "worker": ("running:worker_command", "Do what the ticker has put into the queues."),
    "grafana": ("grafana:grafana_group", "Look after Grafana."),
    "password": (
        "operate:password_command",
        "Give USERNAME a one-time password and print it.",
    ),
    "doctor": ("doctor:doctor_command", "Check the settings and the parts they name."),
    "import": ("imports:import_group", "Bring nodes and people in from files."),
    "replay": (
        "trace:replay_command",
        "Play the trace in NODES and REQUESTS into an empty instance and tell how it went.",
    ),
}
COMMANDS: Table = {**USE, **OPERATE}


class _Program(click.Group):
    """Tells what was foreseen in one sentence; anything else is a bug and shows its trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingError, DomainError) as error:
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"remas.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table: nothing is read to tell what there is."""
        room = formatter.width - 6 - max(map(len, COMMANDS))
        for title, table in (("Use a cluster", USE), ("Operate a server", OPERATE)):
            rows = [(name, _shortened(text, room)) for name, (_, text) in table.items()]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        return [CompletionItem(name, help=COMMANDS[name][1]) for name in names] or super(
            click.Group, self
        ).shell_complete(ctx, incomplete)


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="remas", prog_name="remas")
def main() -> None:
    """Reserve the resources of a compute cluster in a calendar that answers."""
