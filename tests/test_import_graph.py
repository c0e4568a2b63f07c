"""Imports go one way: between the packages, and between the folders of ``benchmark``."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {"strategies": set(), "baselines": {"strategies"}, "benchmark": {"strategies", "baselines"}}
LOOSE = 8  # files of benchmark/ that lie in no folder


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(file):
    """Dotted names that a file imports wherever, but for type checkers alone."""
    tree = ast.parse(file.read_text())
    typing = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def folder_of(name):
    """The folder of ``benchmark`` that a dotted name lies in; None for a loose file."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / "benchmark" / parts[1]).is_dir() else None


@pytest.mark.parametrize("package", BELOW)
def test_packages_import_those_below_them_only(package):
    tops = {name.partition(".")[0] for file in modules(package) for name in imported(file)}
    assert tops & BELOW.keys() <= BELOW[package] | {package}


def test_folders_of_the_benchmark_have_no_circles():
    graph = {}
    for file in modules("benchmark"):
        here = folder_of(".".join(file.relative_to(ROOT).parts))
        there = {folder_of(name) for name in imported(file) if name.startswith("benchmark.")}
        graph.setdefault(here, set()).update(there - {here, None})
    graph.pop(None)  # loose files: __main__ starts the command line, all others stand below every folder
    assert list(TopologicalSorter(graph).static_order())


def test_few_files_of_the_benchmark_are_loose():
    assert len(list((ROOT / "benchmark").glob("*.py"))) <= LOOSE


@pytest.mark.parametrize("file", [f.name for f in sorted((ROOT / "benchmark").glob("*.py"))])
def test_loose_files_stand_below_every_folder(file):
    if file == "__main__.py":
        pytest.skip("it starts the command line")
    assert {folder_of(name) for name in imported(ROOT / "benchmark" / file)} <= {None}
