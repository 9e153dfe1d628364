"""Starting and ending the servers that tests need."""

import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

# Below those that the system gives away by itself, to connections and to whoever asks for any:
# until its server listens, a port found free is not lost to another process.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago, hardly ever the same twice."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port of 127.0.0.1 is free")


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[Any], log: Path) -> None:
    """Wait up to a minute for `ready`; RuntimeError with the log if the process ends first."""
    deadline = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} is not ready:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; it belongs to `ordinary_user()`."""
    folder = Path(tempfile.mkdtemp(prefix="remas-test-"))
    try:
        if user := ordinary_user():
            os.chown(folder, *user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ordinary_user() -> tuple[int, int] | None:
    """The uid and gid for programs that refuse to run as root; None where we are not root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def user_arguments() -> dict[str, Any]:
    """Arguments of subprocess.run and Popen for running as `ordinary_user()`."""
    user = ordinary_user()
    return {"user": user[0], "group": user[1], "extra_groups": []} if user else {}


@contextmanager
def running(
    command: list[str], log: Path, *, stop: int = signal.SIGTERM, **arguments: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` for as long as the block lasts, its output in `log`.

    It ends with this process, too, should that be killed.
    """

    def end_with_parent() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop)

    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
            **arguments,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
