"""The best constant prediction, evaluated as a network is: against another computation, labels missing."""

import math

import numpy as np
import pytest
import torch

from benchmark.training.constant_prediction import best_constants, evaluate_constants


def test_its_losses_and_metrics_are_those_of_that_prediction(toy):
    feed = toy.feed_of(toy.sample(seed) for seed in range(7))
    constants = best_constants(feed, np.array([5, 0, 2]), 2)
    found = evaluate_constants(constants, feed, 3)
    batch = feed.batch(np.arange(7))
    total = 0.0
    for task in feed.tasks:
        maps = constants[task.name].float().view(1, -1, 1, 1).expand(7, -1, 32, 32).contiguous()
        label, meter = batch.labels[task.name], task.meter()
        meter.update(maps, label)
        loss = task.loss(maps, label).mean().item()
        total += task.weight * loss
        assert found[task.name] == pytest.approx({"loss": loss, **meter.compute()}, rel=1e-5)
    assert found["total"]["loss"] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("size", [1, 2, 10])
def test_batches_change_nothing(toy, size):
    feed = toy.feed_of(toy.sample(seed) for seed in range(5))
    whole, parts = (best_constants(feed, np.arange(5), one) for one in (5, size))
    assert all(torch.equal(whole[task], parts[task]) for task in whole)
    assert evaluate_constants(whole, feed, size)["total"] == pytest.approx(
        evaluate_constants(whole, feed, 5)["total"]
    )


def test_only_the_images_given_count(toy):
    feed = toy.feed_of(toy.sample(seed) for seed in range(6))
    few, others = best_constants(feed, np.array([0]), 4), best_constants(feed, np.array([1]), 4)
    assert not torch.equal(few["semseg"], others["semseg"])


def test_a_task_without_a_label_in_the_first_set_has_no_constant_and_no_total(toy):
    feed = toy.feed_of([toy.sample(0, without=("depth",)), toy.sample(1)])
    constants = best_constants(feed, np.array([0]), 2)
    assert constants["depth"] is None
    found = evaluate_constants(constants, feed, 2)
    assert all(math.isnan(value) for value in found["depth"].values())
    assert math.isnan(found["total"]["loss"])
    assert math.isfinite(found["semseg"]["loss"])


def test_a_task_that_nobody_labels_is_left_out_of_the_total(toy):
    feed = toy.feed_of(toy.sample(seed, without=("depth",)) for seed in range(2))
    found = evaluate_constants(best_constants(feed, np.arange(2), 2), feed, 2)
    assert math.isnan(found["depth"]["loss"])
    assert math.isfinite(found["total"]["loss"])
