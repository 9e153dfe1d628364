"""One's own calendar feeds over the API."""

from urllib.parse import urlsplit

from flask.testing import FlaskClient

from tests.api.conftest import Caller, Made


def test_a_feed_is_made_read_replaced_and_revoked(eve: Caller, client: FlaskClient) -> None:
    answer = eve.post("/me/feeds", {"kind": "own"})
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    first = answer.json
    assert (first["kind"], first["group"], first["node"]) == ("own", None, None)
    path = urlsplit(first.pop("url")).path
    assert client.get(path).status_code == 200
    shown = eve.get(answer.headers["Location"].removeprefix("/api/v1"))
    assert shown.json.pop("last_used_at")
    listed = eve.get("/me/feeds").json
    assert [item["id"] for item in listed["items"]] == [first["id"]]
    assert "url" not in listed["items"][0]
    again = eve.post(f"/me/feeds/{first['id']}/replace")
    assert again.status_code == 200
    assert client.get(path).status_code == 404
    assert client.get(urlsplit(again.json["url"]).path).status_code == 200
    assert eve.delete(f"/me/feeds/{first['id']}").status_code == 204
    assert client.get(urlsplit(again.json["url"]).path).status_code == 404
    assert eve.get("/me/feeds").json["total"] == 0
    for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/replace")):
        assert eve(method, f"/me/feeds/{first['id']}{end}").status_code == 404


def test_a_node_or_a_group_is_followed(eve: Caller, admin: Caller, make: Made) -> None:
    make.node("n1")
    make.group("Others")
    assert eve.post("/me/feeds", {"kind": "node", "node": "n1"}).json["node"] == "n1"
    assert eve.post("/me/feeds", {"kind": "group"}).json["group"] == "Users"
    assert admin.post("/me/feeds", {"kind": "group", "group": "Others"}).json["group"] == "Others"
    for body, field in (
        ({"kind": "group", "group": "Others"}, "group"),
        ({"kind": "node"}, "node"),
        ({"kind": "all"}, "kind"),
        ({"kind": "own", "colour": "red"}, "colour"),
    ):
        refused = eve.post("/me/feeds", body)
        assert refused.status_code == 422
        assert list(refused.json["errors"]) == [field]


def test_feeds_are_ones_own(eve: Caller, admin: Caller, anybody: Caller) -> None:
    number = eve.post("/me/feeds", {"kind": "own"}).json["id"]
    assert admin.get(f"/me/feeds/{number}").status_code == 404
    assert admin.delete(f"/me/feeds/{number}").status_code == 404
    assert anybody.get("/me/feeds").status_code == 401
