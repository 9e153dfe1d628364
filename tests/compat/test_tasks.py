"""Booking over the earlier wire: what is granted, what is refused in which words, who sees what."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from remas.extensions import db
from remas.models import NodeState, Reservation, Scope
from tests.api.conftest import Made
from tests.compat.conftest import Caller, signed_in
from tests.support.noon import NOW

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    """It is noon, and stays so."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def n1(make: Made) -> Any:
    return make.node("n1", {"cpu": 8})


@pytest.fixture
def user(make: Made) -> Any:
    return make.user("eve")


@pytest.fixture
def eve(app: Flask, user: Any) -> Caller:
    return signed_in(app, "eve")


@pytest.fixture
def adam(app: Flask, make: Made) -> Caller:
    make.user("adam")
    return signed_in(app, "adam")


def local(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def asked(node: Any, amount: int = 2, after: int = 24, hours: int = 2, **more: Any) -> Any:
    """A task on `node`, `after` hours from noon."""
    start = NOW + after * HOUR
    held = {"node_id": node.id, "resource_id": node.capacities[0].resource_id, "amount": amount}
    return {
        "id": None,
        "name": "train",
        "description": "a model",
        "tag_ids": [],
        "start_time": local(start),
        "end_time": local(start + hours * HOUR),
        "resource_allocations": [held],
        **more,
    }


def refused(answer: Any) -> tuple[int, str]:
    """Status, and the first line of the text."""
    return answer.status_code, answer.json["detail"].partition("\n")[0]


def test_what_is_free_is_granted_to_the_last_unit(eve: Caller, n1: Any) -> None:
    assert eve.post("/task", asked(n1, 6)).status_code == 200
    answer = eve.post("/task", asked(n1, 3))
    assert refused(answer) == (409, "Not enough resources for the task!")
    start, end = (local(NOW + hours * HOUR) for hours in (24, 26))
    assert answer.json["detail"].splitlines()[1:] == [
        f"1 cpu on n1 too few from {start} to {end}, held by Eve Tester."
    ]
    assert eve.post("/task", asked(n1, 2)).status_code == 200


def test_a_limit_counts_all_that_is_held_at_once(
    eve: Caller, n1: Any, make: Made, user: Any
) -> None:
    make.limit(4, user=user, name="few")
    assert eve.post("/task", asked(n1, 3)).status_code == 200
    answer = eve.post("/task", asked(n1, 2))
    assert refused(answer) == (
        409,
        "Task resource allocation exeeds user limits! Exceeded resource: cpu, Limit: 4",
    )
    assert "1 cpu on n1 too much for the limit few" in answer.json["detail"]
    assert eve.post("/task", asked(n1, 1)).status_code == 200


def test_a_total_over_nodes_counts_as_well(eve: Caller, n1: Any, make: Made, user: Any) -> None:
    make.limit(4, user=user, scope=Scope.TOTAL)
    other = make.node("n2", {"cpu": 8})
    body = asked(n1, 3)
    body["resource_allocations"] += asked(other, 2)["resource_allocations"]
    answer = eve.post("/task", body)
    assert answer.status_code == 409
    assert "Limit: 4" in answer.json["detail"]


def test_closed_nodes_are_told_as_such(eve: Caller, n1: Any, make: Made) -> None:
    make.maintenance(n1, NOW + 24 * HOUR)
    answer = eve.post("/task", asked(n1))
    assert refused(answer) == (409, "Not enough resources for the task!")
    assert "n1 is in maintenance from" in answer.json["detail"]
    drained = make.node("n2", state=NodeState.DRAINED)
    assert "n2 takes no new reservations." in eve.post("/task", asked(drained)).json["detail"]


def test_many_reasons_are_not_all_told(eve: Caller, adam: Caller, n1: Any) -> None:
    for hour in range(24, 38):
        assert adam.post("/task", asked(n1, 8 - hour % 2, hour, 1)).status_code == 200
    lines = eve.post("/task", asked(n1, 8, 24, 14)).json["detail"].splitlines()
    assert len(lines) == 7
    assert lines[-1] == "And 9 more."


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (
            {"resource_allocations": []},
            400,
            "Task must have at least one resource allocation!",
        ),
        (
            {"end_time": local(NOW + 24 * HOUR)},
            400,
            "Task start time must be before its end time!",
        ),
        ({"start_time": local(NOW - HOUR)}, 422, "start_time: The start lies in the past."),
        ({"name": " "}, 422, "name: This has 1 to 200 characters."),
        ({"id": 7}, 404, "There is no reservation 7."),
        ({"id": 0}, 404, "Task with id 0 not found!"),
    ],
)
def test_what_cannot_be_a_task(
    eve: Caller, n1: Any, change: dict[str, Any], status: int, text: str
) -> None:
    assert refused(eve.post("/task", asked(n1, **change))) == (status, text)


@pytest.mark.parametrize("amount", [0, -100, 2**63, 1.5, "many", None])
def test_amounts_are_whole_and_positive(eve: Caller, n1: Any, amount: Any) -> None:
    answer = eve.post("/task", asked(n1, amount))
    assert answer.status_code == 422
    assert answer.json["detail"].startswith("resource_allocations.0.amount: ")


def test_numbers_may_be_texts(eve: Caller, n1: Any) -> None:
    answer = eve.post("/task", asked(n1, "2", unknown="key"))  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.json["resources"][0]["amount"] == 2


def test_a_resource_that_the_node_lacks(eve: Caller, n1: Any, make: Made) -> None:
    gpu = make.node("n2", {"gpu": 1})
    body = asked(n1)
    body["resource_allocations"][0]["resource_id"] = gpu.capacities[0].resource_id
    answer = eve.post("/task", body)
    assert answer.status_code == 404
    assert "n1 has no gpu." in answer.json["detail"]


def test_a_resource_named_twice(eve: Caller, n1: Any) -> None:
    body = asked(n1)
    body["resource_allocations"] *= 2
    answer = eve.post("/task", body)
    assert answer.status_code == 409
    assert "cpu on n1 is named twice." in answer.json["detail"]


def test_a_task_is_changed_by_its_owner_alone(
    eve: Caller, adam: Caller, admin: Caller, n1: Any
) -> None:
    number = eve.post("/task", asked(n1)).json["id"]
    for other in (adam, admin):
        answer = other.post("/task", asked(n1, id=number))
        assert refused(answer) == (403, "Task is not owned by current user!")
        answer = other.delete(f"/task/{number}")
        assert refused(answer) == (403, "Can't remove task owned by another user!")
    changed = eve.post("/task", asked(n1, 8, 30, id=number, name="more", description=None))
    assert changed.status_code == 200
    task = eve.get(f"/task/{number}").json
    assert (task["name"], task["description"]) == ("more", None)
    assert task["resources"][0]["amount"] == 8


def test_a_running_task(app: Flask, eve: Caller, n1: Any, noon: time_machine.Traveller) -> None:
    number = eve.post("/task", asked(n1, 4, 1, 3)).json["id"]
    noon.shift(2 * HOUR)
    eve = signed_in(app, "eve")
    assert eve.get(f"/task/{number}").json["status"] == "running"
    moved = eve.post("/task", asked(n1, 4, 2, 2, id=number))
    assert refused(moved) == (
        409,
        "Task start time cannot be changed if task has already started!",
    )
    assert eve.post("/task", asked(n1, 6, 1, 5, id=number, name="longer")).status_code == 200
    noon.shift(timedelta(minutes=10, seconds=20))
    assert eve.delete(f"/task/{number}").json == {"detail": "Task deleted"}
    # What was used stays in the history: it ended at the next whole minute.
    ended = eve.get(f"/task/{number}").json
    assert ended["status"] == "finished"
    assert ended["end_time"] == f"{NOW + 2 * HOUR + timedelta(minutes=11):%Y-%m-%dT%H:%M:%S}"


def test_a_finished_task(app: Flask, eve: Caller, n1: Any, noon: time_machine.Traveller) -> None:
    number = eve.post("/task", asked(n1, 4, 1, 1)).json["id"]
    noon.shift(3 * HOUR)
    eve = signed_in(app, "eve")
    renamed = eve.post("/task", asked(n1, 4, 1, 1, id=number, name="what it was"))
    assert (renamed.status_code, renamed.json["status"]) == (200, "finished")
    longer = eve.post("/task", asked(n1, 4, 1, 9, id=number))
    assert refused(longer) == (
        409,
        "Task scheduling time cannot be updated after task has finished!",
    )
    assert eve.delete(f"/task/{number}").status_code == 409


def test_cancelled_tasks_are_kept_but_not_told(app: Flask, eve: Caller, n1: Any) -> None:
    number = eve.post("/task", asked(n1)).json["id"]
    eve.delete(f"/task/{number}")
    assert eve.post("/task", asked(n1, id=number)).status_code == 404
    with app.app_context():
        assert db.session.get_one(Reservation, number).cancelled_at == NOW
    assert eve.post("/task", asked(n1, 8)).status_code == 200


def test_pages(app: Flask, eve: Caller, n1: Any, noon: time_machine.Traveller) -> None:
    for hour in (5, 3, 1):
        eve.post("/task", asked(n1, 1, hour, 1, name=f"at {hour}"))

    def names(path: str, number: int, size: int) -> list[str]:
        answer = eve.post(path, {"page_number": number, "page_size": size})
        assert answer.status_code == 200
        return [task["name"] for task in answer.json]

    assert names("/task/active", 0, 2) == ["at 1", "at 3"]
    assert names("/task/active", 1, 2) == ["at 5"]
    assert names("/task/active", 2, 2) == []
    assert names("/task/active", 0, 0) == []
    assert names("/task/active", 2**31 - 2, 2**31 - 1) == []
    noon.shift(4 * HOUR)
    eve = signed_in(app, "eve")
    assert names("/task/finished", 0, 10) == ["at 3", "at 1"]
    assert names("/task/active", 0, 10) == ["at 5"]
    for page in ({"page_number": -1, "page_size": 5}, {"page_number": 0, "page_size": -1}, {}):
        assert eve.post("/task/active", page).status_code == 422


def test_what_others_see(app: Flask, eve: Caller, make: Made, n1: Any, admin: Caller) -> None:
    secret = make.user("ada", group=make.group("Quiet", users_share_statistics=False))
    tag = make.tag(secret, "private")
    row = make.reservation(
        secret,
        NOW + HOUR,
        allocations={n1: {"cpu": 1}},
        tags=[tag],
        name="secret",
        description="hush",
    )
    (seen,) = eve.post("/task/active", {"page_number": 0, "page_size": 9}).json
    assert (seen["name"], seen["description"], seen["tags"]) == (f"Reservation {row.id}", None, [])
    assert (seen["owner"]["username"], seen["owner"]["uid"]) == ("ada", -1)
    assert seen["resources"][0]["amount"] == 1
    assert refused(eve.get(f"/task/{row.id}")) == (403, "Insufficient permissions!")
    for caller in (admin, signed_in(app, "ada")):
        assert caller.get(f"/task/{row.id}").json["name"] == "secret"
    (told,) = admin.post("/task/active", {"page_number": 0, "page_size": 9}).json
    assert told["owner"]["uid"] == secret.uid


def test_tags_of_a_task(eve: Caller, adam: Caller, make: Made, user: Any, n1: Any) -> None:
    mine, other = make.tag(user, "mine"), make.tag(user, "other")
    task = eve.post("/task", asked(n1, tag_ids=[mine.id])).json
    assert [tag["name"] for tag in task["tags"]] == ["mine"]
    put = {"task_id": task["id"], "tag_id": other.id}
    added = eve.post("/task/add_tag", put)
    assert [tag["name"] for tag in added.json["tags"]] == ["mine", "other"]
    again = eve.post("/task/add_tag", put)
    assert refused(again) == (409, "Tag is already assigned to the task!")
    # The front end sends none when it changes a task: they stay.
    changed = eve.post("/task", asked(n1, id=task["id"], name="changed"))
    assert [tag["name"] for tag in changed.json["tags"]] == ["mine", "other"]
    removed = eve.post("/task/remove_tag", put)
    assert [tag["name"] for tag in removed.json["tags"]] == ["mine"]
    assert eve.post("/task/remove_tag", put).status_code == 404
    foreign = adam.post("/task_tag", {"name": "adam's"}).json["id"]
    assert eve.post("/task/add_tag", {**put, "tag_id": foreign}).status_code == 403
    assert eve.post("/task", asked(n1, 1, tag_ids=[foreign])).status_code == 403
    assert adam.post("/task/add_tag", put).status_code == 403


def test_periods_with_too_little(eve: Caller, adam: Caller, make: Made, user: Any, n1: Any) -> None:
    n2 = make.node("n2", {"cpu": 4})
    cpu = n1.capacities[0].resource_id
    mine = eve.post("/task", asked(n1, 6, 24, 4)).json["id"]
    adams = adam.post("/task", asked(n1, 2, 26, 4)).json["id"]
    make.maintenance(n2, NOW + 25 * HOUR, hours=1)
    eves, adam_id = user.id, adam.get("/user").json[0]["id"]

    def periods(caller: Caller, **more: Any) -> list[tuple[int, int, Any]]:
        range_ = {"start_time": local(NOW + 24 * HOUR), "end_time": local(NOW + 29 * HOUR)}
        answer = caller.post("/task/get_scheduling", {**range_, **more})
        assert answer.status_code == 200, answer.text
        return [
            (
                int(one["start_time"][11:13]) - 12,
                int(one["end_time"][11:13]) - 12,
                [tuple(part.values()) for part in one["available_resources"]],
            )
            for one in answer.json
        ]

    mine_alone = (n1.id, cpu, 2, [eves])
    both = (n1.id, cpu, 0, sorted([eves, adam_id]))
    assert periods(eve, exclude_task_id=0) == [
        (0, 1, [mine_alone]),
        (1, 2, [mine_alone, (n2.id, cpu, 0, [])]),
        (2, 4, [both]),
        (4, 5, [(n1.id, cpu, 6, [adam_id])]),
    ]
    assert periods(eve, exclude_task_id=mine) == [
        (1, 2, [(n2.id, cpu, 0, [])]),
        (2, 5, [(n1.id, cpu, 6, [adam_id])]),
    ]
    # Another's cannot be left out: it is not to be moved by this person.
    assert periods(eve, exclude_task_id=adams) == periods(eve, exclude_task_id=None)
    wrong = {"start_time": local(NOW), "end_time": local(NOW)}
    assert eve.post("/task/get_scheduling", wrong).status_code == 422
