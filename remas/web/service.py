"""For machines that look after the service: is it alive, is it ready, how is it doing."""

import time
from typing import Any

import redis
from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from remas import metrics
from remas.extensions import csrf, db
from remas.monitoring_settings import METRICS_PATH
from remas.services import exporters
from remas.services.context import settings
from remas.services.exporters import Target
from remas.web.queues import PATIENCE, GrafanaCollector, OutboxCollector, QueueCollector

blueprint = Blueprint("service", __name__)
csrf.exempt(blueprint)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Register the routes and time every request of the app."""
    app.register_blueprint(blueprint)
    app.before_request(_begin)
    app.after_request(_observe)


def _begin() -> None:
    g.request_began = time.perf_counter()


def _observe(response: Response) -> Response:
    began = g.get("request_began")
    if began is not None:
        method = request.method if request.method in METHODS else "other"
        labels = (method, request.endpoint or "none", str(response.status_code))
        metrics.REQUESTS.labels(*labels).observe(time.perf_counter() - began)
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process lives."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Everything that is needed to answer people answers itself; else 503 with what does not."""
    checks = {"database": _database_answers()}
    if settings().redis_url:
        checks["redis"] = _redis_answers(settings().redis_url)
    ready = all(checks.values())
    parts = {name: "ok" if good else "no answer" for name, good in checks.items()}
    return jsonify(status="ok" if ready else "not ready", **parts), 200 if ready else 503


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        current_app.logger.warning("the database does not answer: %s", type(error).__name__)
        db.session.remove()
        return False
    return True


def _redis_answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    try:
        return bool(client.ping())
    except redis.RedisError as error:
        current_app.logger.warning("Redis does not answer: %s", type(error).__name__)
        return False
    finally:
        client.close()


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """What is counted in this process, and how long the queues are, in Prometheus' text format."""
    queues = CollectorRegistry()
    queues.register(OutboxCollector())
    queues.register(GrafanaCollector())
    if settings().redis_url:
        queues.register(QueueCollector(settings().redis_url))
    body = generate_latest(REGISTRY) + generate_latest(queues)
    return Response(body, content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/prometheus/targets")
def targets() -> Response:
    """Where the exporters are, as Prometheus' http_sd reads it: one entry a node and exporter."""
    return jsonify([_entry(target) for target in exporters.targets()])


def _entry(target: Target) -> dict[str, Any]:
    labels = {"node": target.node, "job": target.exporter.job}
    if target.exporter.path != METRICS_PATH:
        labels["__metrics_path__"] = target.exporter.path
    return {"targets": [target.address], "labels": labels}
