"""`remas …`: operate the server, and use it from a shell. One module for each family of commands.

Exit codes: 0 done, 1 it could not be done (said in one sentence on standard error), 2 wrong usage.
"""

from typing import Any

import click

from remas.cli import doctor, imports, operate, trace
from remas.environment import SettingError
from remas.errors import DomainError

COMMANDS = (*operate.COMMANDS, *doctor.COMMANDS, *imports.COMMANDS, *trace.COMMANDS)


class _Program(click.Group):
    """Tells what was foreseen in one sentence; anything else is a bug and shows its trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingError, DomainError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="remas", prog_name="remas")
def main() -> None:
    """Reserve the resources of a compute cluster in a calendar that answers."""


for command in COMMANDS:
    main.add_command(command)
