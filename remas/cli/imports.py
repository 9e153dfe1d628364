"""`remas import …`: nodes from a file."""

from typing import TextIO

import click

from remas import create_app
from remas.errors import Invalid
from remas.services import importing
from remas.services.actor import SYSTEM


@click.group("import")
def import_group() -> None:
    """Bring nodes in from files."""


@import_group.command("nodes")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
def nodes_command(file: TextIO) -> None:
    """Make or change nodes from FILE: CSV `name,resource…`, or `scontrol show node` (- = stdin).

    All of the file is taken, or nothing of it.
    """
    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not text in UTF-8.") from error
    with create_app().app_context():
        try:
            result = importing.import_nodes(SYSTEM, text)
        except Invalid as refused:
            lines = [f"  {path}: {' '.join(texts)}" for path, texts in refused.errors.items()]
            raise click.ClickException("\n".join(["Nothing was taken:", *lines])) from refused
    for label, names in (
        ("resources made", result.resources),
        ("nodes made", result.made),
        ("nodes changed", result.changed),
        ("nodes as they were", result.unchanged),
    ):
        if names:
            click.echo(
                f"{label}: {len(names)} ({', '.join(names[:20])}{', …' if len(names) > 20 else ''})"
            )


COMMANDS = (import_group,)
