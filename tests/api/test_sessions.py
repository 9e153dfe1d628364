"""Where people are signed in, and signing out there."""

from collections.abc import Callable

from tests.api.conftest import Caller, Made

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def test_ones_own_sessions(eve: Caller, sign_in: Callable[..., Caller]) -> None:
    sign_in("eve")
    answer = eve.get("/me/sessions")
    assert (answer.status_code, answer.json["total"]) == (200, 2)
    assert [one["current"] for one in answer.json["items"]].count(True) == 1
    (one, *_) = answer.json["items"]
    assert one.keys() == {
        *("id", "kind", "agent", "address", "created_at", "last_used_at", "expires_at", "current")
    }
    assert (one["kind"], one["address"]) == ("token", "127.0.0.1")
    assert one["agent"].startswith("Werkzeug/")
    page = eve.get("/me/sessions?per_page=1&page=2").json
    assert (len(page["items"]), page["total"]) == (1, 2)


def test_the_program_is_noted(anybody: Caller, make: Made) -> None:
    make.user("eve")
    wish = {"username": "eve", "password": "a password for tests"}
    pair = anybody.post("/auth/token", wish, headers={"User-Agent": FIREFOX}).json
    eve = Caller(anybody.client.application, pair["access_token"])
    assert eve.get("/me/sessions").json["items"][0]["agent"] == "Firefox on Linux"


def test_signing_out_there(eve: Caller, sign_in: Callable[..., Caller]) -> None:
    other = sign_in("eve")
    there = next(s["id"] for s in other.get("/me/sessions").json["items"] if s["current"])
    assert eve.delete(f"/me/sessions/{there}").status_code == 204
    assert other.get("/me").status_code == 401
    assert eve.delete(f"/me/sessions/{there}").status_code == 404
    here = eve.get("/me/sessions").json["items"][0]["id"]
    assert eve.delete(f"/me/sessions/{here}").status_code == 204
    assert eve.get("/me").status_code == 401


def test_those_of_others_are_for_administrators(
    admin: Caller, eve: Caller, sign_in: Callable[..., Caller], make: Made
) -> None:
    make.user("mallory")
    mallory = sign_in("mallory")
    theirs = eve.get("/me/sessions").json["items"][0]["id"]
    assert mallory.delete(f"/me/sessions/{theirs}").status_code == 404
    assert admin.delete(f"/me/sessions/{theirs}").status_code == 404
    assert mallory.get("/users/eve/sessions").status_code == 403
    assert mallory.delete(f"/users/eve/sessions/{theirs}").status_code == 403
    assert mallory.delete("/users/eve/sessions").status_code == 403
    assert eve.get("/me").status_code == 200
    assert admin.get("/users/eve/sessions").json["items"][0]["id"] == theirs
    assert admin.get("/users/nobody/sessions").status_code == 404
    assert admin.delete(f"/users/mallory/sessions/{theirs}").status_code == 404
    assert admin.delete(f"/users/eve/sessions/{theirs}").status_code == 204
    assert eve.get("/me").status_code == 401
    assert admin.delete("/users/mallory/sessions").status_code == 204
    assert mallory.get("/me").status_code == 401
    assert admin.delete("/users/nobody/sessions").status_code == 404
