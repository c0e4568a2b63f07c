"""A study on a data set and a task of one's own: run, edited, and reported on without their file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.records.round_store import Store

FILE = (Path(__file__).parent / "own_plugins.py").read_text()
STUDY = {
    "dataset": "code/mine.py:ramps",
    "data": {"count": 6, "val": 3},
    "tasks": {"near": {"power": 2}},
    "network": {"width": 8, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 2, "evaluation_batch_size": 4},
    "budgets": [2, 4],
    "strategies": ["random"],
    "seeds": [0],
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture
def study(tmp_path):
    """A folder with the file and an experiment that names it, relative to itself."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(FILE)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


@pytest.fixture
def command(tmp_path_factory):
    """Runs ``mtal`` in a process and a folder of its own."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def call(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", *map(str, words)],
            cwd=elsewhere,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def keys_of(out):
    return {(done.strategy, done.round): done.key for done in Store(out).rounds()}


@pytest.mark.slow
def test_a_study_is_run_kept_by_its_code_and_reported_without_the_file(study, command, tmp_path):
    out = tmp_path / "out"
    run = ("run", study / "study.yaml", "--out", out, "--no-timing")
    text = command(*run)
    assert "near mean_error" in text  # its headline, in what the validity says
    first = keys_of(out)
    about = json.loads((out / "environment.json").read_text())
    assert about["data"]["name"] == "ramps"
    assert about["tasks"]["near"]["options"] == {"power": 2.0}
    assert "near" in (out / "tables" / "delta_mtl.md").read_text()
    written = yaml.safe_load((out / "experiment.yaml").read_text())
    assert (out / written["dataset"].partition(":")[0]).resolve() == study / "code" / "mine.py"

    file = study / "code" / "mine.py"
    file.write_text(FILE.replace("1.0 * super", "2.0 * super").replace("1 + self.step", "2 + self.step"))
    assert "stored under other settings or code; computed again" in command(*run)
    assert keys_of(out).keys() == first.keys()
    assert all(key != first[name] for name, key in keys_of(out).items())
    other = FILE.replace('f"{count} {step}"', 'f"{count} {step}, second edition"')
    file.write_text(other)  # the author says that the data are others
    assert "on other data" in command(*run, code=2)

    file.write_text("raise RuntimeError('executed')")
    for gone in (False, True):
        if gone:
            file.unlink()
        assert "random" in command("status", out)
        assert "random" in command("report", out)
    assert "near: mean_error ↓" in (out / "index.html").read_text()
    assert "results execute none" in command("chosen", out, code=2)


@pytest.mark.slow
def test_jobs_of_other_processes_load_the_file(study, command, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "out"
    command("run", study / "study.yaml", "--out", out, "--no-timing", "--engine", "ray", "--jobs", 1)
    serial = tmp_path / "serial"
    command("run-one", study / "study.yaml", "--out", serial, "--index", 0)
    assert keys_of(serial).items() <= keys_of(out).items()
