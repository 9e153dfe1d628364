"""What is reserved, as series for Prometheus: for whoever has the token, as it names people."""

import hmac
import json
from collections.abc import Iterator
from http import HTTPStatus

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from remas.models import Measure
from remas.services import reserved
from remas.services.context import settings

blueprint = Blueprint("reserved", __name__)

_PROBLEMS = {
    HTTPStatus.NOT_FOUND: ("not-found", "Who holds what is told when REMAS_METRICS_TOKEN is set."),
    HTTPStatus.UNAUTHORIZED: (
        "not-signed-in",
        "Send the value of REMAS_METRICS_TOKEN as a bearer token.",
    ),
}


class ReservedCollector(Collector):
    """What is held, what there is, who is who."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as of now, in base units."""
        standing = reserved.now()
        held = GaugeMetricFamily(
            "remas_reserved",
            "What a person holds of a resource on a node now.",
            labels=["username", "node", "resource", "measure"],
        )
        for one in standing.held:
            labels = [one.username, one.node, one.resource, _text(one.measure)]
            held.add_metric(labels, one.amount)
        capacity = GaugeMetricFamily(
            "remas_capacity",
            "What a node provides of a resource.",
            labels=["node", "resource", "measure"],
        )
        for part in standing.provided:
            capacity.add_metric([part.node, part.resource, _text(part.measure)], part.amount)
        people = GaugeMetricFamily(
            "remas_user_info", "A person's uid on the nodes.", labels=["username", "uid"]
        )
        for username, uid in standing.people:
            people.add_metric([username, str(uid)], 1)
        yield from (held, capacity, people)


@blueprint.get("/prometheus/reserved")
def show() -> Response:
    """The series; 404 where no token is set, 401 without the right one."""
    token = settings().monitoring.metrics_token
    if not token:
        return _problem(HTTPStatus.NOT_FOUND)
    if not hmac.compare_digest(_given().encode(), token.encode()):
        response = _problem(HTTPStatus.UNAUTHORIZED)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ReservedCollector())
    response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def _given() -> str:
    """The bearer token that was sent; empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _text(measure: Measure | None) -> str:
    return measure.value if measure else ""


def _problem(status: HTTPStatus) -> Response:
    slug, detail = _PROBLEMS[status]
    body = {"type": f"/problems/{slug}", "title": status.phrase, "status": status, "detail": detail}
    return Response(json.dumps(body), status, mimetype="application/problem+json")
