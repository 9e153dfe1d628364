"""The service's description: for programs as OpenAPI, for people as a page that needs no network.

Swagger UI's own page starts itself by inline script; ours has none, so that a strict content
security policy holds. The files come from the package that spectree installs.
"""

from importlib.resources import files

from flask import Blueprint, Response, abort, jsonify, render_template

from remas.api.blueprint import bp
from remas.api.document import document

FILES = {
    "swagger_bundle.js": "text/javascript",
    "swagger_style.css": "text/css",
}
KEPT_SECONDS = 86_400

docs = Blueprint("docs", __name__)


@bp.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI 3.1 description."""
    return jsonify(document())


@docs.get("/docs")
def page() -> str:
    """The description for people; requests can be tried from there."""
    return render_template("api/docs.html")


@docs.get("/docs/start.js")
def start() -> Response:
    """What starts Swagger UI on our page."""
    return Response(render_template("api/docs.js"), mimetype="text/javascript")


@docs.get("/docs/<name>")
def file(name: str) -> Response:
    """One of Swagger UI's files."""
    if name not in FILES:
        abort(404)
    response = Response(files("offapi").joinpath(name).read_bytes(), mimetype=FILES[name])
    response.cache_control.max_age = KEPT_SECONDS
    response.cache_control.public = True
    return response
