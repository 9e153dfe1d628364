"""When which nodes have too little: the yellow periods of the front end's calendar."""

from flask import Response

from remas.compat import bodies, schemas, shapes
from remas.compat.blueprint import actor, bp
from remas.compat.times import end_of, start_of
from remas.services import usage


@bp.post("/task/get_scheduling")
def get_scheduling() -> Response:
    """What is free wherever something is held or closed, clipped to the range."""
    body = bodies.read(schemas.Range)
    start, end = start_of(body.start_time), end_of(body.end_time)
    found = usage.spans(actor(), start, end, body.exclude_task_id or None)
    return bodies.listed([shapes.usage_period(span) for span in found])
