"""Passwords of accounts that nobody is to know, and the organisation in which all is made."""

import logging

import pytest
from sqlalchemy import select

from remas.clients.grafana import Grafana, GrafanaError
from remas.extensions import db
from remas.grafana import reconcile
from remas.services import users
from remas.services.actor import SYSTEM
from remas.services.users import UserChange, UserNew
from tests.support.followed import PEOPLE, Followed
from tests.support.grafana import Double
from tests.support.grafana_changes import USUAL
from tests.support.grafana_wishes import POLICIES, amiss

LONG = 40  # characters: more than anybody tries


def kept_here() -> str:
    """All that is in the database."""
    db.session.rollback()
    tables = db.metadata.sorted_tables
    return "\n".join(str(row) for table in tables for row in db.session.execute(select(table)))


def test_passwords_are_long_all_different_and_kept_nowhere(
    site: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    site.double.state.user_of("ann")["isExternal"] = True  # type: ignore[index]
    before = site.double.state.user_of("ann")["password"]  # type: ignore[index]
    with caplog.at_level(logging.DEBUG):
        users.create(SYSTEM, UserNew("zoe", "zoe@example.org", 4711))
        users.create(SYSTEM, UserNew("yan", "yan@example.org", 4712))
        users.change(SYSTEM, "ann", UserChange(active=False))  # who loses the password
        site.tick()
    assert site.amiss() == []
    accounts = [site.double.state.user_of(name) for name in (*PEOPLE, "zoe", "yan")]
    passwords = [account["password"] for account in accounts if account]
    assert len(set(passwords)) == len(PEOPLE) + 2
    assert before not in passwords
    assert all(len(password) >= LONG for password in passwords)
    assert all(len(set(password)) > 12 for password in passwords)
    found = f"{caplog.text}\n{kept_here()}"
    assert "zoe" in found
    assert [password for password in [*passwords, before] if password in found] == []


def test_each_call_names_the_organisation(double: Double, client: Grafana) -> None:
    """Whoever is in another one at the moment, or was moved there: all is made in the first."""
    double.state.organisation = 2
    with double.client(double.add_token()) as by_token:
        for one in (client, by_token):
            reconcile.everybody(one, USUAL, POLICIES)
    assert amiss(double.state, USUAL) == []
    del client._session.headers["X-Grafana-Org-Id"]
    with pytest.raises(GrafanaError, match="403"):
        client.folders()
