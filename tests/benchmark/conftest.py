"""A benchmark small enough to run whole within a test."""

import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.cli import main as cli
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench

SMALL = {
    "name": "small",
    "dataset": "rooms",
    "data": {"pool": 16, "val": 6, "height": 32, "width": 32},
    "network": {"width": 8, "blocks": 1},
    "recipe": {"iterations": 3, "batch_size": 4, "evaluation_batch_size": 8},
    "budgets": [4, 7, 10],
    "strategies": ["random", "learning-loss", "consistency-diversity"],
    "seeds": [0],
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture(scope="session")
def small_experiment():
    """Makes a small experiment, with fields changed at will."""
    return lambda **changes: validated({**SMALL, **changes}, "test")


@pytest.fixture(scope="session")
def small_bench(small_experiment):
    """Opens a small experiment in a folder."""

    def opened(folder: Path, **changes):
        return open_bench(small_experiment(**changes), folder, Progress(quiet=True))

    return opened


@pytest.fixture
def mtal(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mtal", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        text = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=text.out, err=text.err)

    return call
