"""The checker of script/lint finds what it is there for."""

import subprocess
import sys
from pathlib import Path

CHECKER = Path(__file__).parents[1] / "script/sizes.py"


def check(folder: Path, name: str, text: str) -> list[str]:
    """What the checker prints about a tree with one file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, str(CHECKER)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout.splitlines()


def test_a_file_of_400_lines_passes_and_one_more_does_not(tmp_path: Path) -> None:
    assert check(tmp_path, "remas/long.py", "x = 1\n" * 400) == []
    (line,) = check(tmp_path, "remas/long.py", "x = 1\n" * 401)
    assert line.startswith("remas/long.py:1: 401 lines")


def test_a_function_of_60_lines_passes_and_one_more_does_not(tmp_path: Path) -> None:
    def function(lines: int) -> str:
        return "class A:\n    async def f(self):\n" + "        x = 1\n" * (lines - 1)

    assert check(tmp_path, "solver/long.py", function(60)) == []
    (line,) = check(tmp_path, "solver/long.py", function(61))
    assert line.startswith("solver/long.py:2: f has 61 lines")


def test_own_modules_are_imported_inside_create_app_only(tmp_path: Path) -> None:
    text = "def {name}():\n    import os\n    from remas import web\n    return os, web\n"
    assert check(tmp_path, "remas/__init__.py", text.format(name="create_app")) == []
    (line,) = check(tmp_path, "remas/__init__.py", text.format(name="other"))
    assert line == "remas/__init__.py:3: other imports a module of ours inside"
    (tmp_path / "remas/__init__.py").unlink()
    relative = "def f():\n    from . import web\n    return web\n"
    assert len(check(tmp_path, "remas/edge.py", relative)) == 1
    assert len(check(tmp_path, "remas/edge.py", text.format(name="create_app"))) == 1
