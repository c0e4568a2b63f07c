"""Training and evaluation where most images lack a task: nothing is NaN, and only what is there counts."""

import math

import pytest
import torch

from benchmark.training.evaluate import evaluate
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


def test_images_without_any_label_are_no_harm(toy):
    everything = tuple(task.name for task in toy.tasks())
    feed = toy.feed_of(toy.sample(i, without=everything) for i in range(12))
    trained, fresh = toy.train(feed=feed, iterations=2).network, toy.fresh()
    for (name, after), before in zip(trained.named_parameters(), fresh.parameters(), strict=True):
        assert torch.equal(after, before), name
