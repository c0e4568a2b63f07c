"""The real command from beginning to end: what it prints and writes. tests/torture interrupts it."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, small_experiment):
    """A folder of results, and what the command said."""
    folder = tmp_path_factory.mktemp("finished")
    file = folder / "small.yaml"
    fields = small_experiment(strategies=["random", "consistency-diversity"]).model_dump(mode="json")
    file.write_text(yaml.safe_dump(fields))
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "run", file, "--out", folder / "out"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout


def test_the_command_prints_its_table_and_figures(finished):
    folder, output = finished
    assert "consistency-diversity" in output
    assert "full-data" in output
    assert f"Look at it in a browser: {folder / 'index.html'}" in output
    assert f"Tables, figures and raw results: {folder}" in output
    for figure in ("total_loss", "task_semseg", "task_depth", "task_normals", "task_edge", "task_saliency"):
        for ending in ("pdf", "svg", "png", "csv"):
            assert (folder / "figures" / f"{figure}.{ending}").stat().st_size > 0
    for ending in ("csv", "md", "tex"):
        assert (folder / "tables" / f"loss_vs_labels.{ending}").stat().st_size > 0
    with (folder / "results.csv").open() as file:
        assert {row["metric"] for row in csv.DictReader(file) if row["task"] == "total"} == {"loss"}


def test_the_stored_experiment_repeats_the_numbers_thread_count_included(finished):
    folder, _ = finished
    assert yaml.safe_load((folder / "experiment.yaml").read_text())["threads"] == 1
