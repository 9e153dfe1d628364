"""The script that tells who uses which GPU, on what nvidia-smi is documented to answer.

The answers in nvidia-smi/ were written by hand after NVIDIA's description of
`--query-compute-apps` and its messages; none was recorded on a machine with a GPU.
"""

import os
import pwd
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from remas import paths
from tests.support.processes import ordinary_user

SCRIPT = paths.PROMETHEUS / "remas-gpu-textfile"
ANSWERS = Path(__file__).parent / "nvidia-smi"
MEBIBYTE = 2**20
A, B, C = (
    "GPU-5f2b1c7e-83a4-9d10-6e6f-0c1d4a1b7a01",
    "GPU-b91a40d3-1f7c-2e55-a0c4-77e1f1c92b02",
    "GPU-0d6e9a52-64be-b7f8-11d3-5a9e20c47c03",
)
ROOT = pwd.getpwuid(0).pw_name
NAMELESS = 1_543_210  # no account here has this uid
Series = dict[str, dict[tuple[str, ...], float]]


class Node:
    """A node with a given answer of nvidia-smi and given processes."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.proc = folder / "bin", folder / "proc"
        self.file = folder / "exported" / "gpu.prom"
        for made in (self.programs, self.proc, self.file.parent):
            made.mkdir()

    def answers(self, written: str, status: int = 0) -> None:
        """nvidia-smi says this, if it is asked as it is meant to be."""
        program = self.programs / "nvidia-smi"
        query = "--query-compute-apps=pid,gpu_uuid,used_gpu_memory --format=csv,noheader,nounits"
        asked = f'[ "$*" = "{query}" ] || exit 2'
        program.write_text(f'#!/bin/sh\n{asked}\n/bin/cat "{ANSWERS / written}"\nexit {status}\n')
        program.chmod(0o755)

    def runs(self, pid: int, effective: int, real: int | None = None) -> None:
        """A process as Linux shows it."""
        folder = self.proc / str(pid)
        folder.mkdir()
        uids = (effective if real is None else real, effective, effective, effective)
        lines = ["Name:\tpython3 \udcff", "State:\tS (sleeping)", f"Pid:\t{pid}"]
        lines += ["Uid:\t" + "\t".join(map(str, uids)), "Gid:\t100\t100\t100\t100"]
        text = "\n".join(lines) + "\n"
        (folder / "status").write_bytes(text.encode(errors="surrogateescape"))

    def read(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), str(self.file), "--proc", str(self.proc)],
            env={"PATH": str(self.programs)},  # whatever the machine itself has
            capture_output=True,
            text=True,
            timeout=60,
        )

    def series(self) -> Series:
        """What the file tells, by metric and by username and GPU."""
        return {
            family.name: {
                tuple(one.labels[name] for name in ("username", "gpu") if name in one.labels): (
                    one.value
                )
                for one in family.samples
            }
            for family in text_string_to_metric_families(self.file.read_text())
        }


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_each_person_has_the_gpus_that_the_own_processes_run_on(node: Node) -> None:
    node.answers("several.csv")
    node.runs(41207, 0)
    node.runs(43990, NAMELESS)
    node.runs(52811, NAMELESS)
    node.runs(52812, NAMELESS)  # 60001 has ended meanwhile
    before = int(time.time())
    done = node.read()
    assert (done.returncode, done.stderr) == (0, "")
    told, nameless = node.series(), str(NAMELESS)
    assert told["remas_gpu_processes"] == {
        (ROOT, A): 1,
        (ROOT, B): 1,
        (nameless, A): 1,
        (nameless, C): 2,
    }
    assert told["remas_gpu_memory_bytes"] == {
        (ROOT, A): 30518 * MEBIBYTE,
        (ROOT, B): 30518 * MEBIBYTE,
        (nameless, A): 1044 * MEBIBYTE,
        (nameless, C): 1024 * MEBIBYTE,
    }
    assert told["remas_gpu_up"] == {(): 1}
    assert before <= told["remas_gpu_read_timestamp_seconds"][()] <= time.time() + 1
    assert stat.S_IMODE(node.file.stat().st_mode) == 0o644  # the exporter is somebody else


def test_it_counts_for_whom_the_process_acts(node: Node) -> None:
    """As process-exporter does: by the effective uid."""
    node.answers("several.csv")
    node.runs(43990, effective=NAMELESS, real=0)
    node.read()
    assert node.series()["remas_gpu_processes"] == {(str(NAMELESS), A): 1}


def test_processes_count_where_the_driver_does_not_tell_their_memory(node: Node) -> None:
    node.answers("not-available.csv")
    node.runs(41207, 0)
    node.runs(43990, 0)
    assert node.read().returncode == 0
    told = node.series()
    mig = "MIG-7c1f6a0e-3a52-5c8e-9b1d-2f4e6a8c0d11"
    assert told["remas_gpu_processes"] == {(ROOT, mig): 1, (ROOT, A): 1}
    assert told["remas_gpu_memory_bytes"] == {(ROOT, mig): 0, (ROOT, A): 0}


def test_where_nobody_runs_anything_there_is_nobody(node: Node) -> None:
    node.answers("nobody.txt")
    assert node.read().returncode == 0
    told = node.series()
    assert told["remas_gpu_processes"] == told["remas_gpu_memory_bytes"] == {}
    assert told["remas_gpu_up"] == {(): 1}


def test_a_broken_driver_is_told_and_nothing_old_stays(node: Node) -> None:
    node.answers("several.csv")
    node.runs(41207, 0)
    node.read()
    node.answers("broken-driver.txt", status=9)
    done = node.read()
    assert done.returncode == 1
    assert "status 9: NVIDIA-SMI has failed because" in done.stderr
    assert node.series() == {"remas_gpu_up": {(): 0}}


def test_where_nvidia_smi_is_missing_that_is_told(node: Node) -> None:
    done = node.read()
    assert done.returncode == 1
    assert done.stderr.startswith("nvidia-smi: ")
    assert len(done.stderr.splitlines()) == 1
    assert node.series() == {"remas_gpu_up": {(): 0}}


def test_a_folder_that_is_not_there_is_named(node: Node) -> None:
    node.answers("nobody.txt")
    node.file.parent.rmdir()
    done = node.read()
    assert done.returncode == 1
    assert done.stderr == f"{node.file} cannot be written: No such file or directory\n"


def test_no_draft_is_left_behind(node: Node) -> None:
    node.answers("nobody.txt")
    node.file.mkdir()  # so that it cannot be replaced
    assert node.read().returncode == 1
    assert [path.name for path in node.file.parent.iterdir()] == ["gpu.prom"]


def test_it_reads_the_real_proc_as_well(node: Node, tmp_path: Path) -> None:
    """A process of another user, where we may start one."""
    user = ordinary_user()
    arguments = {"user": user[0]} if user else {}
    process = subprocess.Popen(["sleep", "60"], **arguments)
    try:
        written = tmp_path / "answer.csv"
        written.write_text(f"{process.pid}, {A}, 100\n")
        node.answers(str(written))
        node.proc = Path("/proc")
        assert node.read().returncode == 0
        name = pwd.getpwuid(user[0] if user else os.geteuid()).pw_name
        assert node.series()["remas_gpu_processes"] == {(name, A): 1}
    finally:
        process.kill()
        process.wait()
