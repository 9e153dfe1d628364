"""Smaller answers, for those who take them, that still know what has changed."""

import gzip
from collections.abc import Iterator

import brotli
import pytest
from flask import Flask, Response

from remas.assets import asset_url
from tests.support.factories import make_node
from tests.web.conftest import Visitor


@pytest.mark.parametrize(("coding", "read"), [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_pages_are_packed(as_ada: Visitor, coding: str, read: object) -> None:
    plain = as_ada.get("/profile")
    assert "Content-Encoding" not in plain.headers
    packed = as_ada.get("/profile", headers={"Accept-Encoding": coding})
    assert packed.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert callable(read)
    assert b"Your limits" in read(packed.data)
    assert len(packed.data) < len(plain.data) / 2


@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_an_etag_means_the_content_whatever_the_coding(
    as_ada: Visitor, app: Flask, coding: str
) -> None:
    with app.app_context():
        for number in range(30):
            make_node(f"n{number}")
    query = {"start": "2026-11-23T00:00Z", "end": "2026-11-30T00:00Z"}
    headers = {"Accept-Encoding": coding}
    first = as_ada.get("/calendar/events", query_string=query, headers=headers)
    known = headers | {"If-None-Match": first.headers["ETag"]}
    second = as_ada.get("/calendar/events", query_string=query, headers=known)
    assert second.status_code == 304
    assert second.data == b""


@pytest.mark.parametrize("coding", ["br", "identity"])
def test_assets_are_packed_and_kept_for_a_year(visitor: Visitor, app: Flask, coding: str) -> None:
    with app.test_request_context():
        url = asset_url("app.css")
    headers = {"Accept-Encoding": coding}
    answer = visitor.get(url, headers=headers)
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    known = headers | {"If-None-Match": answer.headers["ETag"]}
    assert visitor.get(url, headers=known).status_code == 304
    for other in (url.split("?", maxsplit=1)[0], f"{url}0"):
        assert "immutable" not in visitor.get(other).headers.get("Cache-Control", "")


def test_what_is_streamed_goes_out_piece_by_piece(app: Flask) -> None:
    def pieces() -> Iterator[str]:
        yield "x" * 1000
        yield "y" * 1000

    with app.test_request_context(headers={"Accept-Encoding": "br"}):
        answer = app.process_response(Response(pieces(), mimetype="application/json"))
        assert "Content-Encoding" not in answer.headers
        assert len(list(answer.response)) == 2
