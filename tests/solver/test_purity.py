"""The core knows no web and no database, and reads no clock."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import solver

SOURCES = sorted(Path(solver.__file__).parent.rglob("*.py"))
ALLOWED = {"solver", "numpy", "ortools"}
CLOCKS = {"time", "sched", "timeit", "zoneinfo", "random"}
READS_A_CLOCK = {"now", "utcnow", "today", "perf_counter", "monotonic"}


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level names of all imports, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_core_is_pure(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = set(imported(tree))
    assert names <= ALLOWED | sys.stdlib_module_names
    assert not names & CLOCKS
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not read & READS_A_CLOCK


def test_only_one_door_leads_to_the_engine_and_none_from_verify() -> None:
    by_name = {source.stem: set(imported(ast.parse(source.read_text()))) for source in SOURCES}
    assert "ortools" not in by_name["verify"]
    assert "ortools" not in by_name["problem"] | by_name["result"] | by_name["profile"]


def test_verify_shares_nothing_with_what_it_checks() -> None:
    source = next(path for path in SOURCES if path.stem == "verify")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    own = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("solver")
    }
    assert own <= {"solver.problem", "solver.result"}
