"""The wheel carries all that an installation needs, and the locks name no place to get it from."""

import configparser
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from setuptools import find_packages

TOP = Path(__file__).parents[1]
DATA = ("templates", "static", "migrations", "prometheus", "grafana_templates")


def test_every_package_and_data_folder_is_listed() -> None:
    configuration = configparser.ConfigParser()
    configuration.read(TOP / "setup.cfg")
    listed = configuration["options"]["packages"].split()
    packages = find_packages(str(TOP), include=["remas*", "solver*"])
    assert sorted(listed) == sorted([*packages, *(f"remas._data.{name}" for name in DATA)])


@pytest.mark.slow
def test_the_wheel_holds_every_file_that_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "-q", "--wheel", "--no-isolation"]
    subprocess.run([*command, "-o", str(tmp_path), copy(tmp_path)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"{path}" for path in tracked() if path.startswith(("remas/", "solver/"))}
    data = {
        f"remas/_data/{path}"
        for path in tracked()
        if path.startswith(tuple(f"{name}/" for name in DATA))
        and not path.startswith("static/src/")
    }
    missing = {*modules, *data, "wsgi.py", "remas/_data/static/dist/app.css"} - carried
    assert missing == set()
    assert not [name for name in carried if name.startswith(("tests/", "bench/"))]
    assert not [name for name in carried if "static/src" in name or name.endswith(".pyc")]


def tracked() -> list[str]:
    """The tree's files, relative, without what is made from them."""
    return [
        path.relative_to(TOP).as_posix()
        for folder in ("remas", "solver", *DATA)
        for path in (TOP / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "dist" not in path.parts
    ]


def copy(folder: Path) -> str:
    """A copy of what the wheel is built from: the build leaves its own folders behind."""
    target = folder / "tree"
    target.mkdir()
    names = ["remas", "solver", *DATA, "wsgi.py", "setup.cfg", "pyproject.toml", "LICENSE"]
    names += ["README.md"] if (TOP / "README.md").exists() else []
    subprocess.run(["cp", "-r", *names, str(target)], check=True, cwd=TOP)
    return str(target)


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-test.txt"])
def test_a_python_lock_pins_everything_and_names_no_index(lock: str) -> None:
    lines = (TOP / lock).read_text().splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9.-]+(\[[a-z,-]+\])?==[0-9][\w.+!]*", pin) for pin in pins)
    assert "://" not in "".join(lines)


def test_the_test_lock_holds_the_runtime_lock() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (TOP / lock).read_text(), re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-test.txt")


def test_the_npm_lock_names_no_registry() -> None:
    lock = json.loads((TOP / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert all("integrity" in entry for entry in packages.values())
    # esbuild's program is a package of its own for each platform, installed without any script.
    assert "node_modules/@esbuild/linux-x64" in packages
    assert "node_modules/@esbuild/linux-arm64" in packages
