"""The commands of docs/command-line.md, run: what they say becomes the page.

In its blocks of `console` every line that begins with `$ ` is a command, the rest is what it said.
A command has to end with 0, or with what the `$ echo $?` after it says on the page. Commands run
one after the other against a fresh demo in a terminal of their own; numbers of reservations follow
those that are made.
"""

import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/command-line.md"
REMAS = Path(sys.executable).with_name("remas")
SHOWN_URL = "http://127.0.0.1:8000"
COLUMNS = 96
BLOCK = re.compile(r"(?<=```console\n).*?(?=^```)", re.DOTALL | re.MULTILINE)
MADE = re.compile(r"^Reservation (\d+): ", re.MULTILINE)
PATIENCE = 60  # seconds for the demo to start


@dataclass
class Demo:
    """A server with the demo cluster, the home of somebody who uses it, and what came of it."""

    url: str
    password: str
    home: Path
    numbers: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def say(self, command: str) -> tuple[str, int]:
        """What a command says in a terminal, without colours, and its exit code."""
        words = {"HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "dumb"}
        path = f"{REMAS.parent}:{os.environ['PATH']}"
        environ = {**words, "PATH": path, "LANG": "C.UTF-8", "LINES": "40"}
        pid, terminal = pty.fork()
        if pid == 0:
            text = command.replace(SHOWN_URL, self.url)
            os.execvpe("bash", ["bash", "-c", text], environ)  # noqa: S606 with a shell
        said = self._heard(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = re.sub(r"[ \t]*\r?\n", "\n", said).replace(self.url, SHOWN_URL)
        return said.replace(str(self.home), "~").replace(socket.gethostname(), "login1"), code

    def _heard(self, terminal: int) -> str:
        said, asked = b"", False
        while True:
            try:
                said += os.read(terminal, 4096)
            except OSError:  # the command has ended
                os.close(terminal)
                return said.decode()
            if said.rstrip().endswith(b"Password:") and not asked:
                asked = True
                os.write(terminal, f"{self.password}\n".encode())


def run_block(demo: Demo, block: str) -> str:
    """The block with what its commands say now."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    pairs = list(zip(parts[1::2], parts[2::2], strict=True))
    lines: list[str] = []
    code = 0
    for number, (command, before) in enumerate(pairs):
        if command == "echo $?":
            said = f"{code}\n"
            if said != before:
                demo.wrong.append(f"{pairs[number - 1][0]}: ends with {code}, not {before.strip()}")
        else:
            for old, new in demo.numbers.items():
                command = re.sub(rf"\b{old}\b", new, command)
            said, code = demo.say(command)
            follows = pairs[number + 1][0] if number + 1 < len(pairs) else ""
            if code and follows != "echo $?":
                demo.wrong.append(f"{command}: ends with {code}: {said}")
            if (made := MADE.search(said)) and (known := MADE.search(before)):
                demo.numbers[known[1]] = made[1]
        ended = said if said.endswith("\n") or not said else f"{said}\n"
        lines.append(f"$ {command}\n{ended}")
    return "".join(lines)


@contextmanager
def running_demo() -> Iterator[Demo]:
    """A fresh demo on a free port."""
    folder = Path(tempfile.mkdtemp(prefix="remas-transcript-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "REMAS_INSTANCE": str(folder / "instance"),
        "REMAS_TIMEZONE": "Europe/Prague",
    }
    log = folder / "log"
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        server = subprocess.Popen([REMAS, "demo"], env=environ, stdout=output, stderr=output)
    try:
        _wait_for(f"{url}/healthz", server, log)
        password = re.search(r"They all sign in with (\S+)", log.read_text())
        if password is None:
            raise RuntimeError("the demo told no password")
        (folder / "home").mkdir()
        yield Demo(url, password[1], folder / "home")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 our own, on loopback
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
        time.sleep(0.1)


def main() -> int:
    page = PAGE.read_text()
    with running_demo() as demo:
        new = BLOCK.sub(lambda block: run_block(demo, block[0]), page)
    print(*demo.wrong, sep="\n", end="\n" if demo.wrong else "", file=sys.stderr)
    if "--check" not in sys.argv and not demo.wrong:
        PAGE.write_text(new)
    return 1 if demo.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
