"""`remas import …`: nodes and people from files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from remas.cli.opened import opened
from remas.errors import Invalid
from remas.services import importing
from remas.services.actor import SYSTEM
from remas.services.importing_users import Imported, Options, import_users


@click.group("import")
def import_group() -> None:
    """Bring nodes and people in from files."""


@import_group.command("nodes")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
def nodes_command(file: TextIO) -> None:
    """Make or change nodes from FILE: CSV `name,resource…`, or `scontrol show node` (- = stdin).

    A column `address` says where Prometheus finds a node's exporters. All of the file is taken, or
    nothing of it.
    """
    text = _text(file)
    with opened(), _all_or_nothing():
        result = importing.import_nodes(SYSTEM, text)
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


@import_group.command("users")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--domain", help="What comes after the @ where the file says no e-mail address.")
@click.option("--update", is_flag=True, help="Change people who are known to what the file says.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--passwords",
    "passwords_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Make one-time passwords and write them here; the file must not exist yet.",
)
@click.option("--letters/--no-letters", default=True, help="Welcome new people by letter.")
def users_command(
    file: TextIO,
    domain: str | None,
    update: bool,
    dry_run: bool,
    passwords_file: Path | None,
    letters: bool,
) -> None:
    """Make accounts from FILE: CSV, or what `getent passwd` prints (- = stdin).

    CSV has a header with username and, in any order, uid, name, surname, email, group, time_zone.
    Of `getent passwd`, uids from 1000 to 65533 are taken. All of the file is taken, or nothing.
    """
    text = _text(file)
    options = Options(domain, update, dry_run, passwords_file is not None, letters)
    with opened(), _all_or_nothing():
        if passwords_file is None or dry_run:
            result = import_users(SYSTEM, text, options)
        else:
            with _secret_file(passwords_file) as secrets:
                result = import_users(SYSTEM, text, options)
                secrets.writelines(f"{name}\t{word}\n" for name, word in result.passwords.items())
    _report(result, options, passwords_file)


def _report(result: Imported, options: Options, passwords_file: Path | None) -> None:
    """A line for each line of the file, then the sums and what to do next."""
    for line in result.lines:
        click.echo(
            f"line {line.number}: {line.username}: {line.outcome}"
            + (f" ({line.detail})" if line.detail else "")
        )
    outcomes = dict.fromkeys(line.outcome for line in result.lines)
    click.echo(", ".join(f"{result.number(outcome)} {outcome}" for outcome in outcomes) + ".")
    if options.dry_run:
        click.echo("This was a dry run: nothing was changed.")
    elif result.passwords:
        click.echo(
            f"One-time passwords are in {passwords_file}, which only you can read. Each has to be "
            "changed at the first sign-in; delete the file when they are handed out."
        )
    elif result.number("made"):
        click.echo(
            "The new accounts have no password here. Give one with `remas password USERNAME` or "
            "on their page; nobody needs one who signs in through your directory."
        )
    if result.number("known"):
        click.echo("Those who are known were left as they are; --update changes them.")


def _text(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not text in UTF-8.") from error


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Tells what was wrong with which line."""
    try:
        yield
    except Invalid as refused:
        lines = [f"  {path}: {' '.join(texts)}" for path, texts in refused.errors.items()]
        raise click.ClickException("\n".join(["Nothing was taken:", *lines])) from refused


@contextmanager
def _secret_file(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner may read; gone again where nothing came of it."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.ClickException(f"{path} exists already: name another file.") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written ({error.strerror}).") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink()
        raise


COMMANDS = (import_group,)
