"""`remas replay`: a real cluster's requests, through the core and by hand."""

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import click
from flask_migrate import upgrade

from remas import create_app
from remas.config import Settings
from remas.services import replay, setup
from remas.services.trace import TraceRequest, read_nodes, read_requests

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("replay")
@click.argument("nodes", type=FILE)
@click.argument("requests", type=FILE)
@click.option("--nodes", "sample", type=click.IntRange(1), help="Take so many of the nodes.")
@click.option("--from", "first", type=click.IntRange(0), default=0, help="Skip to this second.")
@click.option("--limit", type=click.IntRange(1), help="Play at most so many requests.")
@click.option(
    "--stretch",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    help="Multiply every duration by this.",
)
def replay_command(
    nodes: Path,
    requests: Path,
    sample: int | None,
    first: int,
    limit: int | None,
    stretch: float,
) -> None:
    """Play the trace in NODES and REQUESTS into an empty instance and tell how it went.

    Every request asks for the earliest slot from its own time on and books the first offer.
    Ctrl-C stops it; what was played until then is told.
    """
    wanted = [request for request in read_requests(requests, stretch) if request.at >= first]
    wanted = list(islice(wanted, limit))
    if not wanted:
        raise click.ClickException("No request is left to play: look at --from.")
    settings = Settings.load(os.environ)
    app = create_app(settings)
    with app.app_context():
        upgrade()
        setup.initialise(settings)
        plan = replay.plan(read_nodes(nodes, sample), wanted)
        asker = replay.load_nodes(plan.nodes)
        core, hand = replay.Outcome(), replay.Outcome()
        _play("By the core", replay.by_core(plan, asker, core), len(wanted))
        played = replay.plan(plan.nodes, wanted[: core.requests])
        if played.requests:
            _play("By hand", replay.by_hand(played, hand), len(played.requests))
            click.echo(_table(played, core, hand))


def _play(label: str, steps: Iterable[TraceRequest], length: int) -> None:
    try:
        with click.progressbar(steps, length=length, label=label, show_pos=True) as bar:
            for _ in bar:
                pass
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)


def _table(plan: replay.Plan, core: replay.Outcome, hand: replay.Outcome) -> str:
    rows: list[tuple[str, ...]] = [("", "by the core", "by hand")]
    for label, value in (
        ("requests", lambda o: f"{o.requests}"),
        ("booked", lambda o: f"{o.booked}"),
        ("refused", lambda o: _refusals(o)),
        ("wait, median", lambda o: _minutes(_at(o.waits, 0.5))),
        ("wait, 95th percentile", lambda o: _minutes(_at(o.waits, 0.95))),
        ("wait, longest", lambda o: _minutes(max(o.waits, default=0))),
        ("wait, mean", lambda o: _minutes(sum(o.waits) / max(len(o.waits), 1))),
    ):
        rows.append((label, value(core), value(hand)))
    shares = plan.utilisation(core), plan.utilisation(hand)
    for resource in shares[0]:
        rows.append((f"{resource} reserved", *(f"{share[resource]:.1%}" for share in shares)))
    for part in ("answer", *replay.PARTS):
        rows.append((f"{part}, median / 95th / longest", *(_times(o, part) for o in (core, hand))))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _refusals(outcome: replay.Outcome) -> str:
    total = outcome.requests - outcome.booked
    reasons = "; ".join(f"{count} {why}" for why, count in outcome.refused.most_common())
    return f"{total} ({reasons})" if total else "0"


def _times(outcome: replay.Outcome, part: str) -> str:
    seconds = outcome.seconds.get(part)
    if not seconds:
        return "–"
    figures = median(seconds), _at(seconds, 0.95), max(seconds)
    return " / ".join(f"{1000 * figure:.1f}" for figure in figures) + " ms"


def _at(values: Sequence[float], share: float) -> float:
    """The value below which this share of all lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0


def _minutes(minutes: float) -> str:
    days, rest = divmod(round(minutes), 24 * 60)
    return (f"{days} d " if days else "") + f"{rest // 60}:{rest % 60:02} h"


COMMANDS = (replay_command,)
