"""Several draws of random a seed: planned, played from one first set and one round 0, and added later."""

import pytest

from benchmark.experiment.catalogue import presets
from benchmark.experiment.loading import load_experiment
from benchmark.protocol.jobs import plan
from benchmark.protocol.work_left import run_job
from benchmark.records.results_folder import write_head, write_results
from benchmark.records.status import status_table
from benchmark.report.results.load import read_results
from benchmark.untrusted_files import read_fields
from strategies.reference import with_draws


def played(bench):
    for job in plan(bench.experiment):
        run_job(bench, job)
    write_head(bench.experiment, bench, bench.store.root, {})
    write_results(bench.store)


def trajectories(experiment):
    return [(job.seed, job.name) for job in plan(experiment) if job.kind == "trajectory"]


def test_every_seed_has_so_many_trajectories_of_random(small_experiment):
    planned = trajectories(small_experiment(strategies=["random", "entropy"], references=3, seeds=[0, 4]))
    names = ["random", "entropy", "random[draw=2]", "random[draw=3]"]
    assert planned == [(seed, name) for seed in (0, 4) for name in names]


def test_one_draw_is_the_default_and_a_study_without_random_gets_none(small_experiment):
    assert trajectories(small_experiment(strategies=["random"])) == [(0, "random")]
    assert trajectories(small_experiment(strategies=["entropy"], references=3)) == [(0, "entropy")]


def test_a_draw_that_is_named_already_is_not_planned_twice():
    assert with_draws(["random", "random[draw=2]"], 3) == ("random", "random[draw=2]", "random[draw=3]")
    assert with_draws(["random[draw=1]"], 2) == ("random[draw=1]", "random[draw=2]")


def test_presets_that_rank_draw_three_and_the_small_presets_one():
    for name in presets():
        family, _, size = name.partition("-")
        dataset = {"folder": "docs/examples/camvid.yaml"}.get(family, family)
        expected = 1 if size in ("quick", "smoke") else 3
        assert load_experiment(None, size, {"dataset": dataset}).references == expected, name


@pytest.fixture(scope="module")
def done(small_bench, tmp_path_factory):
    """A study of two draws, played to its end."""
    bench = small_bench(tmp_path_factory.mktemp("draws"), strategies=["random"], references=2)
    played(bench)
    return bench


def test_draws_share_the_first_set_and_its_network_and_choose_other_images(done):
    rounds = [
        [done.store.read(done.dataset.name, name, 0, number) for number in range(3)]
        for name in ("random", "random[draw=2]")
    ]
    (first, *_), (other, *_) = rounds
    assert first.labelled == other.labelled
    assert first.weights_digest == other.weights_digest
    assert first.metrics == other.metrics
    assert set(rounds[0][2].labelled) != set(rounds[1][2].labelled)


def test_a_run_with_more_draws_adds_them_and_the_folder_says_so(small_bench, done):
    root = done.store.root
    before = done.store.read(done.dataset.name, "random", 0, 2)
    played(small_bench(root, strategies=["random"], references=3))
    assert done.store.read(done.dataset.name, "random", 0, 2) == before
    assert read_fields(root / "experiment.yaml")["references"] == 3
    assert set(read_results(root).table["strategy"]) >= {"random", "random[draw=2]", "random[draw=3]"}
    assert "random[draw=3], seed 0" in status_table(root)
    played(small_bench(root, strategies=["random"]))
    assert read_fields(root / "experiment.yaml")["references"] == 3, "what the folder holds"
