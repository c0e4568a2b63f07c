"""Rounds that are stopped within a training: the same numbers, seconds and progress, whoever goes on."""

import re

import numpy as np
import pytest
import torch
from stopping import ALWAYS, StoppedError, saved, stopping
from told import Told

import baselines  # noqa: F401
from benchmark.errors import UserError
from benchmark.progress import Progress
from benchmark.protocol.references.noise_floor import measure_noise
from benchmark.protocol.round_key import key_of
from benchmark.protocol.train_and_evaluate import fit
from benchmark.protocol.work_left import Job, run_job
from benchmark.records.heartbeat import live, read_sign
from benchmark.records.results_folder import EXPERIMENT, check_agreement, write_head
from benchmark.records.round_store import write_blob
from benchmark.training.checkpoint import (
    LAST,
    KeptCheckpoint,
)
from benchmark.training.train import UNKEPT
from benchmark.untrusted_files import read_fields


@pytest.mark.parametrize("home", ["disk", pytest.param("stream", marks=pytest.mark.slow)])
def test_with_batches_read_ahead(small_bench, tmp_path, monkeypatch, home):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path / "cache"))
    expected = fitted(small_bench(tmp_path / "device"))
    bench = small_bench(tmp_path / "ahead", feed=home)
    bench.progress.advance = stopping(3)
    with pytest.raises(StoppedError):
        fitted(bench, kept_in(tmp_path))
    bench.progress.advance = int
    again = fitted(bench, kept_in(tmp_path))
    assert (again.weights_digest, again.metrics) == (expected.weights_digest, expected.metrics)


def fitted(bench, checkpoint=UNKEPT):
    return fit(bench, np.arange(9), bench.streams(0, 1), checkpoint=checkpoint)


def kept_in(folder, progress=None):
    return KeptCheckpoint(folder, "round", ALWAYS, progress or Told())


@pytest.fixture
def bench(small_bench, tmp_path):
    return small_bench(tmp_path / "kept", checkpoint_minutes=ALWAYS, **FEW)


FEW = {"strategies": ["learning-loss"], "budgets": [4, 7]}


JOBS = (Job("round-0", 0), Job("trajectory", 0, "learning-loss"), Job("full-data", 0))


def do(bench):
    for job in JOBS:
        run_job(bench, job)
    measure_noise(bench, 1)


def numbers(bench):
    every = [*bench.store.rounds(), *bench.store.noise_rounds("rooms")]
    keep = ("strategy", "round", "labelled", "selected", "metrics", "weights_digest", "scores", "key")
    return [{name: getattr(done, name) for name in keep} for done in every]


def test_rounds_stopped_again_and_again_end_with_the_same_numbers(bench, small_bench, tmp_path):
    undisturbed = small_bench(tmp_path / "undisturbed", checkpoint_minutes=0, **FEW)
    do(undisturbed)
    for _ in range(7):  # 15 iterations, of which each process does and keeps two
        steps = iter(range(3))
        bench.progress.advance = lambda _, steps=steps: stopping(2)(next(steps))
        with pytest.raises(StoppedError):
            do(bench)
    bench.progress.advance = int
    do(bench)
    assert numbers(bench) == numbers(undisturbed)
    assert not list(bench.store.root.rglob("*training*")), "checkpoints go when their round is stored"


def test_a_resumed_round_counts_the_seconds_before(small_bench, tmp_path):
    bench, progress = small_bench(tmp_path), Told()
    checkpoint = kept_in(tmp_path, progress)
    bench.progress.advance = stopping(3)
    with pytest.raises(StoppedError):
        fitted(bench, checkpoint)
    content = torch.load(tmp_path / LAST, weights_only=True)
    assert content["seconds"] > 0
    assert content["processor"] > 0
    write_blob(tmp_path / LAST, saved(content | {"seconds": 1000.0, "processor": 500.0}))
    bench.progress.advance = int
    spent = fitted(bench, kept_in(tmp_path, progress)).seconds
    assert 1000 < spent["train"] < 1100
    assert 500 < spent["train_processor"] < 600
    assert any("goes on after 2 iterations" in line for line in progress.lines)


def test_iterations_done_before_count_as_done_but_not_for_the_pace(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.records.heartbeat.EVERY", 0.0)
    progress = Progress(quiet=True)
    progress.begin(100)
    with live(progress, tmp_path, "cpu", 100):
        progress.started -= 10
        progress.live._started -= 10
        progress.skip(80)
        for _ in range(10):
            progress.advance()
        sign = read_sign(tmp_path)
    assert (progress.done, sign.done, sign.skipped, sign.total) == (90, 90, 80, 100)
    assert 10 <= sign.seconds_left < 60, "ten in some ten seconds, and ten to go"
    assert re.fullmatch(r"0:[1-5]\d left", progress._left())


def test_the_bar_counts_them_too(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = Progress()
    progress.begin(1000)
    progress._bar.start_t -= 10
    progress._bar.last_print_t -= 10
    progress.skip(800)
    progress.reach(900)
    assert re.search(r"90%.*00:[1-5]\d so far, 00:[1-5]\d to go", str(progress._bar))
    progress.end()


def test_it_is_set_like_any_other_and_decides_nothing(small_bench, small_experiment, tmp_path):
    assert small_experiment().checkpoint_minutes == 10
    assert small_experiment(checkpoint_minutes=0).checkpoint_minutes == 0
    with pytest.raises(UserError, match="checkpoint_minutes"):
        small_experiment(checkpoint_minutes=-1)
    bench = small_bench(tmp_path, checkpoint_minutes=3)
    write_head(bench.experiment, bench, tmp_path, {})
    assert "checkpoint_minutes" not in read_fields(tmp_path / EXPERIMENT)
    check_agreement(small_experiment(checkpoint_minutes=5), tmp_path)
    keys = {key_of(small_bench(tmp_path, checkpoint_minutes=m), "random", 0, 1, ["a"], None) for m in (0, 7)}
    assert len(keys) == 1
