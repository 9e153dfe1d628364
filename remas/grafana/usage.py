"""What is asked of Prometheus to know how much somebody uses of a resource.

The alert templates in grafana_templates/ ask the same of one person on one node (`alone`); pages
ask for many nodes at once, or for everybody. Measures count as `Measure` says: cores, bytes, GPUs.
Who runs nothing uses 0; where the exporter is silent there is no value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from remas.grafana import promql
from remas.letters.alert import Values
from remas.models import Measure

VARIABLES = ("node_name", "user_username", "user_uid")
"""What a resource's own query may say; it has to name the node and the person."""
PERSON = ("user_username", "user_uid")

NODE, PLACE = "node", "place"
"""The labels by which values are told apart: the node's name; a number, from 0."""
WINDOW = timedelta(minutes=5)
"""Rates are those of so long."""
FEWEST, MOST = timedelta(minutes=1), 24
"""Averages are made of values so far apart, and of at most so many."""

_NODE = 'node="${node_name}"'
_WHO = "${user_username}|${user_uid}"
_ANY_NODE = 'node!=""'


@dataclass(frozen=True, slots=True)
class _Metric:
    """`%s` stands for a grouping, `{%s}` for what is matched. `person`: the label with a username,
    or with a uid where the exporter cannot resolve it. `is_rate`: already an average."""

    used: str
    person: str
    alive: str
    more: str = ""
    is_rate: bool = False

    def of(self, by: str, node: str, who: str) -> str:
        """What is used. `by`: labels; `node`, `who`: matchers, the latter perhaps empty."""
        group = f" by ({by}) " if by else ""
        matchers = ",".join(part for part in (node, who, self.more) if part)
        return self.used % (group, matchers)

    def is_alive(self, by: str, node: str) -> str:
        """1 where the exporter is at work, else nothing."""
        return self.alive % (f" by ({by}) " if by else "", node)


_PROCESS_EXPORTER = 'max%s(up{%s,job=~"process_exporter.*"} == 1)'
_GPU_SCRIPT = "max%s(time() - remas_gpu_read_timestamp_seconds{%s} < bool 300 == 1)"
_METRICS: Mapping[Measure, _Metric] = {
    Measure.CPU: _Metric(
        "sum%s(rate(namedprocess_namegroup_cpu_seconds_total{%s}[5m]))",
        "groupname",
        _PROCESS_EXPORTER,
        is_rate=True,
    ),
    Measure.MEMORY: _Metric(
        "sum%s(namedprocess_namegroup_memory_bytes{%s})",
        "groupname",
        _PROCESS_EXPORTER,
        more='memtype=~"proportionalResident|proportionalSwapped"',
    ),
    Measure.GPU_MEMORY: _Metric("sum%s(remas_gpu_memory_bytes{%s})", "username", _GPU_SCRIPT),
}


class _Gpus(_Metric):
    """GPUs are counted once, however many processes of the person run on them."""

    __slots__ = ()

    def of(self, by: str, node: str, who: str) -> str:
        """As of other metrics, with one more grouping within."""
        group = f" by ({by}) " if by else ""
        within = ", ".join(part for part in (by, "gpu") if part)
        matchers = ",".join(part for part in (node, who) if part)
        inner = f"sum by ({within}) (remas_gpu_processes{{{matchers}}}) > 0"
        return f"count{group}({inner})"


_GPU = _Gpus("", "username", _GPU_SCRIPT)


def _metric(measure: Measure) -> _Metric:
    return _GPU if measure is Measure.GPU else _METRICS[measure]


def alone(measure: Measure) -> str:
    """One person on one node, with the variables of alert templates. Not for `CUSTOM`."""
    metric = _metric(measure)
    used = metric.of("", _NODE, f'{metric.person}=~"{_WHO}"')
    return f"({used} or vector(0)) * {metric.is_alive('', _NODE)}"


def of_person(measure: Measure, nodes: Sequence[str], username: str, uid: int) -> str:
    """What a person uses on each of these nodes, by `NODE`. Not for `CUSTOM`."""
    metric = _metric(measure)
    names = {f"n{number}": node for number, node in enumerate(nodes)}
    either = "|".join(f"${{{name}}}" for name in names)
    node = f'node=~"{either}"'
    used = metric.of(NODE, node, f'{metric.person}=~"{_WHO}"')
    alive = metric.is_alive(NODE, node)
    values: Values = {**names, "user_username": username, "user_uid": str(uid)}
    return promql.fill(f"({used} or 0 * {alive}) * {alive}", values)


def of_everybody(measure: Measure) -> str:
    """What everybody uses everywhere, if anything, on average over `WINDOW`, by `NODE` and
    `person_label`. Not for `CUSTOM`."""
    metric = _metric(measure)
    used = metric.of(f"{NODE}, {metric.person}", _ANY_NODE, "")
    every = f"{used} * on ({NODE}) group_left () {metric.is_alive(NODE, _ANY_NODE)} > 0"
    return every if metric.is_rate else recent(every)


def person_label(measure: Measure) -> str:
    """The label of `of_everybody` that says who: a username, or a uid in digits."""
    return _metric(measure).person


def of_places(query: str, places: Sequence[tuple[str, str, int]]) -> str:
    """A resource's own query for each node, username and uid, by `PLACE`: their number here."""
    parts = (
        f'label_replace(sum({_filled(query, place)}), "{PLACE}", "{number}", "", "")'
        for number, place in enumerate(places)
    )
    return " or ".join(parts)


def _filled(query: str, place: tuple[str, str, int]) -> str:
    values: Values = dict(zip(VARIABLES, map(str, place), strict=True))
    # In lines of its own: a comment at the end is not to swallow the rest.
    return f"\n{promql.fill(query, values)}\n"


def averaged(expression: str, step: timedelta) -> str:
    """The expression's average over each step; as it is where rates already cover a step."""
    if step <= WINDOW:
        return expression
    apart = max(WINDOW, step / MOST)
    return f"avg_over_time(({expression})[{_duration(step)}:{_duration(apart)}])"


def recent(expression: str) -> str:
    """The average over `WINDOW` of five values; what is missing counts as nothing.

    The half second less keeps it at five: a window of whole minutes has six where both its ends
    count, as they did before Prometheus 3.
    """
    return f"sum_over_time(({expression})[4m59s500ms:1m]) / 5"


def _duration(value: timedelta) -> str:
    return f"{value.total_seconds():.0f}s"
