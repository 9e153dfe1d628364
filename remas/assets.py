"""URLs of the style sheets and scripts that script/assets builds into static/dist."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import url_for

from remas import paths


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
