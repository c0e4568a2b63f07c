"""Evaluation: losses and metrics against another computation, at any batch size, with labels missing."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.dataset import Sample
from benchmark.networks import build_network
from benchmark.random_streams import global_torch_stream
from benchmark.training.evaluate import evaluate, evaluate_images
from benchmark.training.optimiser import DivergedError

WEIGHTS = {"semseg": 1, "depth": 1, "normals": 10, "edge": 50}


@pytest.fixture(scope="module")
def network(toy):
    with global_torch_stream(7):
        return build_network(toy.small, toy.feed.tasks).eval()


def one_by_one(network, feed):
    """Refined and initial loss and metrics, an image at a time; images without a label are left out."""
    losses = {task.name: [] for task in feed.tasks}
    meters = {task.name: task.meter() for task in feed.tasks}
    for position in range(len(feed)):
        batch = feed.batch(torch.tensor([position]))
        with torch.no_grad():
            outputs = network(batch.images)
        for task in feed.tasks:
            label, refined = batch.labels[task.name], outputs.refined[task.name]
            initial = nn.functional.interpolate(outputs.initial[task.name], (32, 32), mode="bilinear")
            meters[task.name].update(refined, label)
            if task.valid(label).any():
                losses[task.name].append([task.loss(refined, label).item(), task.loss(initial, label).item()])
    means = {task: np.mean(values, 0) if values else np.full(2, np.nan) for task, values in losses.items()}
    return {
        task: {"loss": means[task][0], "initial_loss": means[task][1], **meters[task].compute()}
        for task in losses
    }


def assert_metrics(got, expected):
    assert set(got) == {*expected, "total"}
    for task, metrics in expected.items():
        assert dict(got[task]) == pytest.approx(dict(metrics), rel=1e-3, abs=1e-3, nan_ok=True), task


def mixed_feed(toy):
    """Every image lacks something; two lack depth, one lacks everything."""
    without = [(), ("depth",), ("edge", "normals"), ("depth",), ("semseg", "depth", "normals", "edge"), ()]
    return toy.feed_of(toy.sample(i, without=names) for i, names in enumerate(without))


@pytest.mark.parametrize("size", [1, 3, 5, 12, 100])
def test_losses_and_metrics_do_not_depend_on_the_batch_size(toy, network, size):
    got = evaluate(network, toy.feed, size)
    expected = one_by_one(network, toy.feed)
    assert_metrics(got, expected)
    total = sum(WEIGHTS[task] * expected[task]["loss"] for task in expected)
    assert got["total"] == {"loss": pytest.approx(total, rel=1e-4)}


@pytest.mark.parametrize("size", [1, 4, 6])
def test_a_task_is_averaged_over_the_images_that_have_its_label(toy, network, size):
    feed = mixed_feed(toy)
    got, expected = evaluate(network, feed, size), one_by_one(network, feed)
    assert_metrics(got, expected)
    assert not any(math.isnan(value) for metrics in got.values() for value in metrics.values())
    total = sum(WEIGHTS[task] * expected[task]["loss"] for task in expected)
    assert got["total"]["loss"] == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("size", [1, 4, 6])
def test_losses_of_single_images_are_theirs_alone_and_nan_without_a_label(toy, network, size):
    feed = mixed_feed(toy)
    found = evaluate_images(network, feed, size)
    without = [(), ("depth",), ("edge", "normals"), ("depth",), ("semseg", "depth", "normals", "edge"), ()]
    for place, names in enumerate(without):
        alone = evaluate(network, toy.feed_of([toy.sample(place, without=names)]), 1)
        expected = [alone[task.name]["loss"] for task in feed.tasks]
        np.testing.assert_allclose(found.image_losses[place], expected, rtol=1e-4)
    means = [found.metrics[task.name]["loss"] for task in feed.tasks]
    np.testing.assert_allclose(np.nanmean(found.image_losses, axis=0), means, rtol=1e-5)


def test_a_task_without_any_label_is_nan_and_left_out_of_the_total(toy, network):
    feed = toy.feed_of(toy.sample(i, without=("edge",)) for i in range(5))
    got, expected = evaluate(network, feed, 2), one_by_one(network, feed)
    assert all(math.isnan(value) for value in got["edge"].values())
    total = sum(WEIGHTS[task] * expected[task]["loss"] for task in ("semseg", "depth", "normals"))
    assert got["total"]["loss"] == pytest.approx(total, rel=1e-4)


def test_without_any_label_at_all_the_total_is_nan(toy, network):
    got = evaluate(network, toy.feed_of([toy.sample(0, without=tuple(WEIGHTS))]), 2)
    assert all(math.isnan(value) for metrics in got.values() for value in metrics.values())


def test_the_total_follows_the_weights_of_the_tasks(toy, network):
    tasks = toy.tasks()
    tasks[1].weight = 7.0
    feed = toy.feed_of(map(toy.sample, range(3)), tasks)
    got = evaluate(network, feed, 8)
    weights = {**WEIGHTS, "depth": 7.0}
    total = sum(weights[task] * got[task]["loss"] for task in weights)
    assert got["total"]["loss"] == pytest.approx(total)


def test_evaluation_neither_trains_nor_leaves_dropout_and_statistics_on(toy, network):
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluate(network, toy.feed, 4)
    assert not network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_broken_network_is_an_error_that_names_the_images(toy):
    with global_torch_stream(7):
        broken = build_network(toy.small, toy.feed.tasks)
    nn.init.constant_(broken.predict["edge"].bias, float("nan"))
    with pytest.raises(DivergedError, match=r"images image-0, image-1, image-2: lower recipe\.learning"):
        evaluate(broken, toy.feed, 3)


def test_a_broken_label_is_named(toy, network):
    samples = [toy.sample(i) for i in range(4)]
    normals = np.full_like(samples[2].labels["normals"], np.nan)
    samples[2] = Sample(samples[2].image, {**samples[2].labels, "normals": normals})
    with pytest.raises(DivergedError, match="not finite on the images image-2:"):
        evaluate(network, toy.feed_of(samples), 4)
