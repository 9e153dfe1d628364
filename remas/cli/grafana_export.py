"""`remas grafana export`: a rule made in Grafana's editor becomes a template."""

import os
from pathlib import Path

import click

from remas.cli.opened import opened
from remas.clients.grafana import GrafanaError
from remas.config import Settings
from remas.environment import SettingError
from remas.grafana.export import Exported
from remas.letters import alert
from remas.services import rule_export
from remas.services.rule_export import About

STDOUT = "-"


@click.command("export")
@click.argument("uid")
@click.argument("file")
@click.option("--node", help="The node that the rule is about.")
@click.option("--user", "username", help="The user whom the rule is about.")
@click.option("--uid", "number", type=int, help="The user's uid, where REMAS does not know it.")
@click.option("--amount", type=int, help="The amount above which it alerts, in base units.")
@click.option("--force", is_flag=True, help="Write over FILE if it is there.")
def export_command(  # one parameter for each option
    uid: str,
    file: str,
    node: str | None,
    username: str | None,
    number: int | None,
    amount: int | None,
    force: bool,
) -> None:
    """Write the alert rule UID of Grafana as a template into FILE (- = stdout).

    Make the rule in Grafana's editor for one person, one node and one amount. What REMAS finds of
    them in its matchers and thresholds becomes variables; the options say what it cannot find. The
    uid of a rule stands in the address of its page.
    """
    settings = Settings.load(os.environ)
    if not settings.grafana_url:
        raise SettingError("GRAFANA_URL is required: say where Grafana is.")
    if file != STDOUT and not force and Path(file).exists():
        raise click.ClickException(f"{file} is there already. Say --force to write over it.")
    with opened(settings):
        try:
            found = rule_export.template_of(uid, About(node, username, number, amount))
        except GrafanaError as error:
            raise click.ClickException(f"Grafana does not give the rule. {error}") from error
    _write(file, alert.write(found.rule), force=force)
    _report(found)


def _write(file: str, text: str, *, force: bool) -> None:
    """Once it is whole: what cannot be exported leaves a file of before as it is."""
    if file == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        with Path(file).open("w" if force else "x", encoding="utf-8") as target:
            target.write(text)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error


def _report(found: Exported) -> None:
    """On standard error: what is written to standard output may be the template."""
    for name, times in sorted(found.times.items()):
        often = "once" if times == 1 else f"{times} times"
        click.echo(f"{found.values[name]} → ${{{name}}}, {often}", err=True)
    for remark in found.remarks:
        click.echo(remark, err=True)
