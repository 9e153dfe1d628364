"""What a shell offers after TAB."""

from datetime import timedelta

import pytest

from remas import clock
from remas.models import NodeState, User
from tests.api.conftest import Made
from tests.cli.conftest import Shell
from tests.support.processes import free_port


def offered(shell: Shell, line: str) -> list[str]:
    """The words for the last one of the line; with a space at its end for the next one."""
    words = line.split()
    number = len(words) if line.endswith(" ") else len(words) - 1
    request = {"_REMAS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(number)}
    process = Shell({**shell.environ, **request}, shell.cwd).process([])
    assert process.stderr == ""
    return [found.partition(",")[2] for found in process.stdout.split()]


@pytest.fixture
def cluster(make: Made, ada: User) -> dict[str, int]:
    """Three nodes; Ada's reservation that runs, and the one to come."""
    make.node("gpu1", {"gpu": 4})
    node = make.node("gpu2", {"gpu": 4, "cpu": 8})
    make.node("gpu3", {"gpu": 4}, state=NodeState.DRAINED)
    now = clock.now().replace(second=0, microsecond=0)
    held, hour = {node: {"cpu": 1}}, timedelta(hours=1)
    running = make.reservation(ada, now - hour, hours=9, allocations=held)
    coming = make.reservation(ada, now + hour, hours=1, allocations=held)
    make.reservation(make.user("eve"), now, hours=9, allocations=held)
    return {"running": running.id, "coming": coming.id}


def test_commands(shell: Shell) -> None:
    assert offered(shell, "remas wh") == ["whoami"]
    assert {"book", "list", "free", "serve"} <= set(offered(shell, "remas "))


def test_nodes_and_resources(shell: Shell, cluster: dict[str, int]) -> None:
    assert offered(shell, "remas book --on g") == ["gpu1", "gpu2"]
    assert offered(shell, "remas book --on gpu1,") == ["gpu1,gpu2"]
    found = offered(shell, "remas book --gpu 2 --")
    assert {"--for", "--gpu", "--cpu"} <= set(found)
    assert offered(shell, "remas suggest --cp") == ["--cpu"]


def test_own_reservations(shell: Shell, cluster: dict[str, int]) -> None:
    running, coming = str(cluster["running"]), str(cluster["coming"])
    assert offered(shell, "remas cancel ") == [coming]
    assert offered(shell, "remas release ") == [running]
    assert set(offered(shell, "remas show ")) == {running, coming}
    assert set(offered(shell, "remas change ")) == {running, coming}


@pytest.mark.parametrize("line", ["remas book --on g", "remas show ", "remas book --gp"])
def test_silence_where_nobody_is_signed_in_or_the_server_is_away(nobody: Shell, line: str) -> None:
    assert offered(nobody, line) == []
    nobody.environ["REMAS_URL"] = f"http://127.0.0.1:{free_port()}"
    nobody.environ["REMAS_TOKEN"] = "remas_x"
    assert offered(nobody, line) == []
