"""Imports go one way, between packages and between the folders of ``benchmark``, which hold few files."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {"strategies": set(), "baselines": {"strategies"}, "benchmark": {"strategies", "baselines"}}
FOLDERS = sorted({str(file.parent.relative_to(ROOT)) for file in (ROOT / "benchmark").rglob("*.py")})
MOST = 12  # files of a folder: what a reader looks over at once


LONGEST = 400  # lines of a file


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


@pytest.mark.parametrize("folder", [name for name in FOLDERS if any((ROOT / name).glob("*/*.py"))])
def test_what_a_folder_holds_imports_each_other_without_a_circle(folder):
    """Its folders, and its loose files, each by itself."""
    within = folder.replace("/", ".") + "."
    graph = {}
    for file in modules(folder):
        here = file.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        names = {name for name in imported(file) if name.startswith(within)}
        there = {name.removeprefix(within).partition(".")[0] for name in names}
        graph.setdefault(here, set()).update(there - {here})
    # ``__init__`` and ``__main__`` stand above all; a name that such a file defines is no file of the folder
    known = graph.keys() - {"__init__", "__main__"}
    assert list(TopologicalSorter({here: graph[here] & known for here in known}).static_order())


@pytest.mark.parametrize("folder", FOLDERS)
def test_few_files_of_a_folder_are_loose(folder):
    loose = [file.name for file in (ROOT / folder).glob("*.py") if not file.name.startswith("__")]
    assert len(loose) <= MOST, f"{folder} wants folders: {', '.join(sorted(loose))}"


@pytest.mark.parametrize("file", [f.name for f in sorted((ROOT / "benchmark").glob("*.py"))])
def test_loose_files_stand_below_every_folder(file):
    if file == "__main__.py":
        pytest.skip("it starts the command line")
    assert {folder_of(name) for name in imported(ROOT / "benchmark" / file)} <= {None}


@pytest.mark.parametrize("folder", [*BELOW, "tests"])
def test_files_are_of_one_idea_and_no_longer(folder):
    lines = {file: file.read_text().count("\n") for file in modules(folder)}
    assert lines
    assert not {f"{file.relative_to(ROOT)}: {count}" for file, count in lines.items() if count > LONGEST}
