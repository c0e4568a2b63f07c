"""Figures of speed: what they count is right, whatever the machine."""

import pytest

from benchmark.profiling import forward_flops, profile
from benchmark.progress import Progress
from benchmark.run import dry_run, load_experiment, run


def test_every_figure_is_there_and_says_its_unit(small_bench, tmp_path):
    text = profile(small_bench(tmp_path), iterations=2).text()
    for words in ("training", "plain", "evaluation", "pool pass", "% of a training step", "MB", "TFLOP/s"):
        assert words in text
    assert not list(tmp_path.iterdir()), "a profile leaves no results"


def test_arithmetic_grows_with_the_area_of_the_image(small_bench, tmp_path):
    sizes = [{"pool": 1, "val": 1, "height": side, "width": side} for side in (32, 64)]
    small, large = (
        forward_flops(small_bench(tmp_path, data=data, budgets=[1, 2], strategies=["random"]))
        for data in ({**size, "pool": 2} for size in sizes)
    )
    assert large == pytest.approx(4 * small, rel=0.05)


def test_a_dry_run_prints_jobs_and_cost_and_writes_nothing(small_experiment, tmp_path):
    text = dry_run(small_experiment(), tmp_path / "results", Progress(quiet=True))
    assert "2 trainings  random, seed 0" in text
    assert "8 trainings of 3 iterations" in text, "round 0 is one, full data one, and two for each of three"
    assert "hours of cpu" in text
    assert not (tmp_path / "results").exists()


def test_another_network_does_not_inherit_the_options_of_the_presets_own():
    experiment = load_experiment(None, "quick", {"network": {"name": "multi_task"}})
    assert experiment.network.name == "multi_task"
    assert experiment.network.blocks is None
    same = load_experiment(None, "quick", {"network": {"width": 8}})
    assert (same.network.name, same.network.width, same.network.blocks) == ("pad_net", 8, 1)


def test_a_run_of_which_everything_fails_says_so(small_experiment, tmp_path):
    recipe = {"iterations": 3, "batch_size": 4, "learning_rate": 1e30, "optimiser": "sgd"}
    outcome = run(small_experiment(recipe=recipe, strategies=["random"]), tmp_path, Progress(quiet=True))
    assert "nothing to report" in outcome.table
    assert len(outcome.failures) == 3
