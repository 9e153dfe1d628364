"""Tags belong to people."""

import pytest
from sqlalchemy import select

from remas.errors import Forbidden, Invalid, NameTaken, NotFound
from remas.extensions import db
from remas.models import Audit
from remas.services import reservations, tags
from remas.services.tags import TagChange, TagNew
from tests.support.factories import actor_of, make_reservation, make_tag, make_user

pytestmark = pytest.mark.usefixtures("app_context")


def test_two_people_may_have_a_tag_of_the_same_name() -> None:
    eve, adam = actor_of(make_user("eve")), actor_of(make_user("adam"))
    for actor in (eve, adam):
        tags.create(actor, TagNew(" thesis ", "mine"))
    with pytest.raises(NameTaken):
        tags.create(eve, TagNew("thesis"))
    tags.create(eve, TagNew("other"))
    with pytest.raises(NameTaken):
        tags.change(eve, "other", TagChange(name="thesis"))
    tags.change(eve, "thesis", TagChange(name="paper", description=""))
    assert [(tag.name, tag.description) for tag in tags.search(eve).items] == [
        ("other", None),
        ("paper", None),
    ]
    assert tags.get(adam, "thesis").description == "mine"
    with pytest.raises(Invalid):
        tags.create(eve, TagNew("\n"))
    actions = db.session.scalars(select(Audit.action).order_by(Audit.id)).all()
    assert actions == ["create", "create", "create", "change"]


def test_another_persons_tags_are_for_administrators_to_see() -> None:
    eve = make_user("eve")
    make_tag(eve, "thesis")
    adam = actor_of(make_user("adam"))
    with pytest.raises(Forbidden):
        tags.search(adam, "eve")
    with pytest.raises(NotFound):
        tags.delete(adam, "thesis")
    root = actor_of(make_user("root"), admin=True)
    assert [tag.name for tag in tags.search(root, "eve").items] == ["thesis"]


def test_a_deleted_tag_leaves_the_reservations() -> None:
    eve = make_user("eve")
    reservation = make_reservation(eve, tags=[make_tag(eve, "thesis")])
    tags.delete(actor_of(eve), "thesis")
    assert reservations.get(actor_of(eve), reservation.id).tags == []
