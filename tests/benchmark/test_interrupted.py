"""The real command, killed for real: the same command goes on and ends with the same numbers."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark.store import Store

COMMAND = [sys.executable, "-m", "benchmark"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def experiment_file(tmp_path_factory, small_experiment):
    file = tmp_path_factory.mktemp("experiment") / "small.yaml"
    fields = small_experiment(strategies=["random", "consistency-diversity"]).model_dump(mode="json")
    file.write_text(yaml.safe_dump(fields | {"recipe": {**fields["recipe"], "iterations": 12}}))
    return file


@pytest.fixture(scope="module")
def undisturbed(experiment_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    done = start(experiment_file, folder)
    output, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    return folder, output


def start(file, folder):
    return subprocess.Popen(
        [*COMMAND, "run", str(file), "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


def wait_for(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def rounds(folder):
    return sorted(folder.glob("rooms/*/seed-0/round-*.json"))


def test_the_command_prints_its_table_and_figures(undisturbed):
    folder, output = undisturbed
    assert "consistency-diversity" in output
    assert "full-data" in output
    assert str(folder / "figures" / "total_loss.png") in output
    for figure in ("total_loss", "task_semseg", "task_depth", "task_normals", "task_edge", "task_saliency"):
        for ending in ("pdf", "svg", "png", "csv"):
            assert (folder / "figures" / f"{figure}.{ending}").stat().st_size > 0
    for ending in ("csv", "md", "tex"):
        assert (folder / "tables" / f"loss_vs_labels.{ending}").stat().st_size > 0
    with (folder / "results.csv").open() as file:
        assert {row["metric"] for row in csv.DictReader(file) if row["task"] == "total"} == {"loss"}


def test_the_stored_experiment_repeats_the_numbers_thread_count_included(undisturbed):
    folder, _ = undisturbed
    assert yaml.safe_load((folder / "experiment.yaml").read_text())["threads"] == 1


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_ends_with_the_same_numbers(experiment_file, undisturbed, tmp_path, kills):
    rng = np.random.default_rng(kills)
    for kill in range(kills):
        process = start(experiment_file, tmp_path)
        wait_for(lambda: len(rounds(tmp_path)) > kill // 2, process)  # noqa: B023 - called in this turn
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
    done = start(experiment_file, tmp_path)
    output, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    folder, expected = undisturbed
    assert (tmp_path / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    assert output.replace(str(tmp_path), "") == expected.replace(str(folder), "")
    assert not list(tmp_path.rglob("*.tmp")) or kills, "only a killed write leaves a temporary file"


def test_sigterm_ends_with_143_and_says_how_to_go_on(experiment_file, tmp_path):
    process = start(experiment_file, tmp_path)
    wait_for(lambda: rounds(tmp_path), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "same command" in errors
    assert "Traceback" not in errors


def test_of_two_launchers_the_second_says_so(experiment_file, tmp_path):
    with Store(tmp_path).locked("rooms", "round-0", 0):
        second = start(experiment_file, tmp_path)
        _, errors = second.communicate(timeout=60)
    assert second.returncode == 75
    assert "another process" in errors
    assert not rounds(tmp_path)
