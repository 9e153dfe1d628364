"""`remas run`, as a process of its own: it books, runs, passes signals on, and gives back."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from remas import clock
from remas.cli.use.run import attended
from remas.extensions import db
from remas.models import Node, Reservation, Status, User
from tests.api.conftest import Made
from tests.cli.conftest import REMAS, SECONDS, Shell
from tests.support.live import serving
from tests.support.processes import free_port

RUN = ["run", "--for", "1h", "--gpu", "1", "--"]
# Says that it runs, and which signals come.
TRAPPING = """
for name in HUP INT TERM USR1; do trap "echo got $name; got=$name" $name; done
trap 'echo got QUIT; exit 9' QUIT
echo running
while [ -z "$got" ]; do sleep 0.05; done
exit 5
"""


@pytest.fixture
def gpus(make: Made) -> Node:
    node: Node = make.node("n1", {"gpu": 4})
    return node


@pytest.fixture
def booked(app: Flask) -> Callable[[], Reservation | None]:
    """The reservation that was made last."""

    def read() -> Reservation | None:
        with app.app_context():
            return db.session.query(Reservation).order_by(Reservation.id.desc()).first()

    return read


Booked = Callable[[], Reservation | None]


def of(booked: Booked) -> Reservation:
    row = booked()
    assert row is not None
    return row


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def started(shell: Shell, words: list[str], **kwargs: Any) -> Iterator[subprocess.Popen[str]]:
    process = shell.start(words, **kwargs)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_command_runs_within_its_reservation(
    gpus: Node, shell: Shell, booked: Booked, ada: User
) -> None:
    script = "echo $REMAS_RESERVATION $REMAS_NODES $REMAS_ENDS_AT; echo oh >&2; exit 7"
    result = shell.process([*RUN, "sh", "-c", script])
    row = of(booked)
    assert result.returncode == 7
    assert re.fullmatch(rf"{row.id} n1 20\d\d-\d\d-\d\dT\d\d:\d\d:00Z\n", result.stdout)
    assert "oh\n" in result.stderr


def test_what_is_left_is_given_back(gpus: Node, shell: Shell, booked: Booked) -> None:
    result = shell.process([*RUN, "true"])
    assert result.returncode == 0, result.stderr
    row = of(booked)
    assert row.released_at is not None
    assert row.ends_at <= clock.now() + timedelta(minutes=2)
    assert f"Reservation {row.id}: " in result.stderr
    assert result.stdout == ""
    assert row.name == "true"


def test_options_of_the_command_are_its_own(gpus: Node, shell: Shell, booked: Booked) -> None:
    result = shell.process(["run", "--for", "1h", "--gpu", "1", "--", "echo", "--gpu", "9", "--"])
    assert result.stdout == "--gpu 9 --\n"


def test_a_command_that_is_not_there_books_nothing(
    gpus: Node, shell: Shell, booked: Booked
) -> None:
    result = shell.process([*RUN, "no-such-command"])
    assert result.returncode == 127
    assert "Nothing was booked" in result.stderr
    assert booked() is None


def test_a_command_that_cannot_start_gives_back(
    gpus: Node, shell: Shell, booked: Booked, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    result = shell.process([*RUN, str(program)])
    assert result.returncode == 126
    assert str(program) in result.stderr
    assert of(booked).released_at is not None


def test_no_room_runs_nothing(gpus: Node, shell: Shell, booked: Booked) -> None:
    result = shell.process(["run", "--for", "1h", "--gpu", "9", "--", "echo", "ran"])
    assert (result.returncode, result.stdout) == (1, "")
    assert booked() is None


def test_a_server_that_is_away_runs_nothing(shell: Shell) -> None:
    shell.environ["REMAS_URL"] = f"http://127.0.0.1:{free_port()}"
    result = shell.process([*RUN, "echo", "ran"])
    assert (result.returncode, result.stdout) == (4, "")


@pytest.mark.parametrize("name", ["HUP", "INT", "TERM", "USR1"])
def test_signals_are_passed_on(gpus: Node, shell: Shell, booked: Booked, name: str) -> None:
    with started(shell, [*RUN, "sh", "-c", TRAPPING]) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.Signals[f"SIG{name}"])
        output, errors = process.communicate(timeout=SECONDS)
    assert (output, process.returncode) == (f"got {name}\n", 5), errors
    assert of(booked).released_at is not None


@pytest.mark.parametrize("name", ["INT", "TERM", "KILL"])
def test_a_command_that_a_signal_ends(gpus: Node, shell: Shell, booked: Booked, name: str) -> None:
    result = shell.process([*RUN, "sh", "-c", f"kill -{name} $$"])
    assert result.returncode == 128 + signal.Signals[f"SIG{name}"]
    assert of(booked).released_at is not None


def test_ctrl_c_reaches_the_command(gpus: Node, shell: Shell, booked: Booked) -> None:
    words = [REMAS, *RUN, "sh", "-c", TRAPPING]
    seen, code = in_a_terminal(shell, words, {"running": b"\x03"})
    assert code == 5, seen
    assert "got INT" in seen
    assert of(booked).released_at is not None


def test_what_a_terminal_sends_to_all_is_not_sent_twice() -> None:
    """Ctrl-C has no sender and goes to the whole foreground; what kill sends, to us alone."""
    came = [(signal.SIGINT, 128), (signal.SIGCHLD, 1), (signal.SIGINT, 0), (signal.SIGTERM, -6)]
    infos = [SimpleNamespace(si_signo=number, si_code=code) for number, code in came]
    sent: list[int] = []
    process: Any = SimpleNamespace(
        poll=lambda: None if infos else 3, send_signal=lambda number: sent.append(number)
    )
    mailbox: Any = SimpleNamespace(next=lambda _seconds: infos.pop(0))
    assert attended(process, mailbox, lambda: None) == 3
    assert sent == [signal.SIGINT, signal.SIGTERM]


def in_a_terminal(shell: Shell, words: list[str], typed: dict[str, bytes]) -> tuple[str, int]:
    """What a program shows, and its exit code; each text is answered with keys, once."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        words,
        env=shell.process_environ,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=_take_the_terminal,
    )
    os.close(follower)
    seen, left = "", dict(typed)
    while True:
        try:
            seen += os.read(leader, 1000).decode()
        except OSError:  # the program is gone, and the terminal with it
            os.close(leader)
            return seen, process.wait(SECONDS)
        for text in [text for text in left if text in seen]:
            os.write(leader, left.pop(text))


def _take_the_terminal() -> None:
    """The new session's own terminal is the one on standard input."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("name", ["HUP", "INT", "TERM"])
def test_stopped_before_it_starts_gives_up_the_reservation(
    gpus: Node, ada: User, shell: Shell, make: Made, booked: Booked, name: str
) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    held = make.reservation(ada, now - timedelta(hours=1), hours=5, allocations={gpus: {"gpu": 4}})
    with started(shell, [*RUN, "echo", "ran"]) as process:
        assert process.stderr
        while not process.stderr.readline().startswith("Waiting until"):
            assert process.poll() is None
        row = of(booked)
        assert row.id != held.id
        assert row.status(clock.now()) is Status.SCHEDULED
        process.send_signal(signal.Signals[f"SIG{name}"])
        output, _ = process.communicate(timeout=SECONDS)
    assert (output, process.returncode) == ("", 128 + signal.Signals[f"SIG{name}"])
    assert of(booked).cancelled_at is not None


def test_one_that_is_cancelled_meanwhile_runs_nothing(
    gpus: Node, ada: User, shell: Shell, make: Made, booked: Booked, app: Flask
) -> None:
    """What waits looks again from time to time, and when it is told to go on."""
    now = clock.now().replace(second=0, microsecond=0)
    make.reservation(ada, now - timedelta(hours=1), hours=5, allocations={gpus: {"gpu": 4}})
    with started(shell, [*RUN, "echo", "ran"]) as process:
        assert process.stderr
        while not process.stderr.readline().startswith("Waiting until"):
            assert process.poll() is None
        with app.app_context():
            db.session.get_one(Reservation, of(booked).id).cancelled_at = clock.now()
            db.session.commit()
        process.send_signal(signal.SIGUSR1)  # looks at once instead of in a minute
        output, errors = process.communicate(timeout=SECONDS)
    assert (output, process.returncode) == ("", 1), errors
    assert "is cancelled" in errors


def test_nohup_is_kept(gpus: Node, ada: User, shell: Shell, make: Made, booked: Booked) -> None:
    """Of two signals that wait the hangup would come first; it was to be ignored."""
    now = clock.now().replace(second=0, microsecond=0)
    make.reservation(ada, now - timedelta(hours=1), hours=5, allocations={gpus: {"gpu": 4}})
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with started(shell, [*RUN, "echo", "ran"], **ignoring) as process:
        assert process.stderr
        while not process.stderr.readline().startswith("Waiting until"):
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_server_that_goes_away_meanwhile_keeps_the_exit_code(
    gpus: Node, shell: Shell, app: Flask
) -> None:
    """The reservation cannot be given back: that is said, and changes nothing else."""
    script = "trap '' TERM; echo running; read line; echo bye; exit 6"
    with serving(app) as url:
        shell.environ["REMAS_URL"] = url
        process = shell.start([*RUN, "sh", "-c", script], stdin=subprocess.PIPE)
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "running\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "bye\n"
    while process.poll() is None:  # it tries again for a while, but not against our will
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 6
    assert re.search(r"could not be given back: .*Try `remas release \d+`", errors)


@pytest.mark.parametrize(("answer", "kept"), [("y", True), ("n", False)])
def test_ctrl_c_while_one_waits_asks_whether_to_keep_it(
    gpus: Node, ada: User, shell: Shell, make: Made, booked: Booked, answer: str, kept: bool
) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    make.reservation(ada, now - timedelta(hours=1), hours=5, allocations={gpus: {"gpu": 4}})
    words = [REMAS, "book", "--gpu", "1", "--for", "1h", "--wait"]
    typed = {"Waiting until": b"\x03", "Keep the reservation?": f"{answer}\n".encode()}
    seen, code = in_a_terminal(shell, words, typed)
    assert code == 130, seen
    assert (of(booked).cancelled_at is None) == kept
    assert ("It stays booked" in seen) == kept
