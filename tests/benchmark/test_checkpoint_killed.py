"""The real command, killed for real within a training: it goes on in the middle, to the same numbers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from benchmark.protocol.work_left import Job, run_job
from benchmark.records.results_folder import EXPERIMENT

COMMAND = [sys.executable, "-m", "benchmark", "run-one"]
ROOT = Path(__file__).parents[2]
RECIPE = {"iterations": 30, "batch_size": 4, "evaluation_batch_size": 8}
CHANGES = {"strategies": ["learning-loss"], "budgets": [4, 7], "full_data": False, "recipe": RECIPE}
JOB = Job("trajectory", 0, "learning-loss")
KILLS = 3


@pytest.fixture
def undisturbed(small_bench, tmp_path):
    """A folder with a trajectory and its round 0, both trained without checkpoints."""
    bench = small_bench(tmp_path / "undisturbed", checkpoint_minutes=0, **CHANGES)
    run_job(bench, JOB)
    return bench.store


def start(file, folder):
    return subprocess.Popen(
        [*COMMAND, str(file), "--out", str(folder), "--index", "1"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


def kept(folder):
    """What tells two checkpoints apart, of whichever training is in the making."""
    return [file.read_bytes() for file in folder.rglob("training.pt.sha256")]


def wait_for_another(folder, before, process, seconds=300):
    deadline = time.monotonic() + seconds
    while kept(folder) in (before, []) and process.poll() is None:
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def numbers(store):
    keep = ("round", "labelled", "selected", "metrics", "weights_digest", "scores", "key")
    return [{name: getattr(done, name) for name in keep} for done in store.rounds()]


@pytest.mark.slow
def test_killed_within_its_trainings_it_ends_with_the_same_numbers(
    undisturbed, small_bench, small_experiment, tmp_path
):
    file, folder = tmp_path / EXPERIMENT, tmp_path / "killed"
    experiment = small_experiment(checkpoint_minutes=0.001, **CHANGES)
    file.write_text(yaml.safe_dump(experiment.model_dump(mode="json")))
    said = ""
    for _ in range(KILLS):
        before = kept(folder)
        process = start(file, folder)
        wait_for_another(folder, before, process)
        process.kill()
        said += process.communicate()[1]
    process = start(file, folder)
    said += process.communicate(timeout=600)[1]
    assert process.returncode == 0, said
    assert "its training goes on after" in said, "not one of the kills was within a training"
    assert len(numbers(undisturbed)) == 2
    assert numbers(small_bench(folder).store) == numbers(undisturbed)
    assert not list(folder.rglob("*training*"))
