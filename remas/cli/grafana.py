"""Grafana, brought to what the database says."""

import os

import click

from remas.cli.grafana_export import export_command
from remas.cli.opened import opened
from remas.clients.grafana import GrafanaError
from remas.config import Settings
from remas.environment import SettingError
from remas.extensions import db
from remas.jobs.election import GRAFANA, election_for
from remas.services import monitoring


@click.group("grafana")
def grafana_group() -> None:
    """Look after Grafana."""


@grafana_group.command("sync")
def sync_command() -> None:
    """Bring accounts, folders, contact points, policies and alert rules in Grafana up to date.

    Only what differs is written, only what REMAS made is touched. The ticker has the same done by
    itself, for whom something changed at once: this is for those who do not want to wait, or to
    see what Grafana refuses. While somebody is at it, a second one does nothing.
    """
    settings = Settings.load(os.environ)
    if not settings.grafana_url:
        raise SettingError("GRAFANA_URL is required: say where Grafana is.")
    with opened(settings):
        election = election_for(settings, db.engine, GRAFANA)
        if not election.holds():
            click.echo("Another one is at it right now.")
            return
        try:
            people = monitoring.sync(settings)
        except GrafanaError as error:
            raise click.ClickException(f"Grafana is not up to date. {error}") from error
        finally:
            election.resign()
    click.echo(f"Grafana is up to date for {people} people.")


grafana_group.add_command(export_command)
