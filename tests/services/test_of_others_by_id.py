"""Tags, limits and tokens as an edge asks for them that goes by ids."""

from datetime import timedelta

import jwt
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from remas.config import Settings
from remas.errors import Forbidden, Invalid, NotFound, NotSignedIn, WrongToken
from remas.extensions import db
from remas.models import Audit, Scope
from remas.services import limit_admin, sessions, tags
from remas.services.actor import Actor
from remas.services.tags import TagChange
from tests.support import factories
from tests.support.factories import PASSWORD, actor_of

pytestmark = pytest.mark.usefixtures("app_context")
GRACE = timedelta(seconds=30)


@pytest.fixture
def root() -> Actor:
    return actor_of(factories.make_user("root", admin=True), admin=True)


def number_of(token: str) -> str:
    """The id of a token."""
    number: str = jwt.decode(token, options={"verify_signature": False})["jti"]
    return number


def test_a_tag_by_its_id_is_for_its_owner_and_administrators(root: Actor) -> None:
    eve, adam = factories.make_user("eve"), actor_of(factories.make_user("adam"))
    tag = factories.make_tag(eve, "thesis")
    for actor in (actor_of(eve), root):
        assert tags.get_by_id(actor, tag.id).user.username == "eve"
    renamed = tags.change_by_id(root, tag.id, TagChange("paper", ""))
    assert (renamed.name, renamed.user_id) == ("paper", eve.id)
    with pytest.raises(Invalid):
        tags.change_by_id(root, tag.id, TagChange(""))
    for refused in (
        lambda: tags.get_by_id(adam, tag.id),
        lambda: tags.change_by_id(adam, tag.id, TagChange("mine")),
        lambda: tags.delete_by_id(adam, tag.id),
    ):
        with pytest.raises(Forbidden):
            refused()
    tags.delete_by_id(actor_of(eve), tag.id)
    with pytest.raises(NotFound):
        tags.get_by_id(root, tag.id)
    rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
    assert [(row.actor, row.action, row.kind) for row in rows] == [
        ("root", "change", "tag"),
        ("eve", "delete", "tag"),
    ]


def test_the_tags_of_a_group(root: Actor) -> None:
    open_, quiet = factories.make_group(), factories.make_group(users_share_statistics=False)
    members = {group: factories.make_user(group=group) for group in (open_, quiet)}
    for group, user in members.items():
        factories.make_tag(user, f"tag of {group.id}")
        assert [tag.user_id for tag in tags.of_members(root, group.id)] == [user.id]
    assert len(tags.of_members(actor_of(members[open_]), open_.id)) == 1
    for user, number in (
        (members[quiet], quiet.id),
        (members[open_], quiet.id),
        (members[open_], 99),
    ):
        with pytest.raises(Forbidden):
            tags.of_members(actor_of(user), number)
    with pytest.raises(NotFound):
        tags.of_members(root, 99)


def test_the_limits_in_force_in_a_group(root: Actor) -> None:
    n1, n2 = factories.make_node("n1"), factories.make_node("n2")
    team = factories.make_group("Team")
    ada = factories.make_user("ada", group=team)
    factories.make_limit(9, user=ada)
    near = factories.make_limit(4, group=team, nodes=[n1])
    far = factories.make_limit(2, group=1)
    total = factories.make_limit(7, group=1, scope=Scope.TOTAL)
    for actor in (root, actor_of(ada)):
        found = limit_admin.effective_in_group(actor, team.id)
        assert [(one.limit.id, one.limit.group_id, one.nodes, one.group) for one in found] == [
            (near.id, team.id, ("n1",), "Team"),
            (far.id, 1, ("n2",), "Everyone"),
            (total.id, 1, ("n1", "n2"), "Everyone"),
        ]
    for number in (1, 99):
        with pytest.raises(Forbidden):
            limit_admin.effective_in_group(actor_of(ada), number)
    with pytest.raises(NotFound):
        limit_admin.effective_in_group(root, 99)
    own = limit_admin.effective(root, "ada")
    assert [one.limit.group_id for one in own] == [None, 1]
    assert n2.name == "n2"


def test_the_last_spent_refresh_token_is_good_for_the_grace(app: Flask, settings: Settings) -> None:
    factories.make_user("eve")
    with time_machine.travel("2030-01-01T12:00Z", tick=False) as clock:
        first = sessions.issue_tokens(settings, "eve", PASSWORD, None)
        second = sessions.refresh_tokens(settings, first.refresh_token, GRACE)
        clock.shift(29)
        again = sessions.refresh_tokens(settings, first.refresh_token, GRACE)
        assert number_of(again.refresh_token) == number_of(second.refresh_token)
        sessions.refresh_tokens(settings, second.refresh_token, GRACE)
        with pytest.raises(NotSignedIn):
            sessions.refresh_tokens(settings, first.refresh_token, GRACE)
        with pytest.raises(NotSignedIn):  # the session is over
            sessions.refresh_tokens(settings, second.refresh_token, GRACE)


def test_without_a_grace_a_spent_token_ends_the_session(app: Flask, settings: Settings) -> None:
    factories.make_user("eve")
    with time_machine.travel("2030-01-01T12:00Z", tick=False):
        first = sessions.issue_tokens(settings, "eve", PASSWORD, None)
        second = sessions.refresh_tokens(settings, first.refresh_token)
        with pytest.raises(NotSignedIn):
            sessions.refresh_tokens(settings, first.refresh_token)
        with pytest.raises(NotSignedIn):
            sessions.refresh_tokens(settings, second.refresh_token)


def test_refresh_tokens_cannot_be_told_from_one_another(app: Flask, settings: Settings) -> None:
    factories.make_user("eve")
    seen = set()
    pair = sessions.issue_tokens(settings, "eve", PASSWORD, None)
    for _ in range(5):
        seen.add(number_of(pair.refresh_token))
        pair = sessions.refresh_tokens(settings, pair.refresh_token)
    assert len(seen) == 5


def test_what_tokens_say_to_front_ends(app: Flask, settings: Settings) -> None:
    for username, admin in (("eve", False), ("root", True)):
        factories.make_user(username, admin=admin)
        pair = sessions.issue_tokens(settings, username, PASSWORD, None)
        for token, is_refresh in ((pair.access_token, False), (pair.refresh_token, True)):
            claims = jwt.decode(token, options={"verify_signature": False})
            assert (claims["is_admin"], claims["is_refresh_token"]) == (admin, is_refresh)
    with pytest.raises(WrongToken):
        sessions.refresh_tokens(settings, pair.access_token)
    with pytest.raises(WrongToken):
        sessions.actor_of_token(db.session(), settings, pair.refresh_token, None)
