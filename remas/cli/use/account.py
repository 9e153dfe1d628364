"""`remas login`, `logout`, `whoami`: one access token for each machine, nothing else is kept."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import click

from remas import clock
from remas.cli.use import place
from remas.cli.use.codes import Code, Command, Refused, json_option, tell_json
from remas.cli.use.person import Person, iso, with_person
from remas.cli.use.place import Place
from remas.cli.use.told import lines
from remas.cli.use.written import clean
from remas.clients.api import Api, ApiError, Json

DAYS = 90


@click.command(cls=Command)
@click.argument("url", required=False, envvar="REMAS_URL")
@click.option("-u", "--username", help="Who you are there; asked for if it is left out.")
@click.option(
    "--token",
    "with_token",
    is_flag=True,
    help="Take a token of your profile page, asked for or read from standard input.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=DAYS,
    show_default=True,
    help="How long you stay signed in on this machine.",
)
def login(url: str | None, username: str | None, with_token: bool, days: int) -> None:
    """Sign in to the REMAS server at URL (by default the last one).

    Your password is asked for and not kept: it is exchanged for an access token of this machine,
    kept in your config folder, mode 0600. Your profile page lists it; `remas logout` revokes it.
    """
    before = _known()
    address = place.checked_url(url) if url else before.url if before else None
    if address is None:
        raise Refused("Say where: remas login https://remas.example.org", Code.USAGE)
    now = _with_token(address) if with_token else _with_password(address, username, days)
    path = place.save(now)
    if before and before.token != now.token:
        _revoke(before)
    click.echo(f"You are signed in to {now.url} as {now.username}; the token is in {path}.")


@click.command(cls=Command)
def logout() -> None:
    """Sign out: this machine's token is revoked and forgotten."""
    kept = _known()
    place.forget()
    if kept is None:
        click.echo("Nobody was signed in here.")
    elif _revoke(kept):
        click.echo(f"You are signed out of {kept.url}.")
    else:
        text = "The token is forgotten here, but could not be revoked: do that on your profile page"
        raise Refused(f"{text}, {kept.url}/profile.", Code.UNREACHABLE)


@click.command(cls=Command)
@json_option
@with_person
def whoami(person: Person, as_json: bool) -> None:
    """Who you are signed in as, where, and until when."""
    me, token = person.me, _current_token(person.api)
    if as_json:
        tell_json({**me, "url": person.where.url, "token": token})
        return
    rights = ", administrator" if me["is_admin"] else ""
    full_name = " ".join(part for part in (me["name"], me["surname"]) if part)
    facts = [
        ("You", f"{full_name} ({me['username']})" if full_name else me["username"]),
        ("Group", f"{me['group']}{rights}"),
        ("Times in", person.zone.key),
        ("Server", person.where.url),
    ]
    if token:
        until = person.written(token["expires_at"])
        facts.append(("Token", f"{token['name']}, may {token['scope']}, until {until}"))
    lines(clean(f"{name:<9} {text}") for name, text in facts)


def _known() -> Place | None:
    """What is kept; what cannot be trusted or read is as good as nothing."""
    try:
        return place.load()
    except Refused:
        return None


def _with_token(url: str) -> Place:
    if sys.stdin.isatty():
        token = click.prompt("Access token", hide_input=True)
    else:
        token = sys.stdin.readline()
    api = Api(url, token.strip())
    me, current = api.get("/me"), _current_token(api)
    return Place(url, token.strip(), me["username"], current["id"] if current else None)


def _with_password(url: str, username: str | None, days: int) -> Place:
    if place.is_in_the_open(url):
        click.echo(f"Careful: {url} is not encrypted, others may read your password.", err=True)
    username = username or click.prompt("Username")
    password = click.prompt("Password", hide_input=True)
    made = _made(url, username, password, days)
    return Place(url, made["token"], username, made["id"])


def _made(url: str, username: str, password: str, days: int) -> Json:
    """A new access token; whoever has a one-time password chooses their own first."""
    expires_at = clock.now() + timedelta(days=days)
    wish = {
        "name": f"remas on {socket.gethostname()}"[:200],
        "scope": "write",
        "expires_at": iso(expires_at.replace(microsecond=0)),
    }
    with _signed_in(url, username, password) as api:
        try:
            return api.post("/me/tokens", wish)
        except ApiError as error:
            if error.slug != "password-change-required":
                raise
            new = _changed_password(api, password)
    return _made(url, username, new, days)


@contextmanager
def _signed_in(url: str, username: str, password: str) -> Iterator[Api]:
    """For as long as the block lasts: no session stays behind."""
    pair = Api(url).post("/auth/token", {"username": username, "password": password})
    try:
        yield Api(url, pair["access_token"])
    finally:
        with suppress(ApiError):
            Api(url).send("POST", "/auth/revoke", {"refresh_token": pair["refresh_token"]})


def _changed_password(api: Api, password: str) -> str:
    """People with a one-time password choose their own first."""
    click.echo("This password was for one sign-in. Choose your own (at least 12 characters).")
    new: str = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    api.send("PUT", "/me/password", {"current_password": password, "new_password": new})
    return new


def _current_token(api: Api) -> Json | None:
    """The token that asks, if it is an access token."""
    return next((row for row in api.every("/me/tokens") if row["current"]), None)


def _revoke(kept: Place) -> bool:
    """End a token that is no longer needed; whether it is worth nothing now."""
    api = Api(kept.url, kept.token)
    try:
        token_id = kept.token_id or (_current_token(api) or {}).get("id")
        if token_id is not None:
            api.send("DELETE", f"/me/tokens/{token_id}")
    except ApiError as error:
        return error.status in (401, 404)
    return token_id is not None
