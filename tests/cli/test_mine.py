"""One's own reservations in a shell: listed, shown, changed, given up."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from remas.extensions import db
from remas.models import Node, Reservation, Unit, User
from tests.api.conftest import Made
from tests.cli.conftest import Shell

# A Monday; in Prague it is 13:00.
NOON = datetime(2030, 5, 6, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def gpus(make: Made) -> Node:
    make.resource("memory", Unit.BYTES_IEC)
    node: Node = make.node("n1", {"gpu": 4, "memory": 64 * 2**30})
    return node


@pytest.fixture
def coming(make: Made, gpus: Node, ada: User) -> Reservation:
    """Ada's, from 15:00 to 17:00 in Prague, 2 GPUs."""
    allocations = {gpus: {"gpu": 2}}
    row: Reservation = make.reservation(
        ada, NOON + 2 * HOUR, hours=2, allocations=allocations, name="Training"
    )
    return row


@pytest.fixture
def stored(app: Flask) -> Callable[[Reservation], dict[str, Any]]:
    def read(row: Reservation) -> dict[str, Any]:
        with app.app_context():
            found = db.session.get_one(Reservation, row.id)
            return {
                "span": (found.starts_at - NOON, found.ends_at - NOON),
                "name": found.name,
                "description": found.description,
                "tags": {tag.name for tag in found.tags},
                "amounts": {
                    (part.node.name, part.resource.name): part.amount for part in found.allocations
                },
                "cancelled": found.cancelled_at is not None,
                "released": found.released_at is not None,
            }

    return read


Stored = Callable[[Reservation], dict[str, Any]]


def test_what_is_running_and_to_come(
    shell: Shell, make: Made, gpus: Node, ada: User, coming: Reservation
) -> None:
    eve = make.user("eve")
    past = make.reservation(ada, NOON - 5 * HOUR, hours=2, name="Past")
    running = make.reservation(ada, NOON - HOUR, hours=2, allocations={gpus: {"gpu": 1}})
    others = make.reservation(eve, NOON, hours=2, allocations={gpus: {"gpu": 1}}, name="Hers")
    cancelled = make.reservation(ada, NOON + HOUR, hours=1, cancelled_at=NOON)

    def ids(words: str) -> list[int]:
        return [row["id"] for row in json.loads(shell.ok(f"list --json {words}"))]

    assert ids("") == [running.id, coming.id]
    assert set(ids("--all")) >= {past.id, running.id, coming.id}
    assert others.id not in ids("--all")
    assert ids("--status cancelled") == [cancelled.id]
    assert ids("--status finished") == [past.id]
    assert ids("--owner eve") == [others.id]
    assert set(ids("--everybody")) == {running.id, coming.id, others.id}
    assert ids("--from 16:00") == [coming.id]
    assert running.id in ids("--to 14:00")
    assert coming.id not in ids("--to 14:00")
    assert ids("--node n1") == [running.id, coming.id]
    told = shell.ok("list")
    assert re.search(rf"^{coming.id} +scheduled +Mon 6 May 15:00 – 17:00 +Training", told, re.M)
    assert "n1: 2 gpu" in told
    assert "Eve Tester" in shell.ok("list --everybody")


def test_no_reservations(shell: Shell) -> None:
    result = shell("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No reservations." in result.stderr
    assert shell.ok("list --json") == "[]\n"


def test_one_owner_or_everybody(shell: Shell) -> None:
    assert "Either" in shell.refused("list --owner eve --everybody", 2)


def test_all_about_one(shell: Shell, make: Made, gpus: Node, ada: User) -> None:
    allocations = {gpus: {"gpu": 2, "memory": 2**34}}
    tag = make.tag(ada, "thesis")
    row = make.reservation(
        ada,
        NOON,
        hours=30,
        allocations=allocations,
        name="Run",
        description="One\nTwo",
        tags=[tag],
    )
    told = shell.ok(f"show {row.id}")
    for text in (
        f"Reservation  {row.id}, running",
        "Owner        Ada Byron (ada)",
        "When         Mon 6 May 13:00 – Tue 7 May 19:00 (Europe/Prague)",
        "On           n1: 2 gpu, 16 GiB memory",
        "Tags         thesis",
        "About        One\n             Two",
    ):
        assert text in told
    assert json.loads(shell.ok(f"show {row.id} --json"))["id"] == row.id
    assert "There is no reservation 9999." in shell.refused("show 9999", 1)
    shell.refused("show x", 2)


def test_what_others_do_not_share_is_not_told(shell: Shell, make: Made, gpus: Node) -> None:
    secretive = make.user("eve", group=make.group(users_share_statistics=False))
    row = make.reservation(secretive, NOON, hours=1, allocations={gpus: {"gpu": 1}}, name="Secret")
    told = shell.ok(f"show {row.id}") + shell.ok("list --everybody")
    assert "Secret" not in told
    assert "Name         –" in told


def test_names_do_nothing_to_the_terminal(shell: Shell, make: Made, gpus: Node, ada: User) -> None:
    row = make.reservation(
        ada, NOON, hours=1, allocations={gpus: {"gpu": 1}}, description="\x1b[2Jgone\u202e"
    )
    assert "?[2Jgone?" in shell.ok(f"show {row.id}")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--at", "16:00"], {"span": (3 * HOUR, 5 * HOUR)}),
        (["--for", "3h"], {"span": (2 * HOUR, 5 * HOUR)}),
        (["--until", "18:30"], {"span": (2 * HOUR, 5.5 * HOUR)}),
        (["--at", "14:00", "--until", "18:00"], {"span": (HOUR, 5 * HOUR)}),
        (["--at", "tomorrow 9:00", "--for", "1h"], {"span": (20 * HOUR, 21 * HOUR)}),
        (["--gpu", "4"], {"amounts": {("n1", "gpu"): 4}}),
        (
            ["--memory", "1GiB"],
            {"amounts": {("n1", "gpu"): 2, ("n1", "memory"): 2**30}},
        ),
        (
            ["--memory", "1GiB", "--gpu", "0"],
            {"amounts": {("n1", "memory"): 2**30}},
        ),
        (["--on", "n2"], {"amounts": {("n2", "gpu"): 2}}),
        (["--on", "n1,n2"], {"amounts": {("n1", "gpu"): 2, ("n2", "gpu"): 2}}),
        (["--on", "n2", "--gpu", "1"], {"amounts": {("n2", "gpu"): 1}}),
        (["--name", "Other"], {"name": "Other"}),
        (["--description", "More."], {"description": "More."}),
        (["--tag", "a", "--tag", "b"], {"tags": {"a", "b"}}),
    ],
)
def test_changes(
    shell: Shell,
    make: Made,
    coming: Reservation,
    stored: Stored,
    words: list[str],
    expected: dict[str, Any],
) -> None:
    make.node("n2", {"gpu": 4})
    before = stored(coming)
    told = shell.ok(["change", str(coming.id), *words])
    assert f"Reservation  {coming.id}, scheduled" in told
    assert stored(coming) == {**before, **expected}


def test_an_empty_description_takes_it_away(
    shell: Shell, coming: Reservation, stored: Stored
) -> None:
    shell.ok(["change", str(coming.id), "--description", "x"])
    shell.ok(["change", str(coming.id), "--description", ""])
    assert stored(coming)["description"] is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Say what is to be another."),
        (["--for", "2h"], "Say what is to be another."),  # it is so already
        (["--for", "1h", "--until", "18:00"], "Either --for or --until."),
        (["--gpu", "0"], "Nothing would be left of it."),
        (["--until", "14:00"], "end"),
    ],
)
def test_changes_that_mean_nothing(
    shell: Shell, coming: Reservation, words: list[str], text: str
) -> None:
    assert text in shell.refused(["change", str(coming.id), *words], 2)


def test_a_change_that_does_not_fit_says_why(
    shell: Shell, make: Made, gpus: Node, coming: Reservation, stored: Stored
) -> None:
    eve = make.user("eve")
    make.reservation(eve, NOON + 5 * HOUR, hours=2, allocations={gpus: {"gpu": 3}})
    before = stored(coming)
    told = shell.refused(["change", str(coming.id), "--at", "18:00"], 1)
    assert "n1: 1 gpu short" in told
    assert "Eve Tester" in told
    assert "It would fit:" in told
    assert stored(coming) == before


def test_nodes_that_give_different_amounts_cannot_be_replaced_blindly(
    shell: Shell, make: Made, gpus: Node, ada: User, stored: Stored
) -> None:
    other, third = make.node("n2", {"gpu": 4}), make.node("n3", {"gpu": 4})
    assert third
    row = make.reservation(
        ada, NOON + HOUR, hours=1, allocations={gpus: {"gpu": 1}, other: {"gpu": 2}}
    )
    told = shell.refused(["change", str(row.id), "--on", "n1,n3"], 2)
    assert "different amounts" in told
    shell.ok(["change", str(row.id), "--on", "n2"])
    assert stored(row)["amounts"] == {("n2", "gpu"): 2}


def test_somebody_elses_is_not_ours_to_change(shell: Shell, make: Made, gpus: Node) -> None:
    eve = make.user("eve")
    row = make.reservation(eve, NOON + HOUR, hours=1, allocations={gpus: {"gpu": 1}})
    for command in (f"change {row.id} --name Mine", f"cancel {row.id}", f"release {row.id}"):
        shell.refused(command, 1)


def test_giving_up(shell: Shell, make: Made, coming: Reservation, stored: Stored) -> None:
    assert "is cancelled" in shell.ok(f"cancel {coming.id}")
    assert stored(coming)["cancelled"]
    assert "is cancelled" in shell.ok(f"cancel {coming.id}")  # repeating changes nothing


def test_releasing(
    shell: Shell, make: Made, gpus: Node, ada: User, coming: Reservation, stored: Stored
) -> None:
    row = make.reservation(ada, NOON - HOUR, hours=3, allocations={gpus: {"gpu": 1}})
    assert "is released; it ends Mon 6 May 13:00" in shell.ok(f"release {row.id}")
    assert stored(row)["released"]
    shell.refused(f"release {coming.id}", 1)  # has not begun
    shell.refused(f"cancel {row.id}", 1)  # is over


def test_several_at_once(shell: Shell, make: Made, ada: User, coming: Reservation) -> None:
    other = make.reservation(ada, NOON + HOUR, hours=1)
    result = shell(f"cancel {coming.id} 9999 {other.id} {other.id}")
    assert result.exit_code == 1
    assert result.stdout.count("is cancelled") == 2
    assert "9999: There is no reservation 9999." in result.stderr
    done = json.loads(shell.ok(f"cancel {coming.id} {other.id} --json"))
    assert [row["status"] for row in done] == ["cancelled", "cancelled"]
