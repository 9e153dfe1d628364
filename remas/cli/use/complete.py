"""What a shell may offer after TAB. It asks the server once and briefly; without it nothing."""

from contextlib import AbstractContextManager, suppress

import click
from click.shell_completion import CompletionItem

from remas.cli.use import place
from remas.clients.api import Api, ApiError

SECONDS = 2  # nobody waits longer for a completion
MOST = 100  # offers after one TAB


def _quietly() -> AbstractContextManager[None]:
    """In the middle of a command line there is no place for errors."""
    return suppress(ApiError, click.ClickException)


def _api() -> Api:
    where = place.current()
    return Api(where.url, where.token, SECONDS)


def nodes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of nodes; the last of several with commas between them."""
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    found: list[CompletionItem] = []
    with _quietly():
        for row in _api().every("/nodes"):
            name = row["name"]
            if name.startswith(last) and name not in taken and row["state"] == "available":
                found.append(CompletionItem(f"{before}{comma}{name}"))
    return found[:MOST]


def resource_options(incomplete: str) -> list[CompletionItem]:
    """`--gpu` and the like."""
    found: list[CompletionItem] = []
    with _quietly():
        for row in _api().every("/resources"):
            option = f"--{row['name']}"
            if option.startswith(incomplete):
                found.append(CompletionItem(option, help=row["description"] or "a resource"))
    return found


def own_scheduled(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Own reservations that have not begun."""
    return _own(incomplete, "scheduled")


def own_running(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Own reservations that are running."""
    return _own(incomplete, "running")


def own(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Own reservations that are running or to come."""
    return _own(incomplete, "running", "scheduled")


def _own(incomplete: str, *statuses: str) -> list[CompletionItem]:
    found: list[CompletionItem] = []
    with _quietly():
        api = _api()
        username = api.get("/me")["username"]
        for status in statuses:
            for row in api.every("/reservations", owner=username, status=status):
                number = str(row["id"])
                if number.startswith(incomplete):
                    text = f"{row['name']} ({row['starts_at']})"
                    found.append(CompletionItem(number, help=text))
    return found[:MOST]
