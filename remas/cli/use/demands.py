"""Options that nobody can list beforehand: `--gpu 2 --memory 64GiB`, one for each resource."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from remas.cli.use import complete
from remas.cli.use.codes import Code, Command, Refused
from remas.cli.use.person import Catalogue
from remas.durations import parse_duration

META = "remas.demands"  # where a context keeps them

Demands = tuple[tuple[str, str], ...]
"""Resources as they were called, and amounts as they were written."""


class DemandCommand(Command):
    """A command in which every unknown `--NAME AMOUNT` asks for a resource."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        head, rest = _split(args)
        known, asked = self._sorted(ctx, head)
        ctx.meta[META] = tuple(asked)
        return super().parse_args(ctx, [*known, *rest])

    def _sorted(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """What click knows, and what are resources."""
        takes_value = {
            option: not (isinstance(param, click.Option) and (param.is_flag or param.count))
            for param in self.get_params(ctx)
            for option in (*param.opts, *param.secondary_opts)
        }
        known: list[str] = []
        asked: list[tuple[str, str]] = []
        todo = list(args)
        while todo:
            word = todo.pop(0)
            name, separator, value = word.partition("=")
            if not name.startswith("--") or name in takes_value:
                known.append(word)
                if takes_value.get(word) and todo:
                    known.append(todo.pop(0))
                continue
            if not separator and (not todo or todo[0].startswith("--")):
                if ctx.resilient_parsing:
                    continue
                raise click.BadOptionUsage(name, f"Option {name} needs an amount.", ctx)
            asked.append((name.removeprefix("--"), value if separator else todo.pop(0)))
        return known, asked

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            found += complete.resource_options(incomplete)
        return found


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """What stands before `--`, and the rest with it."""
    cut = args.index("--") if "--" in args else len(args)
    return args[:cut], args[cut:]


def asked_for(ctx: click.Context, more: Demands = ()) -> Demands:
    """The resources that were asked for; `more` came by `--demand`."""
    found: Demands = ctx.meta.get(META, ())
    return (*found, *more)


def amounts(catalogue: Catalogue, asked: Demands) -> dict[str, int]:
    """Resource to whole base units. Raises `Refused`."""
    found: dict[str, int] = {}
    for label, text in asked:
        name = catalogue.named(label)
        if name in found:
            raise Refused(f"{name} is asked for twice.", Code.USAGE)
        found[name] = catalogue.read(name, text)
    return found


class Duration(click.ParamType):
    """Such as 4h30m."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return parse_duration(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Demand(click.ParamType):
    """RESOURCE=AMOUNT, for resources that are called like an option."""

    name = "resource=amount"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        name, separator, amount = value.partition("=")
        if not name or not separator:
            self.fail('Write it such as "gpu=2".', param, ctx)
        return name, amount


class Names(click.ParamType):
    """Names with commas between them."""

    name = "name,name…"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())


demand_option = click.option(
    "-d",
    "--demand",
    "demands",
    type=Demand(),
    multiple=True,
    metavar="RESOURCE=AMOUNT",
    help="The long way of --RESOURCE AMOUNT.",
)


def on_option(help: str) -> Callable[[Any], Any]:
    """`--on n1,n2`."""
    return click.option(
        "--on", "nodes", type=Names(), metavar="NODE,…", shell_complete=complete.nodes, help=help
    )
