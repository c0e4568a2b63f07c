"""Training and evaluation where most images lack a task: nothing is NaN, and only what is there counts."""

import math

import numpy as np
import pytest
import torch

from benchmark.training.evaluate import evaluate
from benchmark.training.losses import objective, task_losses
from benchmark.training.train import weights_digest

RARE = "normals"


def mostly_without(toy, having, count=12):
    return toy.feed_of(toy.sample(i, without=() if i in having else (RARE,)) for i in range(count))


def test_a_task_that_most_images_lack_is_learned_from_those_that_have_it(toy):
    feed, having = mostly_without(toy, {0, 7}), [0, 7]
    few, many = (toy.train(feed=feed, iterations=count, learning_rate=3e-3).network for count in (1, 60))
    alone = toy.feed_of([toy.sample(i) for i in having])
    before, after = (evaluate(network, alone, 2)[RARE]["loss"] for network in (few, many))
    assert after < before
    assert all(torch.isfinite(weight).all() for weight in many.state_dict().values())


def test_evaluation_counts_a_rare_task_over_the_images_that_have_it(toy):
    network = toy.train(iterations=1).network
    got = evaluate(network, mostly_without(toy, {2, 9}), 5)
    alone = evaluate(network, toy.feed_of(toy.sample(i) for i in (2, 9)), 5)
    assert dict(got[RARE]) == pytest.approx(dict(alone[RARE]), rel=1e-4)
    everything = evaluate(network, toy.feed, 5)
    for task in ("semseg", "depth", "edge"):
        assert dict(got[task]) == pytest.approx(dict(everything[task]), rel=1e-6)
    assert not math.isnan(got["total"]["loss"])


def test_a_task_without_any_label_trains_the_network_as_if_it_weighed_nothing(toy):
    """Bit for bit: neither its loss nor a NaN in place of it reaches a weight."""
    weightless = [task.changed(0.0, {}) if task.name == RARE else task for task in toy.tasks()]
    labelled = toy.feed_of(map(toy.sample, range(12)), tuple(weightless))
    one, other = (toy.train(feed=feed, iterations=4).network for feed in (mostly_without(toy, ()), labelled))
    assert weights_digest(one) == weights_digest(other)


@pytest.mark.parametrize("having", [{0}, {0, 1, 3}, {0, 1, 2, 3}])
def test_a_task_weighs_as_much_however_few_images_of_a_batch_have_a_label_for_it(toy, having):
    """Written out: its loss is the mean over those that have one, in training as in evaluation."""
    feed = mostly_without(toy, having, 4)
    batch, network = feed.batch(torch.arange(4)), toy.fresh().train()
    with torch.no_grad():
        losses = task_losses(network(batch.images), batch, feed.tasks)
    weights = torch.rand(4, 4, generator=torch.Generator().manual_seed(0))
    total = 0.0
    for column, task in enumerate(feed.tasks):
        images = sorted(having) if task.name == RARE else range(4)
        both = [weights[i, column] * (losses.refined + losses.initial)[i, column] for i in images]
        total += task.weight * sum(both) / len(both)
    assert float(objective(losses, weights, feed.tasks)) == pytest.approx(float(total), rel=1e-5)


def test_which_images_have_a_label_is_told_by_their_pixels(toy):
    samples = [toy.sample(i, without=() if i % 2 else (RARE, "depth")) for i in range(37)]
    samples[5].labels["semseg"][:] = 255
    samples[7].labels["depth"][:] = np.nan
    samples[7].labels["depth"][3, 4] = 2.0
    found = toy.feed_of(samples).labelled(np.array([5, 7, 4, 36]))
    assert found.tolist() == [
        [False, True, True, True],
        [True, True, True, True],
        [True, False, False, True],
        [True, False, False, True],
    ]
    assert toy.feed.labelled(np.zeros(0, int)).shape == (0, 4)


def test_images_without_any_label_are_no_harm(toy):
    everything = tuple(task.name for task in toy.tasks())
    feed = toy.feed_of(toy.sample(i, without=everything) for i in range(12))
    trained, fresh = toy.train(feed=feed, iterations=2).network, toy.fresh()
    for (name, after), before in zip(trained.named_parameters(), fresh.parameters(), strict=True):
        assert torch.equal(after, before), name
