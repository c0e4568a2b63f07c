"""Figures of speed: what they count is right, whatever the machine."""

import pytest

from benchmark.execution.run import run
from benchmark.experiment.loading import load_experiment
from benchmark.measure import profile as profiling
from benchmark.measure.profile import profile, training_flops
from benchmark.networks import build_network
from benchmark.progress import Progress


def test_every_figure_is_there_and_says_its_unit(small_bench, tmp_path):
    text = profile(small_bench(tmp_path), iterations=2).text()
    for words in ("training", "plain", "evaluation", "pool pass", "% of a training step", "MB", "TFLOP/s"):
        assert words in text
    assert not list(tmp_path.iterdir()), "a profile leaves no results"


def test_the_gain_of_compiling_is_said_where_it_is_asked_for(small_bench, tmp_path, monkeypatch):
    recipe = small_bench(tmp_path).experiment.recipe.model_copy(update={"compile": True})
    taken = iter([2.0, 3.0])  # seconds of a step, compiled and not
    timed = {}

    def step(bench, recipe, iterations):
        timed[recipe.compile] = next(taken)
        return timed[recipe.compile], build_network(bench.experiment.network, bench.dataset.tasks)

    monkeypatch.setattr(profiling, "training_step", step)
    bench = small_bench(tmp_path, recipe=recipe.model_dump())
    first = profile(bench, iterations=2).text().splitlines()[0]
    assert timed == {True: 2.0, False: 3.0}
    assert first.endswith("2.0 images/s, compiled; 1.50 times as fast as uncompiled (1.3)")


def test_arithmetic_grows_with_the_area_of_the_image(small_bench, tmp_path):
    sizes = [{"pool": 1, "val": 1, "height": side, "width": side} for side in (32, 64)]
    small, large = (
        training_flops(small_bench(tmp_path, data=data, budgets=[1, 2], strategies=["random"]))
        for data in ({**size, "pool": 2} for size in sizes)
    )
    assert large == pytest.approx(4 * small, rel=0.05)


def test_arithmetic_of_a_frozen_backbone_is_that_of_training(small_bench, tmp_path):
    """Three passes of all; one of the backbone and three behind it; those alone where maps are kept."""
    given = {"backbone": "tf_efficientnet_lite0", "pretrained": True, "width": 8, "join": "project"}
    trained, recomputed, kept = (
        training_flops(small_bench(tmp_path, network=given | changes, strategies=["random"]))
        for changes in ({}, {"frozen": True, "maps": "recomputed"}, {"frozen": True})
    )
    assert kept < recomputed < trained
    assert trained - kept == pytest.approx(3 * (recomputed - kept))


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
