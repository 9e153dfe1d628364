"""`remas list`, `show`, `cancel`, `release`: reservations, one's own above all."""

from collections.abc import Callable
from typing import Any

import click

from remas import clock
from remas.cli.use import complete, told
from remas.cli.use.codes import Code, Command, Refused, code_of, json_option, tell_json
from remas.cli.use.person import Person, iso, parsed, with_person
from remas.clients.api import ApiError, Json

STATUSES = ("scheduled", "running", "finished", "cancelled")


def _ids(completion: Callable[..., Any]) -> Callable[[Any], Any]:
    return click.argument(
        "ids", metavar="ID…", type=click.IntRange(1), nargs=-1, required=True, **_shell(completion)
    )


def _shell(completion: Callable[..., Any]) -> dict[str, Any]:
    return {"shell_complete": completion}


@click.command("list", cls=Command)
@click.option("--all", "past", is_flag=True, help="Those that are over as well.")
@click.option("--owner", metavar="USERNAME", help="Somebody else's.")
@click.option("--everybody", is_flag=True, help="Everybody's.")
@click.option("--node", shell_complete=complete.nodes, help="On this node.")
@click.option("--status", type=click.Choice(STATUSES), help="In this state.")
@click.option("--from", "since", metavar="TIME", help="Not over by then.")
@click.option("--to", "until", metavar="TIME", help="Begun by then.")
@json_option
@with_person
def list_command(
    person: Person,
    past: bool,
    owner: str | None,
    everybody: bool,
    node: str | None,
    status: str | None,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Your reservations, by start: running and to come; or those that you ask for."""
    if everybody and owner:
        raise Refused("Either --owner or --everybody.", Code.USAGE)
    wanted = {
        "owner": None if everybody else owner or person.me["username"],
        "node": node,
        "status": status,
        "from": iso(person.moment("--from", since)) if since else None,
        "to": iso(person.moment("--to", until, late=True)) if until else None,
    }
    if not (past or since or status):
        wanted["from"] = iso(clock.now().replace(microsecond=0))
    given = {name: value for name, value in wanted.items() if value is not None}
    found = list(person.api.every("/reservations", **given))
    if not (past or status):
        found = [row for row in found if row["status"] in ("scheduled", "running")]
    if as_json:
        tell_json(found)
    elif found:
        told.reservations(person, found, owners=everybody)
    else:
        click.echo("No reservations.", err=True)


@click.command(cls=Command)
@click.argument("number", metavar="ID", type=click.IntRange(1), shell_complete=complete.own)
@json_option
@with_person
def show(person: Person, number: int, as_json: bool) -> None:
    """All about the reservation ID."""
    row = person.api.get(f"/reservations/{number}")
    if as_json:
        tell_json(row)
    else:
        told.reservation(person, row)


@click.command(cls=Command)
@_ids(complete.own_scheduled)
@json_option
@with_person
def cancel(person: Person, ids: tuple[int, ...], as_json: bool) -> None:
    """Give up the reservations ID…, which have not begun."""
    _end(person, ids, "cancel", as_json)


@click.command(cls=Command)
@_ids(complete.own_running)
@json_option
@with_person
def release(person: Person, ids: tuple[int, ...], as_json: bool) -> None:
    """End the running reservations ID… now; what is left of them is free for others."""
    _end(person, ids, "release", as_json)


def _end(person: Person, ids: tuple[int, ...], action: str, as_json: bool) -> None:
    """All of them, whatever happens to one; the first refusal gives the exit code."""
    done: list[Json] = []
    code = Code.OK
    for number in dict.fromkeys(ids):
        try:
            row = person.api.post(f"/reservations/{number}/{action}")
        except ApiError as error:
            if len(ids) == 1:
                raise
            click.echo(f"{number}: {error}", err=True)
            code = code or code_of(error)
            continue
        done.append(row)
        if not as_json:
            click.echo(f"Reservation {number} {_ended(person, row, action)}.")
    if as_json:
        tell_json(done)
    if code:
        raise click.exceptions.Exit(code)


def _ended(person: Person, row: Json, action: str) -> str:
    if action == "cancel":
        return "is cancelled"
    return f"is released; it ends {person.written(parsed(row['ends_at']))}"
