"""Trainings that count epochs: as many iterations as their labelled images ask for; keys of before stay."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.experiment.loading import load_experiment
from benchmark.experiment.recipe import Recipe
from benchmark.protocol.work_left import plan, whole_work

positive = st.integers(1, 10_000)


@given(labelled=positive, batch=st.integers(1, 64), epochs=st.floats(0.1, 200), fewest=st.integers(1, 500))
def test_iterations_follow_the_labelled_images(labelled, batch, epochs, fewest):
    fields = {"epochs": epochs, "batch_size": batch, "fewest_iterations": fewest}
    recipe = Recipe.model_validate(fields)
    iterations = recipe.iterations_for(labelled)
    shown = iterations * batch / labelled
    assert iterations >= fewest
    assert shown >= epochs or math.isclose(shown, epochs)
    if iterations > fewest:
        assert shown < epochs + batch / labelled + 1e-6, "no more than the last batch needs"
    assert recipe.iterations_for(labelled + 1) >= iterations
    assert recipe.for_labelled(labelled).iterations_for(7) == iterations


@given(labelled=positive, iterations=positive)
def test_without_epochs_they_are_the_same_for_all(labelled, iterations):
    recipe = Recipe.model_validate({"iterations": iterations})
    assert recipe.iterations_for(labelled) == recipe.for_labelled(labelled).iterations == iterations


def test_what_is_written_can_be_read_again():
    for fields in ({"epochs": 3}, {"iterations": 7}, {}):
        recipe = Recipe.model_validate(fields)
        assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert Recipe().iterations == 1000
    assert Recipe.model_validate({"epochs": 3}).iterations is None


def test_keys_of_before_do_not_know_of_epochs():
    assert not {"epochs", "fewest_iterations"} & Recipe().settings().keys()
    settings = Recipe.model_validate({"epochs": 3}).settings()
    assert (settings["epochs"], settings["iterations"]) == (3, None)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [({"epochs": 3, "iterations": 5}, "set one of them to null"), ({"iterations": None}, "set one of them")],
)
def test_a_training_has_one_length(recipe, message):
    fields = {"budgets": [2, 4], "strategies": ["random"], "seeds": [0], "recipe": recipe}
    with pytest.raises(UserError, match=message):
        validated(fields, "test")


def test_the_work_of_a_study_is_that_of_its_budgets(small_bench, tmp_path):
    """Budgets 4, 7 and 10 of 16, in batches of 4."""
    recipe = {"epochs": 4, "batch_size": 4, "fewest_iterations": 6}
    bench = small_bench(tmp_path, recipe=recipe, strategies=["random"])
    found = {job.kind: whole_work(bench, job).iterations for job in plan(bench.experiment)}
    assert found == {"round-0": 6, "full-data": 16, "trajectory": 7 + 10}


def test_a_training_does_as_many_steps(small_bench, tmp_path):
    from benchmark.progress import Progress
    from benchmark.protocol.train_and_evaluate import fit

    done = []

    class Counting(Progress):
        def advance(self, iterations):
            done.append(iterations)

    from dataclasses import replace

    recipe = {"epochs": 2, "batch_size": 4, "fewest_iterations": 1}
    bench = replace(small_bench(tmp_path, recipe=recipe), progress=Counting(quiet=True))
    fit(bench, bench.random_set(0, 7), bench.streams(0, 0))
    assert done[-1] == len(done) == 4


def test_a_length_that_is_asked_for_takes_the_place_of_the_preset_s():
    asked = load_experiment(None, "quick", {"recipe": {"iterations": 7}}).recipe
    assert (asked.iterations, asked.epochs) == (7, None)
    asked = load_experiment(None, "standard", {"recipe": {"epochs": 3}}).recipe
    assert (asked.iterations, asked.epochs) == (None, 3)


def test_two_lengths_are_refused():
    with pytest.raises(UserError, match="a training has one length"):
        load_experiment(None, "quick", {"recipe": {"iterations": 7, "epochs": 3}})


def test_another_network_keeps_the_frozen_backbone():
    network = load_experiment(None, "quick", {"network": {"name": "mti_net"}}).network
    assert network.frozen
    assert network.backbone == "tf_efficientnet_lite0"
    assert network.join is None


def test_a_backbone_without_weights_is_trained_from_nothing():
    network = load_experiment(None, "quick", {"network": {"backbone": "tiny"}}).network
    assert (network.backbone, network.pretrained, network.frozen) == ("tiny", False, False)
    assert network.join == "project"


def test_another_backbone_of_timm_stays_pretrained_and_frozen():
    network = load_experiment(None, "quick", {"network": {"backbone": "resnet18"}}).network
    assert (network.backbone, network.pretrained, network.frozen) == ("resnet18", True, True)
