"""How exporters come to a node: the script that installs them, and their systemd units."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from remas import paths
from tests.support.missing import leave_out
from tests.support.processes import ordinary_user, running
from tests.support.prometheus_server import PATIENCE, process_exporter

SCRIPT = paths.PROMETHEUS / "install-exporters"
PROGRAMS = ("node_exporter", "process-exporter")
USUAL = ("remas-node-exporter.service", "remas-process-exporter.service")
GPU = ("remas-gpu-textfile.service", "remas-gpu-textfile.timer")
MOST_EXPOSED = 30  # of 100, as systemd-analyze counts
NAMELESS = 1_543_211  # no account here has this uid
HELD = 8 * 2**20


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    """A folder with the programs."""
    folder = tmp_path / "binaries"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text("#!/bin/sh\n")
    return folder


def install(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_all_that_the_units_need_is_installed(tmp_path: Path, binaries: Path) -> None:
    root = tmp_path / "root"
    done = install("--root", root, "--binaries", binaries)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Installed:", *USUAL]
    assert tree(root) == {
        *(f"usr/local/lib/remas/{name}" for name in PROGRAMS),
        *(f"etc/systemd/system/{name}" for name in USUAL),
        "etc/default/remas-node-exporter",
        "etc/default/remas-process-exporter",
        "etc/remas/process-exporter.yml",
    }
    assert (root / "var/lib/remas-exporters").is_dir()
    assert (root / "usr/local/lib/remas/node_exporter").stat().st_mode & 0o777 == 0o755
    assert defaults(root) == ["LISTEN=:9100", "LISTEN=:9256"]
    for unit in USUAL:
        for path in re.findall(r"(?<=[=-])/(?:usr|etc|var)/[\w./-]+", unit_text(root, unit)):
            assert (root / path[1:]).exists(), path


@pytest.mark.parametrize(
    ("given", "written"), [("10.0.0.5", "10.0.0.5"), ("fd00::5", "[fd00::5]"), ("[::1]", "[::1]")]
)
def test_an_address_stays_until_another_is_given(
    tmp_path: Path, binaries: Path, given: str, written: str
) -> None:
    where = ("--root", tmp_path / "root", "--binaries", binaries)
    wanted = [f"LISTEN={written}:9100", f"LISTEN={written}:9256"]
    install(*where, "--listen", given)
    assert defaults(tmp_path / "root") == wanted
    install(*where)
    assert defaults(tmp_path / "root") == wanted
    install(*where, "--listen", "10.9.9.9")
    assert defaults(tmp_path / "root") == ["LISTEN=10.9.9.9:9100", "LISTEN=10.9.9.9:9256"]


def test_gpus_are_watched_only_when_asked_for(tmp_path: Path, binaries: Path) -> None:
    root = tmp_path / "root"
    done = install("--gpu", "--root", root, "--binaries", binaries)
    assert done.stdout.split() == ["Installed:", *USUAL, "remas-gpu-textfile.timer"]
    assert {f"etc/systemd/system/{name}" for name in GPU} <= tree(root)
    script = root / "usr/local/lib/remas/remas-gpu-textfile"
    assert script.stat().st_mode & 0o777 == 0o755
    assert "/usr/local/lib/remas/remas-gpu-textfile /var/lib/remas-exporters/" in unit_text(
        root, "remas-gpu-textfile.service"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--listne", "x"), 2, "What is --listne?"),
        (("--listen",), 2, "--listen needs a value."),
        (("--root", ""), 2, "--root needs a value."),
        (("--binaries", "nowhere"), 1, "There is no node_exporter in nowhere."),
        ((), 1, "With --root name a folder with the programs: --binaries DIR."),
    ],
)
def test_a_call_that_cannot_be_meant_installs_nothing(
    tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    root = tmp_path / "root"
    done = install("--root", root, *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert done.stdout == ""
    assert not root.exists()


def test_one_program_alone_installs_nothing(tmp_path: Path, binaries: Path) -> None:
    (binaries / "process-exporter").unlink()
    done = install("--root", tmp_path / "root", "--binaries", binaries)
    assert done.returncode == 1
    assert done.stderr == f"There is no process-exporter in {binaries}.\n"
    assert not (tmp_path / "root").exists()


def test_help_is_no_error(tmp_path: Path) -> None:
    done = install("--help")
    assert done.returncode == 0
    for option in ("--listen", "--binaries", "--gpu", "--root"):
        assert option in done.stdout


def test_the_script_keeps_to_what_every_shell_knows() -> None:
    shell = shutil.which("dash") or "/bin/sh"
    done = subprocess.run([shell, "-n", str(SCRIPT)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_takes_the_units(tmp_path: Path, binaries: Path) -> None:
    """As they are installed; only that the programs lie below our folder is changed."""
    root = tmp_path / "root"
    install("--gpu", "--root", root, "--binaries", binaries)
    units = sorted((root / "etc/systemd/system").iterdir())
    assert {unit.name for unit in units} == {*USUAL, *GPU}
    for unit in units:
        text = unit.read_text().replace("ExecStart=/usr/", f"ExecStart={root}/usr/")
        unit.write_text(text)
    done = analyze("verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [*USUAL, GPU[0]])
def test_the_units_may_do_little(unit: str) -> None:
    file = paths.PROMETHEUS / unit
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", file)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_what_the_process_exporter_may_do_is_enough(tmp_path: Path) -> None:
    """Memory, CPU time and input of others, with the capabilities of the unit and no more."""
    user = ordinary_user()
    if user is None:
        leave_out("other users", "run the tests as root")
    held = f"x=$(head -c {HELD} /dev/zero | tr '\\0' a); sleep 60"
    somebody = {"user": NAMELESS, "group": NAMELESS, "extra_groups": []}
    with (
        running(["/bin/sh", "-c", held], tmp_path / "held.log", cwd="/", **somebody),
        process_exporter(
            tmp_path / "log", prefix=allowed("remas-process-exporter.service")
        ) as port,
    ):
        deadline = time.monotonic() + PATIENCE
        while (found := memory_of(port, str(NAMELESS))) < HELD and time.monotonic() < deadline:
            time.sleep(0.1)
    assert found >= HELD


def test_what_the_gpu_script_may_do_is_enough(tmp_path: Path) -> None:
    user = ordinary_user()
    if user is None:
        leave_out("other users", "run the tests as root")
    program, target = tmp_path / "nvidia-smi", tmp_path / "gpu.prom"
    with running(["sleep", "60"], tmp_path / "log", cwd="/", user=user[0]) as process:
        program.write_text(f"#!/bin/sh\necho '{process.pid}, GPU-1, 300'\n")
        program.chmod(0o755)
        command = [*allowed("remas-gpu-textfile.service"), sys.executable]
        command += [str(paths.PROMETHEUS / "remas-gpu-textfile"), str(target)]
        subprocess.run(command, env={"PATH": str(tmp_path)}, check=True, timeout=60)
    assert 'remas_gpu_processes{username="nobody",gpu="GPU-1"} 1' in target.read_text()


def allowed(unit: str) -> list[str]:
    """Runs what follows with the capabilities that the unit leaves to root."""
    program = shutil.which("setpriv")
    if program is None:
        leave_out("setpriv", "install the package util-linux")
    text = (paths.PROMETHEUS / unit).read_text()
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
    kept = [f"+{name.removeprefix('CAP_').lower()}" for name in line.split()]
    return [program, "--no-new-privs", "--bounding-set", ",".join(["-all", *kept])]


def memory_of(port: int, group: str) -> float:
    """Bytes, with what is shared counted in part."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    about = {"groupname": group, "memtype": "proportionalResident"}
    return sum(
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == "namedprocess_namegroup_memory_bytes" and one.labels == about
    )


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        leave_out("systemd-analyze", "install the package systemd")
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_process_exporter_has_one_group_for_each_user() -> None:
    configuration = yaml.safe_load((paths.PROMETHEUS / "process-exporter.yml").read_text())
    assert configuration == {"process_names": [{"name": "{{.Username}}", "cmdline": [".+"]}]}
    unit = (paths.PROMETHEUS / "remas-process-exporter.service").read_text()
    assert "-config.path=/etc/remas/process-exporter.yml -threads=false" in unit
    # Memory that processes share is told to who may look into all of them.
    assert "User=root\n" in unit
    assert "CAP_SYS_PTRACE" in unit


def defaults(root: Path) -> list[str]:
    """Where the exporters listen, by their order."""
    names = ("remas-node-exporter", "remas-process-exporter")
    return [(root / "etc/default" / name).read_text().strip() for name in names]


def unit_text(root: Path, name: str) -> str:
    return (root / "etc/systemd/system" / name).read_text()
