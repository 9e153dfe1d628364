"""One's own way into Grafana, on the profile; and where the menu leads."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from remas.clients.grafana import Grafana, GrafanaError
from remas.extensions import db
from remas.models import Audit, GrafanaMark, User
from remas.services import grafana_accounts, passwords
from remas.services.transaction import writing
from tests.support import factories
from tests.support.grafana import Double, grafana_double
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD
from tests.web.conftest import Visitor

PATH = "/profile/grafana"
NEW = "four unrelated words"
SHOWN = "https://grafana.example.org"
SET = "Your password for Grafana is set"


def typed(current: str = factories.PASSWORD, new: str = NEW, repeated: str = "") -> dict[str, str]:
    return {"current_password": current, "new_password": new, "repeated": repeated or new}


def settings_of(double: Double, **more: str) -> dict[str, str]:
    return {**double.settings(), "GRAFANA_REDIRECT_URL": SHOWN, **more}


@pytest.fixture
def double() -> Iterator[Double]:
    """Grafana, in which ada has an account."""
    with grafana_double() as double:
        with double.client() as client:
            client.create_user("ada", "ada@example.org", "Ada Byron")
        yield double


@pytest.fixture
def site(make_app: Callable[..., Flask], double: Double) -> Flask:
    return make_app(**settings_of(double))


@pytest.fixture
def at_home(site: Flask, ada: User) -> Visitor:
    """Ada, signed in."""
    visitor = Visitor(site.test_client())
    visitor.sign_in("ada")
    return visitor


def password_of(double: Double, login: str = "ada") -> str:
    user = double.state.user_of(login)
    assert user
    return str(user["password"])


def audited(app: Flask) -> list[Any]:
    with app.app_context():
        rows = db.session.scalars(db.select(Audit).where(Audit.action == "set Grafana password"))
        return [(row.actor, row.kind, row.subject, row.before, row.after) for row in rows]


def test_it_counts_at_once_and_nothing_of_it_is_kept(
    at_home: Visitor, double: Double, site: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = at_home.get(PATH).text
    assert "Set my Grafana password" in before
    answer = at_home.post(PATH, typed(), follow_redirects=True)
    assert SET in answer.text
    assert password_of(double) == NEW
    assert NEW not in answer.text + caplog.text
    assert audited(site) == [("ada", "user", "ada", None, None)]
    with site.app_context():
        for table in db.metadata.sorted_tables:
            rows = db.session.execute(table.select()).mappings().all()
            assert NEW not in json.dumps([dict(row) for row in rows], default=str)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (typed(current="not mine"), "This is not your current password."),
        (typed(current=""), "Write the password with which you sign in here."),
        (typed(new="short"), "A password has at least 12 characters."),
        (typed(new="password1234"), "very common password"),
        (typed(new="ada ada ada ada"), "your own name or address"),
        (typed(repeated="something else"), "This differs from the new password."),
    ],
)
def test_what_cannot_be_taken_is_told_at_the_field(
    at_home: Visitor, double: Double, site: Flask, data: dict[str, str], text: str
) -> None:
    double.forget()
    answer = at_home.post(PATH, data)
    assert answer.status_code == 200
    assert text in answer.text
    assert double.log == []
    assert audited(site) == []


def test_who_has_no_password_here_is_asked_for_none(
    at_home: Visitor, double: Double, site: Flask, ada: User
) -> None:
    with site.app_context(), writing() as session:
        session.get_one(User, ada.id).password_hash = passwords.UNUSABLE
    assert "Your password here" not in at_home.get(PATH).text
    data = {"new_password": NEW, "repeated": NEW}
    assert SET in at_home.post(PATH, data, follow_redirects=True).text
    assert password_of(double) == NEW


def test_an_administrators_own_account_is_as_others(site: Flask, double: Double, ada: User) -> None:
    with site.app_context():
        factories.make_user("root", admin=True)
    with double.client() as client:
        client.create_user("root", "root@example.org", "Root")
    visitor = Visitor(site.test_client())
    visitor.sign_in("root")
    assert SET in visitor.post(PATH, typed(), follow_redirects=True).text
    assert password_of(double, "root") == NEW
    assert password_of(double) != NEW


def test_it_is_tried_as_seldom_as_the_password_here(at_home: Visitor) -> None:
    wrong = typed(current="not mine")
    statuses = [at_home.post(PATH, wrong).status_code for _ in range(10)]
    assert statuses == [200] * 10
    assert at_home.post(PATH, wrong).status_code == 429
    assert at_home.post("/profile/password", wrong).status_code == 429


@pytest.mark.parametrize("status", [500, 502, 401])
def test_while_grafana_does_not_answer_it_says_so(
    at_home: Visitor, double: Double, site: Flask, status: int
) -> None:
    old = password_of(double)
    double.faults.broken = [status]
    answer = at_home.post(PATH, typed())
    assert answer.status_code == 503
    assert "No password was set." in answer.text
    assert "Grafana does not answer as it should" in answer.text
    assert password_of(double) == old
    assert audited(site) == []


def test_all_calls_together_have_one_time(
    at_home: Visitor, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grafana answers each call soon enough, but there are too many of them."""
    assert grafana_accounts.WITHIN <= 5
    monkeypatch.setattr(grafana_accounts, "WITHIN", 0.5)
    double.faults.seconds = 0.3
    assert at_home.post(PATH, typed()).status_code == 503
    double.faults.seconds = 0.01
    assert SET in at_home.post(PATH, typed(), follow_redirects=True).text


def test_where_grafana_is_gone_it_says_so(
    make_app: Callable[..., Flask], double: Double, ada: User
) -> None:
    app = make_app(**settings_of(double, GRAFANA_URL="http://127.0.0.1:1"))
    visitor = Visitor(app.test_client())
    visitor.sign_in("ada")
    assert visitor.post(PATH, typed()).status_code == 503


@pytest.mark.parametrize(
    ("status", "text", "shown"),
    [
        (400, "Grafana does not take this password", 200),
        (403, "keeps no passwords for such accounts", 409),
        (404, "Grafana does not answer as it should", 503),
    ],
)
def test_what_grafana_refuses_is_told(
    at_home: Visitor, monkeypatch: pytest.MonkeyPatch, status: int, text: str, shown: int
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise GrafanaError(f"PUT /admin/users/2/password: {status} because", status)

    monkeypatch.setattr(Grafana, "set_password", refuse)
    answer = at_home.post(PATH, typed())
    assert answer.status_code == shown
    assert text in answer.text


def test_an_account_that_is_not_there_yet_is_asked_for(
    at_home: Visitor, double: Double, site: Flask, ada: User
) -> None:
    double.state.users = {1: double.state.users[1]}
    answer = at_home.post(PATH, typed())
    assert answer.status_code == 503
    assert "Grafana does not know you yet" in answer.text
    assert audited(site) == []
    with site.app_context():
        assert ada.id in db.session.scalars(db.select(GrafanaMark.user_id)).all()


def test_the_account_of_remas_itself_is_not_touched(site: Flask, double: Double) -> None:
    with site.app_context():
        factories.make_user(OWN_LOGIN.upper(), admin=True)
    visitor = Visitor(site.test_client())
    visitor.sign_in(OWN_LOGIN.upper())
    answer = visitor.post(PATH, typed())
    assert answer.status_code == 403
    assert "Your username is the one with which REMAS itself" in answer.text
    assert password_of(double, OWN_LOGIN) == OWN_PASSWORD


def test_nor_that_of_somebody_whose_name_differs_in_capitals(
    at_home: Visitor, site: Flask, double: Double
) -> None:
    old = password_of(double)
    with site.app_context():
        factories.make_user("Ada", email="other@example.org")
    assert at_home.post(PATH, typed()).status_code == 409
    assert password_of(double) == old


def test_with_a_proxy_nothing_is_needed(
    make_app: Callable[..., Flask], double: Double, ada: User
) -> None:
    visitor = Visitor(make_app(**settings_of(double, GRAFANA_SIGN_IN="proxy")).test_client())
    visitor.sign_in("ada")
    double.forget()
    page = visitor.get(PATH).text
    assert "Nothing to set up." in page
    assert 'name="new_password"' not in page
    assert visitor.post(PATH, typed()).status_code == 409
    assert double.log == []


def test_without_grafana_there_is_no_such_page(as_ada: Visitor) -> None:
    assert as_ada.get(PATH).status_code == 404
    assert as_ada.post(PATH, typed()).status_code == 404
    profile = as_ada.get("/profile").text
    assert PATH not in profile
    assert ">Cluster status<" in profile  # the page with what is reserved now


def test_the_menu_leads_to_grafana(at_home: Visitor) -> None:
    page = at_home.get("/profile").text
    assert f'href="{PATH}"' in page
    linked = f'href="{SHOWN}"'
    assert page.count(linked) == 2  # the bar, and the menu of narrow windows
    assert 'href="/status"' in page
    assert "Nodes now" in page
