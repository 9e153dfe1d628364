"""The shape of the source: short files, short functions, own modules imported at the top.

Prints one line for each breach; the exit code is 1 if there is one.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("remas", "solver", "bench", "script")
OWN = frozenset(FOLDERS)
LONGEST_FILE = 400  # lines
LONGEST_FUNCTION = 60  # lines, from `def` to the last one
MAY_IMPORT_INSIDE = ("remas/__init__.py", "create_app")  # which puts the parts together

Function = ast.FunctionDef | ast.AsyncFunctionDef


def breaches(path: Path) -> Iterator[str]:
    """What is wrong with the file at `path`, as `path:line: text`."""
    text = path.read_text()
    lines = text.count("\n")
    if lines > LONGEST_FILE:
        yield f"{path}:1: {lines} lines, more than {LONGEST_FILE}: it is two things"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield from _breaches_of_function(path, node)


def _breaches_of_function(path: Path, function: Function) -> Iterator[str]:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if lines > LONGEST_FUNCTION:
        yield (
            f"{path}:{function.lineno}: {function.name} has {lines} lines, "
            f"more than {LONGEST_FUNCTION}"
        )
    if (path.as_posix(), function.name) == MAY_IMPORT_INSIDE:
        return
    for node in ast.walk(function):
        if isinstance(node, ast.Import | ast.ImportFrom) and _imports_own(node):
            yield f"{path}:{node.lineno}: {function.name} imports a module of ours inside"


def _imports_own(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").partition(".")[0] in OWN
    return any(alias.name.partition(".")[0] in OWN for alias in node.names)


def main() -> int:
    files = (path for folder in FOLDERS for path in sorted(Path(folder).rglob("*.py")))
    found = [line for path in files for line in breaches(path)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
