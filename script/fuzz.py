"""Property tests over /api/v1 in a long form: a demo of its own on loopback, and schemathesis.

Every operation is called with the examples of its description, with the edges of what it allows,
with random input that it allows and that it does not, and in chains in which answers feed the next
call. Each answer is held against the description. Left out is one check: that whatever fits the
schema is accepted; a name that nothing has fits it, and is refused with 422.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from remas.api.blueprint import PREFIX
from tests.support.fuzzing import about_ending, command
from tests.support.processes import free_port, private_folder, running, wait_until

PROGRAMS = Path(sys.executable).parent
ROLES = {"admin": "root", "user": "alice"}
PASSWORD = "only for these tests"  # noqa: S105 of a demo that is gone afterwards
CALLS, CHAINS = "examples,coverage,fuzzing", "stateful"  # phases of schemathesis
CHAINS_EACH = 10  # chains for each call that an operation gets by itself
EXAMPLES = 20


def main() -> int:
    """Run it as the arguments say; 1 where something was not as described."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="calls of each operation")
    parser.add_argument("--as", dest="role", choices=[*ROLES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started, ends with it
    roles = list(ROLES) if asked.role == "both" else [asked.role]
    return max(run(role, asked.examples, asked.seed) for role in roles)


def run(role: str, examples: int, seed: int) -> int:
    """The tests as somebody in this role; 1 where something was not as described."""
    codes = []
    # schemathesis leaves files where it is started
    with demo() as (url, passwords), TemporaryDirectory() as folder:
        token = sign_in(url, ROLES[role], passwords[role])

        def part(what: str, phases: str, number: int, ending: str) -> None:
            print(f"\nAs {role}: {what}", flush=True)
            more = "--seed", str(seed), *about_ending(ending)
            asked = command(url, token, phases, number, *more)
            codes.append(subprocess.run(asked, cwd=folder, check=False).returncode)

        part("each call by itself", CALLS, examples, "exclude")
        part("chains of calls", CHAINS, CHAINS_EACH * examples, "exclude")
        if who_am_i(url, token) != ROLES[role]:
            print("In the end the token was no longer good: the last calls were all refused.")
            return 1
        part("what may end the session", f"{CALLS},{CHAINS}", examples, "include")
    return int(any(codes))


@contextmanager
def demo() -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a fresh demo, and a password for each role."""
    with private_folder() as folder:
        port, log = free_port(), folder / "log"
        environ = {
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "REMAS_INSTANCE": str(folder / "instance"),
            "REMAS_ADMIN_USERNAME": ROLES["admin"],
            "REMAS_ADMIN_PASSWORD": PASSWORD,
            "TOKEN_ACCESS_EXPIRE_MINUTES": "600",
            "TOKEN_REFRESH_EXPIRE_MINUTES": "600",
        }
        with running([str(PROGRAMS / "remas"), "demo"], log, env=environ) as server:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(url), server, log)
            told = re.search(r"They all sign in with (\S+)", log.read_text())
            if told is None:
                raise RuntimeError("the demo told no password")
            yield url, {"admin": PASSWORD, "user": told[1]}


def answers(url: str) -> bool:
    """Whether the server is there."""
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def sign_in(url: str, username: str, password: str) -> str:
    """An access token."""
    body = {"username": username, "password": password}
    answer = requests.post(f"{url}{PREFIX}/auth/token", json=body, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def who_am_i(url: str, token: str) -> str | None:
    """Whose token it is, as long as it is good."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{url}{PREFIX}/me", headers=headers, timeout=30)
    return answer.json().get("username")


if __name__ == "__main__":
    sys.exit(main())
