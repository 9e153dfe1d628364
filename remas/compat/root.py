"""That there is a service, and where the state of the cluster is shown."""

from flask import Response

from remas.compat import bodies
from remas.compat.blueprint import bp
from remas.services.context import settings


@bp.get("/")
def hello() -> Response:
    """A sign of life."""
    return bodies.done("Hello World")


@bp.get("/grafana-link")
def grafana_link() -> Response:
    """Where people reach Grafana; without one, the pages of this service."""
    return bodies.done(settings().grafana_redirect_url or settings().public_url)
