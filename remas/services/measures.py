"""What measures a resource: one of the measures that are known, or a query of its own."""

from remas.clients.prometheus import PrometheusError
from remas.errors import Invalid, MeasurementsAway
from remas.grafana import usage
from remas.letters import template
from remas.letters.alert import SAMPLE
from remas.models import Measure
from remas.services import measuring
from remas.services.fields import Check

QUERY = "usage_query"


def check(checks: Check, measure: Measure | None, query: str | None) -> str | None:
    """The query as it is stored; None where the measure needs none, and then none may be given."""
    query = checks.text(QUERY, query)
    if measure is not Measure.CUSTOM:
        if query:
            checks.refuse(QUERY, "Only what is measured by a query of its own has one.")
        return None
    if query is None:
        checks.refuse(QUERY, "Write the query that says how much a person uses on a node.")
        return None
    if problem := _problem(query):
        checks.refuse(QUERY, problem)
    return query


def _problem(query: str) -> str | None:
    """What is wrong with it, as far as that can be seen without Prometheus."""
    if not template.is_closed(query):
        return "A ${ has no } after it."
    named = template.names_in(query)
    for name in named:
        if name not in usage.VARIABLES:
            return f"${{{name}}} stands for nothing: there are {_listed(usage.VARIABLES)}."
    if "node_name" not in named:
        return "Say on which node: ${node_name} is missing."
    if not set(usage.PERSON) & set(named):
        return f"Say of whom: {_listed(usage.PERSON)} is missing."
    if template.names_in(_sample(query)):
        return 'Variables stand within quotes, such as node="${node_name}".'
    return None


def _listed(names: tuple[str, ...]) -> str:
    *others, last = (f"${{{name}}}" for name in names)
    return f"{', '.join(others)} or {last}"


def _sample(query: str) -> str:
    node, username, uid = (SAMPLE[name] for name in usage.VARIABLES)
    return usage.of_places(query, [(str(node), str(username), int(uid))])


def trouble(query: str) -> str | None:
    """Why Prometheus could not be asked about a query; None: it was, and takes it.

    Waits a second at most. Raises `Invalid` for a query that it does not take.
    """
    if not measuring.is_on():
        return "Without PROMETHEUS_URL nothing is measured."
    try:
        with measuring.asking() as asking:
            asking.now(_sample(query))
    except PrometheusError as refused:
        raise Invalid.field(QUERY, f"Prometheus does not take it: {refused}") from refused
    except MeasurementsAway as away:
        return f"Prometheus does not answer: {away.detail}"
    return None
