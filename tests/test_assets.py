"""URLs of built assets carry a fingerprint of what they point to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from remas import assets, paths


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A static/dist of one's own, inside a request."""
    monkeypatch.setattr(paths, "STATIC", tmp_path)
    (tmp_path / "dist").mkdir()
    with Flask("pages").test_request_context():
        yield tmp_path / "dist"


def test_the_url_changes_with_the_content(built: Path) -> None:
    (built / "app.css").write_text("one")
    first = assets.asset_url("app.css")
    assert first.startswith("/static/dist/app.css?v=")
    assert assets.asset_url("app.css") == first
    (built / "app.css").write_text("two, longer")
    assert assets.asset_url("app.css") != first


def test_what_is_not_built_still_has_a_url(built: Path) -> None:
    assert assets.asset_url("app.css") == "/static/dist/app.css"
