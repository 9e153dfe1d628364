"""The tree of groups, from the administration's pages."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import ADMINISTRATORS, Group, Notification, NotificationType, User
from remas.services import groups, users
from remas.services.actor import SYSTEM
from tests.support import factories
from tests.web.conftest import Visitor

VISION = {
    "name": "Vision",
    "description": "Images and video",
    "parent": "Users",
    "users_share_statistics": "y",
}


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


def parents(app: Flask) -> dict[str, str | None]:
    with app.app_context():
        rows = db.session.query(Group)
        return {row.name: row.parent.name if row.parent else None for row in rows}


def group_of(app: Flask, username: str) -> str:
    with app.app_context():
        return users.get(SYSTEM, username).user.group.name


def save(admin: Visitor, group: str, **changes: str) -> str:
    page = f"/admin/groups/{group}"
    sent = {"seen": admin.seen(page), **VISION, "name": group, **changes}
    return admin.post(page, sent, follow_redirects=True).text


def test_one_is_made_below_another_changed_and_its_history_read(admin: Visitor, app: Flask) -> None:
    assert '<option selected value="Users">' in admin.get("/admin/new/group?below=Users").text
    made = admin.post("/admin/new/group", VISION, follow_redirects=True)
    assert "The group Vision is made" in made.text
    assert parents(app)["Vision"] == "Users"
    seen = admin.seen("/admin/groups/Vision")
    changed = {**VISION, "name": "Pictures", "parent": "", "seen": seen}
    del changed["users_share_statistics"]
    assert admin.post("/admin/groups/Vision", changed).location == "/admin/groups/Pictures"
    assert parents(app)["Pictures"] is None
    with app.app_context():
        assert not groups.get(SYSTEM, "Pictures").users_share_statistics
    history = admin.get("/admin/groups/Pictures/history").text
    assert "<strong>change</strong> by root" in history
    assert "<del>Vision</del>" in history


def test_the_tree_is_nested_and_counts_people(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        science = factories.make_group("Science", users_share_statistics=False)
        physics = factories.make_group("Physics", parent=science, description="Atoms")
        factories.make_group("Operators", parent=ADMINISTRATORS)
        for _ in range(2):
            factories.make_user(group=physics)
        factories.make_user(group=science)
    page = admin.get("/admin/groups").text
    names = re.findall(r'class="branch-name" href="[^"]+">([^<]+)<', page)
    assert names == ["Everyone", "Administrators", "Operators", "Science", "Physics", "Users"]
    tree = page[page.index('class="card tree"') : page.index('class="list-foot"')]
    assert tree.count("<ul>") == tree.count("</ul>") == 4
    assert tree.count("<li>") == tree.count("</li>") == len(names)
    assert "keeps to itself" in tree
    assert re.search(r"1 member<[^>]*>[^<]*</span></a>, 3 with those below", tree)
    operators = tree[tree.index(">Operators<") : tree.index(">Science<")]
    assert ">administrators<" in operators
    found = admin.get("/admin/groups?q=atoms").text
    assert re.findall(r'class="branch-name"[^>]*>([^<]+)<', found) == [
        *("Everyone", "Science", "Physics")
    ]
    assert "1 entry" in found
    rows = {row["name"]: row for row in admin.get("/admin/groups?format=json").json}
    assert (rows["Science"]["members"], rows["Science"]["members_below"]) == (1, 3)
    assert rows["Operators"]["administrators"] is True


def test_the_next_page_of_a_tree_says_where_it_is(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        above = factories.make_group("Above", parent=None)
        for i in range(250):
            db.session.add(Group(name=f"g{i:03}", parent_id=above.id))
        db.session.commit()
    page = admin.get("/admin/groups?page=2").text
    names = re.findall(r'class="branch-name"[^>]*>([^<]+)<', page)
    assert names[0] == "Above"
    assert names[1:3] == ["g199", "g200"]
    assert "254 entries" in page


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "Write a name."),
        ("name", "a/b", "no slashes"),
        ("name", "Users", "Another one already has this name"),
        ("name", "user", "has another meaning where limits are told"),
        ("parent", "nowhere", "Not a valid choice"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    admin: Visitor, field: str, value: str, text: str
) -> None:
    page = admin.post("/admin/new/group", {**VISION, field: value}).text
    at = page.index(f'<span id="{field}-note">')
    assert text in page[at : at + 300]
    assert "Images and video" in page


def test_a_circle_is_refused_at_the_field(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        top = factories.make_group("Top")
        factories.make_group("Below", parent=factories.make_group("Middle", parent=top))
    assert '<option value="Below">' not in admin.get("/admin/groups/Top").text
    for below in ("Top", "Middle", "Below"):
        page = save(admin, "Top", parent=below)
        assert "Not a valid choice" in page
    assert parents(app)["Top"] == "Everyone"


def test_a_circle_that_arises_meanwhile_is_refused_at_the_field(
    admin: Visitor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        factories.make_group("One")
        factories.make_group("Two", parent=factories.make_group("Three"))
    offered = "remas.services.group_tree.names_outside"
    monkeypatch.setattr(offered, lambda *_: ["One", "Two", "Three"])
    page = save(admin, "Three", parent="Two")
    at = page.index('<span id="parent-note">')
    assert "Two is this group itself or below it." in page[at : at + 200]


@pytest.mark.parametrize("name", ["Everyone", "Administrators", "Users"])
def test_three_groups_stay_where_they_are_and_can_be_renamed(
    admin: Visitor, app: Flask, name: str
) -> None:
    before = parents(app)[name]
    page = f"/admin/groups/{name}/delete"
    asked = admin.get(page).text
    assert "can be renamed, but not deleted" in asked
    assert admin.post(page, {"seen": admin.seen_in(asked)}).status_code == 409
    assert 'name="parent"' not in admin.get(f"/admin/groups/{name}").text
    assert "is saved" in save(admin, name, name="Renamed", parent="")
    assert parents(app)["Renamed"] == before


def test_people_are_found_and_moved_into_a_group(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_group("Vision")
        factories.make_user("eve", surname="Zorn")
        factories.make_user("mallory")
    page = admin.get("/admin/groups/Vision/members?who=zorn").text
    assert "eve, Eve Zorn (now in Users)" in page
    assert "mallory" not in page
    path = "/admin/groups/Vision/members?who=zorn"
    moved = admin.post(path, {"usernames": "eve"}, follow_redirects=True)
    assert "Moved into Vision: eve." in moved.text
    assert group_of(app, "eve") == "Vision"
    elsewhere = "/admin/groups/Vision/members"
    assert "Choose somebody." in admin.post(elsewhere).text
    assert "for this field" in admin.post(elsewhere, {"usernames": "nobody"}).text
    history = admin.get("/admin/groups/Vision/history").text
    assert "joined" in history


def test_the_last_administrator_is_not_moved_away(admin: Visitor, app: Flask) -> None:
    refused = admin.post("/admin/groups/Users/members?who=root", {"usernames": "root"})
    assert "last active administrator" in refused.text
    assert group_of(app, "root") == "Administrators"


def test_deleting_says_what_hangs_on_it_and_moves_it_up(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        middle = factories.make_group("Middle", parent=factories.make_group("Top"))
        factories.make_group("Bottom", parent=middle)
        factories.make_user("eve", group=middle)
        factories.make_limit(3, group=middle, name="small")
        told = Notification(name="soon", type=NotificationType.TASK_START, time_offset=60)
        told.groups = [db.session.get_one(Group, middle.id)]
        db.session.add(told)
        db.session.commit()
    page = "/admin/groups/Middle/delete"
    asked = admin.get(page).text
    for text in (
        "Its one member moves to Top.",
        "The groups below it move below Top: Bottom.",
        "limit “small”, deleted",
        "notification “soon”, no longer for them",
    ):
        assert text in asked
    assert admin.post(page, {"seen": admin.seen_in(asked)}).location == "/admin/groups"
    assert group_of(app, "eve") == "Top"
    assert parents(app)["Bottom"] == "Top"
    assert "Middle" not in parents(app)


def test_who_administers_is_decided_from_the_tree_at_each_request(
    admin: Visitor, as_ada: Visitor, app: Flask
) -> None:
    assert as_ada.get("/admin").status_code == 403
    with app.app_context():
        factories.make_group("Operators", parent=ADMINISTRATORS)
        users.change(SYSTEM, "ada", users.UserChange(group="Operators"))
    assert as_ada.get("/admin").status_code == 200
    with app.app_context():
        groups.change(SYSTEM, "Operators", groups.GroupChange(parent="Users"))
    assert as_ada.get("/admin").status_code == 403


def test_nobody_of_that_name_is_not_found(admin: Visitor) -> None:
    for tab in ("", "/members", "/delete", "/history"):
        assert admin.get(f"/admin/groups/nothing{tab}").status_code == 404
