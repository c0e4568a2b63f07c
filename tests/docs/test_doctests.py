"""The examples in docstrings run and print what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = (
    "benchmark.api.comparison",
    "benchmark.api.running",
    "benchmark.api.study",
    "benchmark.experiment.fields_from_options",
    "benchmark.experiment.sweep",
    "benchmark.report.statistics.naubc",
    "benchmark.words",
    "strategies.registry",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    """In an empty folder that has the project's own studies; figures are not saved."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    module = import_module(name)
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.attempted, f"{name} has no example"
    assert not found.failed
