"""Aliases by themselves."""

import pytest
from sqlalchemy import select

from remas.errors import Forbidden, Invalid, NameTaken, NotFound, Stale
from remas.extensions import db
from remas.models import Audit
from remas.services import aliases, by_id, resources
from remas.services.actor import Actor
from remas.services.aliases import AliasChange, AliasNew
from remas.services.resources import ResourceChange
from tests.support import factories
from tests.support.factories import actor_of

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def root() -> Actor:
    return actor_of(factories.make_user("root", admin=True), admin=True)


def test_an_alias_is_made_changed_and_shared(root: Actor) -> None:
    alias = aliases.create(root, AliasNew(" cores ", " as in Slurm "))
    assert (alias.name, alias.description) == ("cores", "as in Slurm")
    factories.make_resource("cpu")
    resources.change(root, "cpu", ResourceChange(aliases=("cores",)))
    changed = aliases.change(root, "cores", AliasChange("threads", ""), by_id.still(alias.id))
    assert (changed.name, changed.description) == ("threads", None)
    assert [one.name for one in resources.get("cpu").aliases] == ["threads"]
    rows = db.session.scalars(select(Audit).where(Audit.kind == "alias").order_by(Audit.id)).all()
    assert [(row.action, row.before, row.after) for row in rows] == [
        ("create", None, {"name": "cores", "description": "as in Slurm", "resources": []}),
        (
            "change",
            {"name": "cores", "description": "as in Slurm"},
            {"name": "threads", "description": None},
        ),
    ]


def test_what_is_refused(root: Actor) -> None:
    eve = actor_of(factories.make_user("eve"))
    alias = aliases.create(root, AliasNew("cores"))
    aliases.create(root, AliasNew("threads"))
    with pytest.raises(NameTaken):
        aliases.create(root, AliasNew("cores"))
    with pytest.raises(NameTaken):
        aliases.change(root, "threads", AliasChange("cores"))
    with pytest.raises(NotFound):
        aliases.change(root, "nothing", AliasChange("x"))
    with pytest.raises(Stale):
        aliases.change(root, "threads", AliasChange("x"), by_id.still(alias.id))
    for wish in (AliasNew(""), AliasNew("a/b"), AliasNew("x", "\0")):
        with pytest.raises(Invalid):
            aliases.create(root, wish)
    with pytest.raises(Invalid):
        aliases.change(root, "cores", AliasChange(name=" "))
    with pytest.raises(Forbidden):
        aliases.create(eve, AliasNew("mine"))
    with pytest.raises(Forbidden):
        aliases.change(eve, "cores", AliasChange("mine"))
