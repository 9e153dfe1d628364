"""The first start."""

import pytest
from sqlalchemy import select

from remas.config import Settings
from remas.environment import SettingError
from remas.extensions import db
from remas.models import ADMINISTRATORS, Group, User
from remas.services import passwords, setup
from tests.support.factories import make_group, make_user

pytestmark = pytest.mark.usefixtures("app_context")


def test_groups_and_an_administrator_whose_password_is_told_once(settings):
    first = setup.initialise(settings)
    assert setup.initialise(settings) is None
    groups = dict(db.session.execute(select(Group.id, Group.name)).all())
    assert groups == {1: "Everyone", 2: "Administrators", 3: "Users"}
    admin = db.session.scalars(select(User)).one()
    assert (admin.username, admin.group_id) == ("admin", ADMINISTRATORS)
    assert passwords.matches(admin.password_hash, first.password)
    assert admin.password_change_required


def test_new_groups_get_ids_of_their_own(settings):
    setup.initialise(settings)
    assert make_group("more").id > 3


def test_a_given_password_is_used_and_not_told(environ):
    given = Settings.load({**environ, "REMAS_ADMIN_PASSWORD": "correct horse battery"})
    assert setup.initialise(given).password is None
    admin = db.session.scalars(select(User)).one()
    assert passwords.matches(admin.password_hash, "correct horse battery")
    assert not admin.password_change_required


def test_a_given_password_keeps_the_rules(environ):
    with pytest.raises(SettingError, match=r"REMAS_ADMIN_PASSWORD: .*12"):
        setup.initialise(Settings.load({**environ, "REMAS_ADMIN_PASSWORD": "admin"}))


def test_an_inactive_administrator_is_none(settings):
    make_user("old", admin=True, active=False)
    assert setup.initialise(settings) is not None


def test_one_below_administrators_is_enough(settings):
    make_user("boss", group=make_group("operators", parent=ADMINISTRATORS))
    assert setup.initialise(settings) is None
