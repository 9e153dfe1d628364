"""Commands that run an installation: init, demo, serve, password."""

import os
import sys
from typing import Any

import click
from flask import Flask
from flask_migrate import upgrade
from gunicorn.app.base import BaseApplication

from remas import create_app
from remas.cli.opened import opened
from remas.config import Settings
from remas.extensions import db
from remas.jobs import embedded
from remas.services import demo, setup, users

THREADS = 8  # requests answered at once; most of them wait for the database
GRACE_SECONDS = 10  # for requests under way when the server is told to stop


class _Server(BaseApplication):
    """Gunicorn with the app that this process has already made."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app, self._settings = app, settings
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        options = {
            "bind": f"{host}:{self._settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "when_ready": self._ready,
            "post_worker_init": self._begin,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def _begin(self, _worker: Any) -> None:
        embedded.start(self._app, self._settings)

    def _ready(self, _server: Any) -> None:
        click.echo(f"REMAS is at {self._settings.public_url}/ (Ctrl-C stops it).")


@click.command("init")
def init_command() -> None:
    """Migrate the database; make the groups and the first administrator."""
    settings = Settings.load(os.environ)
    _initialise(create_app(settings), settings)
    click.echo("The database is ready.")


@click.command("serve")
def serve_command() -> None:
    """Serve on HOST:PORT until it is stopped."""
    settings = Settings.load(os.environ)
    _serve(create_app(settings), settings)


@click.command("demo")
def demo_command() -> None:
    """Everything in one: init, the demo cluster if there is nothing yet, then serve.

    With REMAS_DEMO=0 no demo cluster is made.
    """
    settings = Settings.load(os.environ)
    app = create_app(settings)
    _initialise(app, settings)
    with app.app_context():
        if settings.demo and demo.is_empty():
            _tell_demo(demo.load())
    click.echo(f"A forgotten password: `{sys.argv[0]} password USERNAME` makes a new one.")
    _serve(app, settings)


@click.command("password")
@click.argument("username")
def password_command(username: str) -> None:
    """Give USERNAME a one-time password and print it."""
    with opened():
        password = users.reset_password(username)
    click.echo(f"{username} signs in with {password} and is then asked for a new password.")


def _initialise(app: Flask, settings: Settings) -> None:
    with app.app_context():
        upgrade()
        first = setup.initialise(settings)
    if first is None:
        return
    if first.password is None:
        click.echo(f"Sign in as {first.username} with the password of REMAS_ADMIN_PASSWORD.")
    else:
        click.echo(f"Sign in as {first.username} with {first.password} (shown only now).")


def _tell_demo(summary: demo.DemoSummary) -> None:
    people = ", ".join(summary.usernames)
    click.echo(f"The demo cluster's people are {people}.")
    click.echo(f"They all sign in with {summary.password} (shown only now).")


def _serve(app: Flask, settings: Settings) -> None:
    with app.app_context():
        db.engine.dispose()  # the worker is a fork: it must not share connections with this process
    _Server(app, settings).run()


COMMANDS = (init_command, demo_command, serve_command, password_command)
