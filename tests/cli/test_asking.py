"""`remas suggest` and `remas book`, against a real server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine
from flask import Flask

from remas import clock
from remas.cli.use import pause
from remas.extensions import db
from remas.models import Node, Reservation, Unit, User
from remas.services import resources
from remas.services.actor import SYSTEM
from remas.services.resources import ResourceChange
from tests.api.conftest import Made
from tests.cli.conftest import Shell

# A Monday; in Prague it is 13:00.
NOON = datetime(2030, 5, 6, 11, 0, tzinfo=UTC)


@pytest.fixture
def gpus(make: Made) -> Node:
    """n1 with 4 GPUs, 16 cores and 64 GiB."""
    memory = make.resource("memory", Unit.BYTES_IEC)
    assert memory
    node: Node = make.node("n1", {"gpu": 4, "cpu": 16, "memory": 64 * 2**30})
    return node


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def stored(app: Flask) -> Callable[[], list[Reservation]]:
    def read() -> list[Reservation]:
        with app.app_context():
            rows = db.session.query(Reservation).order_by(Reservation.id).all()
            for row in rows:
                _ = [(part.node.name, part.resource.name) for part in row.allocations]
                _ = [tag.name for tag in row.tags]
            return rows

    return read


Stored = Callable[[], list[Reservation]]


def test_the_earliest_slot(
    noon: object, gpus: Node, ada: User, shell: Shell, make: Made, stored: Stored
) -> None:
    make.reservation(ada, NOON, hours=3, allocations={gpus: {"gpu": 4}})
    told = shell.ok("suggest --gpu 2 --memory 16GiB --for 1h30m")
    # Ends at 14:00 UTC, which is 16:00 in Prague.
    assert "1  Mon 6 May 16:00 – 17:30" in told
    assert "n1: 2 gpu, 16 GiB memory" in told
    assert "proven earliest" in told
    assert len(stored()) == 1


def test_json_is_the_servers_answer(noon: object, gpus: Node, shell: Shell) -> None:
    found = json.loads(shell.ok("suggest --gpu=2 --for 1h --json"))
    assert found["status"] == "optimal"
    assert found["offers"][0]["starts_at"] == "2030-05-06T11:00:00Z"


def test_times_are_the_persons(noon: object, gpus: Node, shell: Shell) -> None:
    words = ["suggest", "--gpu", "1", "--for", "1h", "--json"]
    for text, utc in {
        "tomorrow 9:00": "2030-05-07T07:00:00Z",
        "+2h": "2030-05-06T13:00:00Z",
        "fri 14:00": "2030-05-10T12:00:00Z",
        "2030-12-01 08:00": "2030-12-01T07:00:00Z",  # winter
        "2030-12-01T08:00Z": "2030-12-01T08:00:00Z",
    }.items():
        found = json.loads(shell.ok([*words, "--from", text]))
        assert found["offers"][0]["starts_at"] == utc, text


def test_no_room_says_why_whom_to_ask_and_what_would_fit(
    noon: object, gpus: Node, ada: User, shell: Shell, make: Made
) -> None:
    eve = make.user("eve")
    held = make.reservation(eve, NOON, hours=3, allocations={gpus: {"gpu": 3}})
    result = shell("suggest --gpu 2 --for 1h --before +2h")
    assert result.exit_code == 1
    told = result.stderr
    assert "There is no room for this for 1 h." in told
    assert "n1: 1 gpu short" in told
    assert f"Eve Tester <eve@example.org> (reservation {held.id})" in told
    assert "It would fit:" in result.stdout
    assert "Mon 6 May 16:00 – 17:00" in result.stdout


def test_no_room_as_json(noon: object, gpus: Node, ada: User, shell: Shell, make: Made) -> None:
    make.reservation(ada, NOON, hours=3, allocations={gpus: {"gpu": 3}})
    result = shell("suggest --gpu 2 --for 1h --before +2h --json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["shortages"][0]["short_by"] == 1
    assert told["offers"][0]["starts_at"] == "2030-05-06T14:00:00Z"


def test_what_never_fits(gpus: Node, shell: Shell) -> None:
    assert "only up to 4" in shell.refused("suggest --gpu 5 --for 1h", 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--for 1h", "Say what each node is to give"),
        ("--gpu 1", "Missing option '--for'"),
        ("--gpu", "Option --gpu needs an amount"),
        ("--gpu --for 1h", "Option --gpu needs an amount"),
        ("--gpu 1 --for soon", "Write a duration"),
        ("--gpu 1 --for 1h --from soon", "Invalid value for --from: Write a time"),
        ("--gpu 1 --for 1h --nodes 0", "--nodes"),
        ("--gpu many --for 1h", 'gpu: Write an amount such as "8".'),
        ("--gpu -1 --for 1h", "gpu: Write an amount"),
        ("--memory 5 --for 1h", "memory: Say of what"),
        ("--gpu 1 --gpu 2 --for 1h", "gpu is asked for twice"),
        ("--floppy 1 --for 1h", "There is no option --floppy, and no resource of this name."),
        ("--floppy 1 --for 1h", "Resources: cpu, gpu, memory."),
        ("--gpu 1 --for 1h -d cpu", 'Write it such as "gpu=2".'),
        ("--gpu 1 --for 1h --on nope", "There is no node nope."),
        ("--gpu 0 --for 1h", "greater than or equal to 1"),
        ("--gpu 1 --for 1h extra", "Got unexpected extra argument (extra)"),
        ("--gpu 1 --for 1h -x", "No such option"),
    ],
)
@pytest.mark.parametrize("command", ["suggest", "book"])
def test_wrong_usage(gpus: Node, shell: Shell, command: str, words: str, text: str) -> None:
    assert text in shell.refused(f"{command} {words}", 2)


def test_resources_by_whatever_they_are_called(gpus: Node, shell: Shell, app: Flask) -> None:
    with app.app_context():
        resources.change(SYSTEM, "gpu", ResourceChange(aliases=("cuda", "card")))
        resources.change(SYSTEM, "cpu", ResourceChange(aliases=("core", "card")))
    for words in ("--cuda 1", "--CUDA 1", "--GPU 1", "-d gpu=1", "--demand=gpu=1"):
        assert "n1: 1 gpu" in shell.ok(f"suggest {words} --for 1h"), words
    assert "card may mean cpu or gpu" in shell.refused("suggest --card 1 --for 1h", 2)
    assert "gpu (card, cuda)" in shell.refused("suggest --floppy 1 --for 1h", 2)


def test_nodes_to_choose_from(noon: object, gpus: Node, shell: Shell, make: Made) -> None:
    make.node("n2", {"gpu": 4})
    make.node("n3", {"gpu": 4})
    assert "n3: 3 gpu" in shell.ok("suggest --gpu 3 --for 1h --on n3")
    found = json.loads(shell.ok("suggest --gpu 3 --for 1h --nodes 2 --on n2,n3 --json"))
    assert {part["node"] for part in found["offers"][0]["allocations"]} == {"n2", "n3"}


def test_booking_the_earliest(noon: object, gpus: Node, shell: Shell, stored: Stored) -> None:
    command = "book --gpu 2 --memory 16GiB --for 90min --from +1h --tag thesis --tag run"
    told = shell.ok([*command.split(), "--name", "Run 7", "--description", "The long one."])
    (row,) = stored()
    assert f"Reservation {row.id}: Mon 6 May 14:00 – 15:30" in told
    assert "n1: 2 gpu, 16 GiB memory" in told
    assert (row.name, row.description) == ("Run 7", "The long one.")
    assert row.starts_at == NOON + timedelta(hours=1)
    assert {tag.name for tag in row.tags} == {"thesis", "run"}


def test_a_reservation_without_a_name_says_what_it_is(
    gpus: Node, shell: Shell, stored: Stored
) -> None:
    row = json.loads(shell.ok("book --gpu 2 --cpu 4 --for 1h --json"))
    assert row["name"] == "2 gpu, 4 cpu"
    assert [row.id for row in stored()] == [row["id"]]


def test_another_offer(noon: object, gpus: Node, shell: Shell, make: Made) -> None:
    make.node("n2", {"gpu": 4})
    offers = json.loads(shell.ok("suggest --gpu 1 --for 1h --offers 2 --json"))["offers"]
    row = json.loads(shell.ok("book --gpu 1 --for 1h --offer 2 --json"))
    assert row["allocations"] == offers[1]["allocations"]


def test_exactly_then(
    noon: object, gpus: Node, ada: User, shell: Shell, make: Made, stored: Stored
) -> None:
    shell.ok(["book", "--gpu", "3", "--for", "1h", "--at", "tomorrow 9:00"])
    (row,) = stored()
    assert row.starts_at == datetime(2030, 5, 7, 7, 0, tzinfo=UTC)
    result = shell(["book", "--gpu", "3", "--for", "1h", "--at", "tomorrow 9:30"])
    assert result.exit_code == 1
    assert "n1: 2 gpu short" in result.stderr
    assert "Tue 7 May 10:00 – 11:00" in result.stdout
    assert len(stored()) == 1


def test_exactly_then_needs_no_window(shell: Shell) -> None:
    words = ["book", "--gpu", "1", "--for", "1h", "--at", "+1h", "--from", "+1h"]
    assert "leave out --from" in shell.refused(words, 2)


def test_somebody_was_faster(
    noon: object,
    gpus: Node,
    shell: Shell,
    make: Made,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was offered is taken meanwhile: the next search finds the next slot."""
    eve = make.user("eve")
    really, taken = requests.Session.request, []

    def request(self: requests.Session, method: str, url: str, **kwargs: Any) -> Any:
        if method == "POST" and url.endswith("/reservations") and not taken:
            taken.append(make.reservation(eve, NOON, hours=1, allocations={gpus: {"gpu": 4}}))
        return really(self, method, url, **kwargs)

    monkeypatch.setattr(requests.Session, "request", request)
    assert "Mon 6 May 14:00 – 15:00" in shell.ok("book --gpu 1 --for 1h")
    assert [row.starts_at - NOON for row in stored()] == [timedelta(0), timedelta(hours=1)]


def test_a_limit_is_named(noon: object, gpus: Node, ada: User, shell: Shell, make: Made) -> None:
    make.limit(1, "gpu", user=ada, name="One GPU each")
    told = shell.refused("book --gpu 2 --for 1h", 1)
    assert "One GPU each" in told


# Waiting


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pausing moves the clock."""
    with time_machine.travel(NOON, tick=False) as traveller:
        monkeypatch.setattr(pause, "seconds", lambda length: traveller.shift(length))
        yield traveller


def test_waiting_ends_when_it_starts(
    passing: Any, gpus: Node, ada: User, shell: Shell, make: Made
) -> None:
    make.reservation(ada, NOON, hours=2, allocations={gpus: {"gpu": 4}})
    result = shell("book --gpu 1 --for 1h --wait --json")
    assert result.exit_code == 0, result.output
    assert "Waiting until Mon 6 May 15:00, in 2 h." in result.stderr
    assert json.loads(result.stdout)["status"] == "running"
    assert clock.now() == NOON + timedelta(hours=2)


def test_who_waits_gets_this_very_minute(passing: Any, gpus: Node, shell: Shell) -> None:
    passing.move_to(NOON + timedelta(seconds=30))
    row = json.loads(shell("book --gpu 1 --for 1h --wait --json").stdout)
    # From this minute to where the offer ends: an hour after the next whole minute.
    assert (row["starts_at"], row["ends_at"]) == ("2030-05-06T11:00:00Z", "2030-05-06T12:01:00Z")
    assert clock.now() == NOON + timedelta(seconds=30)


def test_this_minute_is_not_free(
    passing: Any, gpus: Node, ada: User, shell: Shell, make: Made
) -> None:
    passing.move_to(NOON + timedelta(seconds=30))
    start, end = NOON - timedelta(hours=1), NOON + timedelta(minutes=1)
    make.reservation(ada, start, ends=end, allocations={gpus: {"gpu": 4}})
    row = json.loads(shell("book --gpu 1 --for 1h --wait --json").stdout)
    assert row["starts_at"] == "2030-05-06T11:01:00Z"


def test_it_is_cancelled_while_one_waits(
    passing: Any,
    gpus: Node,
    ada: User,
    shell: Shell,
    make: Made,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.reservation(ada, NOON, hours=2, allocations={gpus: {"gpu": 4}})

    def cancelled(_length: float) -> None:
        with app.app_context():
            row = db.session.query(Reservation).order_by(Reservation.id.desc()).first()
            assert row
            row.cancelled_at = clock.now()
            db.session.commit()

    monkeypatch.setattr(pause, "seconds", cancelled)
    assert "is cancelled: it will not start" in shell.refused("book --gpu 1 --for 1h --wait", 1)


def test_ctrl_c_keeps_it_where_nobody_can_be_asked(
    passing: Any,
    gpus: Node,
    ada: User,
    shell: Shell,
    make: Made,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.reservation(ada, NOON, hours=2, allocations={gpus: {"gpu": 4}})

    def interrupted(_length: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pause, "seconds", interrupted)
    assert "It stays booked" in shell.refused("book --gpu 1 --for 1h --wait", 130)
    assert stored()[-1].cancelled_at is None
