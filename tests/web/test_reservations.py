"""One's own reservations, and what can be done about one."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import Node, Reservation, Status, User
from tests.support import factories
from tests.support.factories import make_node, make_reservation, make_user, soon
from tests.support.queries import counted
from tests.web.conftest import Visitor

PRAGUE = ZoneInfo("Europe/Prague")
FIELD = re.compile(r"<(?:input|textarea)[^>]*>")


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1", {"cpu": 8, "gpu": 2})


def made(app: Flask, owner: User, node: Node, **fields: Any) -> Reservation:
    """A reservation of 4 cpu."""
    with app.app_context():
        return make_reservation(owner, allocations={node: {"cpu": 4}}, **fields)


def again(app: Flask, reservation: Reservation) -> Reservation:
    with app.app_context():
        found = db.session.get_one(Reservation, reservation.id)
        assert found.allocations is not None
        assert found.tags is not None
        return found


def form_of(visitor: Visitor, reservation: Reservation) -> dict[str, str]:
    """The change form as it is shown, ready to be sent."""
    page = visitor.get(f"/reservations/{reservation.id}").text
    form = page[page.index('id="change"') :]
    values = {}
    for tag in FIELD.findall(form[: form.index("</form>")]):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name:
            values[name[1]] = unescape(value[1]) if value else ""
    return values


def local(moment: datetime) -> str:
    return moment.astimezone(PRAGUE).strftime("%Y-%m-%dT%H:%M")


def now_running(hours: float = 3) -> dict[str, Any]:
    """Since an hour, for so many more."""
    start = clock.ceil_minute(clock.now()) - timedelta(hours=1)
    return {"start": start, "ends": start + timedelta(hours=1 + hours)}


# Lists


def test_the_list_shows_running_and_coming_by_default(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    made(app, ada, node, name="runs", **now_running())
    made(app, ada, node, name="comes")
    past = clock.ceil_minute(clock.now()) - timedelta(days=2)
    made(app, ada, node, name="is over", start=past)
    made(app, ada, node, name="is given up", cancelled_at=clock.now())
    with app.app_context():
        made(app, make_user("grace"), node, name="is another's")
    coming = as_ada.get("/reservations").text
    assert "runs" in coming
    assert "comes" in coming
    for name in ("is over", "is given up", "another"):
        assert name not in coming
    assert "is over" in as_ada.get("/reservations?show=past").text
    assert "is given up" in as_ada.get("/reservations?show=cancelled").text


def test_an_empty_list_says_what_to_do(as_ada: Visitor) -> None:
    page = as_ada.get("/reservations").text
    assert "Nothing is running and nothing is coming." in page


def test_the_past_comes_in_pages(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    begin = clock.ceil_minute(clock.now()) - timedelta(days=30)
    for day in range(21):
        made(app, ada, node, name=f"run {day}", start=begin + timedelta(days=day))
    first, second = (as_ada.get(f"/reservations?show=past&page={p}").text for p in (1, 2))
    assert "run 20<" in first
    assert "run 0<" not in first
    assert "run 0<" in second
    assert 'href="/reservations?show=past&amp;page=2"' in first


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=99999999999999999999"])
def test_pages_that_are_none(as_ada: Visitor, query: str) -> None:
    assert as_ada.get(f"/reservations?show=past&{query}").status_code == 200


def test_the_list_costs_the_same_number_of_queries_however_long(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    counts = []
    for more in (1, 9):
        for hours in range(more):
            made(app, ada, node, start=soon(48 + 3 * hours + 100 * more))
        with counted(app) as statements:
            assert as_ada.get("/reservations").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] > 1


# One reservation


def test_everybody_reads_every_reservation_and_only_owners_change_it(
    as_ada: Visitor, app: Flask, node: Node
) -> None:
    with app.app_context():
        grace = make_user("grace")
    reservation = made(app, grace, node, name="Compilers", description="for <all>")
    answer = as_ada.get(f"/reservations/{reservation.id}")
    assert "Compilers" in answer.text
    assert "for &lt;all&gt;" in answer.text
    assert 'href="mailto:grace@example.org"' in answer.text
    assert 'id="change"' not in answer.text
    for path in ("", "/cancel", "/release"):
        refused = as_ada.post(f"/reservations/{reservation.id}{path}", {"name": "mine"})
        assert refused.status_code == 403
        assert "Only its owner or an administrator" in refused.text
    assert as_ada.get(f"/reservations/{reservation.id}/cancel").status_code == 302
    assert again(app, reservation).name == "Compilers"


def test_where_a_group_does_not_share_statistics_details_stay_hidden(
    as_ada: Visitor, app: Flask, node: Node
) -> None:
    with app.app_context():
        group = factories.make_group("Genomics", users_share_statistics=False)
        grace = make_user("grace", group=group)
        tag = factories.make_tag(grace, "embargo")
    reservation = made(app, grace, node, name="Secret", description="Plan", tags=[tag])
    page = as_ada.get(f"/reservations/{reservation.id}").text
    assert f"Reservation {reservation.id} " in page
    assert "grace@example.org" in page
    calendar = as_ada.get(f"/?from={reservation.starts_at:%Y-%m-%d}").text
    for hidden in ("Secret", "Plan", "embargo"):
        assert hidden not in page
        assert hidden not in calendar


@pytest.mark.parametrize("path", ["/reservations/99", "/reservations/99999999999999999999"])
def test_a_reservation_that_is_none(as_ada: Visitor, path: str) -> None:
    assert as_ada.get(path).status_code == 404


def test_sending_the_form_as_it_is_changes_nothing(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node, description="Why")
    form = form_of(as_ada, reservation) | {"description": "Why"}
    answer = as_ada.post(f"/reservations/{reservation.id}", form)
    assert answer.status_code == 302
    after = again(app, reservation)
    assert (after.version, after.starts_at, after.ends_at) == (
        1,
        reservation.starts_at,
        reservation.ends_at,
    )


def test_the_owner_changes_everything_of_what_is_to_come(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node)
    form = form_of(as_ada, reservation)
    (cpu, gpu) = (name for name in form if name.startswith("amount_"))
    start = soon(30)
    answer = as_ada.post(
        f"/reservations/{reservation.id}",
        {
            **form,
            "name": "New name",
            "description": "New text",
            "tags": "b, a",
            "starts_at": local(start),
            "ends_at": local(start + timedelta(hours=5)),
            cpu: "6",
            gpu: "1",
        },
    )
    assert answer.status_code == 302
    after = again(app, reservation)
    assert (after.name, after.description) == ("New name", "New text")
    assert [tag.name for tag in after.tags] == ["a", "b"]
    assert (after.starts_at, after.ends_at) == (start, start + timedelta(hours=5))
    assert sorted(a.amount for a in after.allocations) == [1, 6]


def test_a_change_that_does_not_fit_is_refused_whole_with_who_and_where_instead(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node)
    with app.app_context():
        grace = make_user("grace")
    start = reservation.starts_at
    made(app, grace, node, start=start)
    form = form_of(as_ada, reservation)
    cpu = next(name for name in form if name.startswith("amount_"))
    answer = as_ada.post(
        f"/reservations/{reservation.id}", {**form, cpu: "8", "name": "Bigger run"}
    )
    assert answer.status_code == 200
    assert "grace@example.org" in answer.text
    assert 'value="Bigger run"' in answer.text
    assert again(app, reservation).version == 1
    offer = re.search(r'name="take" value="([^"]+)"', answer.text)
    assert offer
    taken = as_ada.post(
        f"/reservations/{reservation.id}",
        {**form, cpu: "8", "name": "Bigger run", "take": unescape(offer[1])},
    )
    assert taken.status_code == 302
    after = again(app, reservation)
    assert after.starts_at == start + timedelta(hours=2)
    assert after.name == "Bigger run"
    assert [a.amount for a in after.allocations] == [8]


def test_the_next_time_it_fits_is_found_for_what_is_to_come(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node)
    page = as_ada.post(
        f"/reservations/{reservation.id}", {**form_of(as_ada, reservation), "find": "1"}
    ).text
    assert "Take this" in page
    assert again(app, reservation).version == 1


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node, name="first")
    form = form_of(as_ada, reservation)
    as_ada.post(f"/reservations/{reservation.id}", {**form, "name": "second"})
    answer = as_ada.post(f"/reservations/{reservation.id}", {**form, "name": "third"})
    assert "changed meanwhile" in answer.text
    assert 'value="third"' in answer.text
    assert again(app, reservation).name == "second"
    seen = re.search(r'name="version"[^>]*value="(\d+)"', answer.text)
    assert seen
    repeated = {**form, "name": "third", "version": seen[1]}
    assert as_ada.post(f"/reservations/{reservation.id}", repeated).status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "This has 1 to 200 characters."),
        ("ends_at", "2020-01-01T10:00", "The end is not after the start."),
        ("starts_at", "", "Say when it starts."),
        ("tags", "x" * 201, "A name has at most 200 characters."),
    ],
)
def test_a_change_that_cannot_be_meant_says_so_at_the_field(
    as_ada: Visitor, app: Flask, ada: User, node: Node, field: str, value: str, text: str
) -> None:
    reservation = made(app, ada, node)
    form = form_of(as_ada, reservation)
    answer = as_ada.post(f"/reservations/{reservation.id}", {**form, field: value})
    assert f'<span id="{field}-note">{text}' in answer.text
    assert again(app, reservation).version == 1


def test_of_what_runs_only_the_rest_can_change(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node, **now_running())
    form = form_of(as_ada, reservation)
    assert "starts_at" not in form
    longer = reservation.ends_at + timedelta(hours=1)
    as_ada.post(f"/reservations/{reservation.id}", {**form, "ends_at": local(longer)})
    assert again(app, reservation).ends_at == longer


def test_of_what_is_over_only_words_can_change(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    past = clock.ceil_minute(clock.now()) - timedelta(days=2)
    reservation = made(app, ada, node, start=past)
    form = form_of(as_ada, reservation)
    assert not {"starts_at", "ends_at"} & form.keys()
    as_ada.post(f"/reservations/{reservation.id}", {**form, "name": "Better name"})
    assert again(app, reservation).name == "Better name"


def test_an_end_in_the_hour_that_comes_twice_survives_a_change_of_the_name(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    end = datetime(2027, 10, 31, 2, 30, tzinfo=PRAGUE, fold=0).astimezone(ZoneInfo("UTC"))
    reservation = made(app, ada, node, start=end - timedelta(hours=2), ends=end)
    page = as_ada.get(f"/reservations/{reservation.id}").text
    assert "02:30 CEST" in page
    form = form_of(as_ada, reservation)
    as_ada.post(f"/reservations/{reservation.id}", {**form, "name": "Other"})
    after = again(app, reservation)
    assert (after.name, after.ends_at) == ("Other", end)


# Cancel and release


def test_cancelling_is_asked_first(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    reservation = made(app, ada, node)
    question = as_ada.get(f"/reservations/{reservation.id}/cancel")
    assert "Cancel this reservation?" in question.text
    assert again(app, reservation).cancelled_at is None
    answer = as_ada.post(f"/reservations/{reservation.id}/cancel", follow_redirects=True)
    assert "its resources are free again" in answer.text
    assert again(app, reservation).status(clock.now()) is Status.CANCELLED


def test_releasing_ends_what_runs(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    reservation = made(app, ada, node, **now_running())
    assert (
        "Release this reservation now?"
        in as_ada.get(f"/reservations/{reservation.id}/release").text
    )
    as_ada.post(f"/reservations/{reservation.id}/release")
    assert again(app, reservation).status(clock.now()) is Status.FINISHED


def test_cancelling_what_runs_says_what_to_do_instead(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    reservation = made(app, ada, node, **now_running())
    page = as_ada.post(f"/reservations/{reservation.id}/cancel", follow_redirects=True).text
    assert "Release it instead." in page


def test_administrators_act_for_everybody(
    sign_in: Callable[[User], Visitor], app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        visitor = sign_in(make_user("root", admin=True))
    reservation = made(app, ada, node)
    as_root = visitor.post(f"/reservations/{reservation.id}/cancel")
    assert as_root.status_code == 302
    assert again(app, reservation).status(clock.now()) is Status.CANCELLED
