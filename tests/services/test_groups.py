"""The tree of groups: no circles, nobody without a group, never without an administrator."""

import pytest
from sqlalchemy import select

from remas.errors import Conflict, Forbidden, Invalid, LastAdministrator, NameTaken, NotFound
from remas.extensions import db
from remas.models import ADMINISTRATORS, EVERYONE, Audit, Group, Limit, User
from remas.services import groups
from remas.services.actor import Actor
from remas.services.groups import GroupChange, GroupNew
from tests.support.factories import actor_of, make_group, make_limit, make_user

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def admin(app_context: None) -> Actor:
    return actor_of(make_user("root", admin=True), admin=True)


def group_of(username: str) -> str:
    query = select(Group.name).join(User, User.group_id == Group.id)
    return db.session.scalars(query.where(User.username == username)).one()


def audit_rows(kind: str = "group") -> list[Audit]:
    return list(db.session.scalars(select(Audit).where(Audit.kind == kind).order_by(Audit.id)))


def test_a_group_is_made_with_its_members(admin: Actor) -> None:
    make_user("eve")
    group = groups.create(
        admin,
        GroupNew(" Physics ", "atoms", "Users", users_share_statistics=False, members=("eve",)),
    )
    assert groups.facts(group) == {
        "name": "Physics",
        "description": "atoms",
        "parent": "Users",
        "users_share_statistics": False,
        "members": ["eve"],
    }
    assert [row.action for row in audit_rows()] == ["create"]
    (moved,) = audit_rows("user")
    assert (moved.before, moved.after) == ({"group": "Users"}, {"group": "Physics"})


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (GroupNew(" "), "name"),
        (GroupNew("user"), "name"),
        (GroupNew("a/b"), "name"),
        (GroupNew("x", parent="nowhere"), "parent"),
        (GroupNew("x", members=("nobody",)), "members.0"),
    ],
)
def test_what_a_group_cannot_be(admin: Actor, wish: GroupNew, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        groups.create(admin, wish)
    assert list(refused.value.errors) == [field]


def test_names_are_taken_once(admin: Actor) -> None:
    make_group("Physics")
    with pytest.raises(NameTaken):
        groups.create(admin, GroupNew("Physics"))
    with pytest.raises(NameTaken):
        groups.change(admin, "Users", GroupChange(name="Physics"))


def test_circles_are_refused(admin: Actor) -> None:
    top = make_group("Top")
    make_group("Bottom", parent=make_group("Middle", parent=top))
    for below in ("Top", "Middle", "Bottom"):
        with pytest.raises(Invalid) as refused:
            groups.change(admin, "Top", GroupChange(parent=below))
        assert list(refused.value.errors) == ["parent"]
    groups.change(admin, "Bottom", GroupChange(parent="Top"))
    assert groups.get(admin, "Bottom").parent is groups.get(admin, "Top")


def test_a_parent_can_be_taken_away(admin: Actor) -> None:
    make_group("Physics")
    assert groups.change(admin, "Physics", GroupChange(parent="")).parent is None


@pytest.mark.parametrize("name", ["Everyone", "Administrators", "Users"])
def test_three_groups_always_exist(admin: Actor, name: str) -> None:
    make_group("Physics")
    with pytest.raises(Conflict):
        groups.delete(admin, name)
    with pytest.raises(Conflict):
        groups.change(admin, name, GroupChange(parent="Physics"))
    assert groups.change(admin, name, GroupChange(name="Renamed")).name == "Renamed"


def test_naming_the_parent_that_it_has_is_no_move(admin: Actor) -> None:
    assert groups.change(admin, "Users", GroupChange(parent="Everyone", description="x"))


def test_deleting_moves_members_and_groups_up_and_takes_limits_along(admin: Actor) -> None:
    middle = make_group("Middle", parent=make_group("Top"))
    make_group("Bottom", parent=middle)
    make_user("eve", group=middle)
    make_limit(3, group=middle, name="small")
    groups.delete(admin, "Middle")
    assert group_of("eve") == "Top"
    assert groups.get(admin, "Bottom").parent is groups.get(admin, "Top")
    assert db.session.scalars(select(Limit)).all() == []
    assert [row.subject for row in audit_rows("limit")] == ["small"]
    gone = audit_rows()[-1]
    assert gone.action == "delete"
    assert gone.before
    assert (gone.before["members"], gone.before["children"]) == (["eve"], ["Bottom"])
    with pytest.raises(NotFound):
        groups.get(admin, "Middle")


def test_without_a_parent_members_move_to_everyone(admin: Actor) -> None:
    root = make_group("Root", parent=None)
    make_group("Below", parent=root)
    make_user("eve", group=root)
    groups.delete(admin, "Root")
    assert group_of("eve") == "Everyone"
    assert groups.get(admin, "Below").parent is None


def test_members_are_set_as_a_whole(admin: Actor) -> None:
    physics = make_group("Physics", parent=make_group("Science"))
    for name in ("eve", "adam"):
        make_user(name, group=physics)
    make_user("zoe")
    group = groups.change(admin, "Physics", GroupChange(members=("eve", "zoe")))
    assert [user.username for user in group.members] == ["eve", "zoe"]
    assert group_of("adam") == "Science"


def test_nobody_falls_out_of_a_group_without_parent(admin: Actor) -> None:
    make_user("eve", group=make_group("Root", parent=None))
    with pytest.raises(Invalid) as refused:
        groups.change(admin, "Root", GroupChange(members=()))
    assert list(refused.value.errors) == ["members"]
    assert group_of("eve") == "Root"


def test_an_administrator_always_remains(admin: Actor) -> None:
    staff = make_group("Staff", parent=ADMINISTRATORS)
    make_user("boss", group=staff)
    db.session.get_one(User, admin.id).group_id = EVERYONE
    db.session.commit()
    for attempt in (
        lambda: groups.change(admin, "Staff", GroupChange(parent="Users")),
        lambda: groups.change(admin, "Staff", GroupChange(parent="")),
        lambda: groups.create(admin, GroupNew("Away", members=("boss",))),
        lambda: groups.change(admin, "Users", GroupChange(members=("boss",))),
    ):
        with pytest.raises(LastAdministrator):
            attempt()
    groups.delete(admin, "Staff")  # its members move to Administrators
    assert group_of("boss") == "Administrators"


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda actor: groups.get(actor, "Users"),
        lambda actor: groups.search(actor),
        lambda actor: groups.create(actor, GroupNew("x")),
        lambda actor: groups.change(actor, "Users", GroupChange(name="x")),
        lambda actor: groups.delete(actor, "Users"),
    ],
)
def test_groups_are_for_administrators(admin: Actor, forbidden: object) -> None:
    eve = actor_of(make_user("eve"))
    with pytest.raises(Forbidden):
        forbidden(eve)  # type: ignore[operator]


def test_search_knows_what_is_right_below(admin: Actor) -> None:
    make_group("Physics", parent=make_group("Science"))
    names = [group.name for group in groups.search(admin).items]
    assert names == ["Administrators", "Everyone", "Physics", "Science", "Users"]
    assert [group.name for group in groups.search(admin, "Science").items] == ["Physics"]
    assert groups.search(admin, "nothing").total == 0
