"""URLs of the style sheets and scripts that script/assets builds into static/dist."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request, url_for

from remas import paths

KEPT = "public, max-age=31536000, immutable"  # a year: another content has another URL


def init_app(app: Flask) -> None:
    """Let browsers keep what a URL with a fingerprint stands for."""
    app.after_request(_keep)


def _keep(response: Response) -> Response:
    # Only what this server has under that name: while a new version is rolled out, another one
    # may be asked for.
    version = request.args.get("v")
    if request.endpoint == "static" and version and response.status_code in (200, 304):
        path = paths.STATIC / (request.view_args or {}).get("filename", "")
        if path.is_file() and version == _fingerprint(path, path.stat().st_mtime_ns):
            response.headers["Cache-Control"] = KEPT
    return response


def asset_url(name: str) -> str:
    """The URL of static/dist/`name`; it changes with the content, so that browsers may keep it."""
    path = paths.STATIC / "dist" / name
    if not path.is_file():  # not built: the page comes without style, `remas doctor` says why
        return url_for("static", filename=f"dist/{name}")
    version = _fingerprint(path, path.stat().st_mtime_ns)
    return url_for("static", filename=f"dist/{name}", v=version)


@lru_cache(maxsize=64)
def _fingerprint(path: Path, _changed_at: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
