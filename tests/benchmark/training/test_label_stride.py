"""Training on every second label: predictions of that size in a training step, whole ones elsewhere."""

import pytest
import torch
import torch.nn.functional as F

from benchmark.data.feed import Batch
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.training.train import strided, task_losses, weights_digest


@pytest.mark.parametrize("name", ["pad_net", "mti_net", "multi_task", "single_task"])
@pytest.mark.parametrize("size", [(32, 32), (33, 45), (38, 38), (13, 29)])
@pytest.mark.parametrize("stride", [2, 3, 5, 7])
def test_predictions_have_the_size_of_their_labels(toy, name, size, stride):
    network = build_network(NetworkConfig(name=name, width=8), toy.tasks())
    network.training_stride = stride
    images = torch.rand(2, 3, *size)
    labels = strided({"depth": torch.rand(2, 1, *size)}, toy.recipe(label_stride=stride))
    assert network.train()(images).refined["depth"].shape == labels["depth"].shape
    assert network.eval()(images).refined["depth"].shape[-2:] == size


@pytest.mark.parametrize("name", ["pad_net", "multi_task"])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_predictions_of_a_padded_image_are_those_of_its_own_pixels(toy, name, stride):
    network = build_network(NetworkConfig(name=name, width=8), toy.tasks()).train()
    network.training_stride = stride
    images = torch.rand(2, 3, 38, 38)
    padded = network(F.pad(images, (0, 2, 0, 2), mode="replicate")).refined
    count = len(range(0, 38, stride))
    for task, refined in network(images).refined.items():
        assert torch.equal(refined, padded[task][..., :count, :count])


@pytest.mark.parametrize("name", ["pad_net", "mti_net", "multi_task"])
def test_losses_are_finite_at_sizes_that_are_padded(toy, name):
    network = build_network(NetworkConfig(name=name, width=8), toy.tasks()).train()
    network.training_stride = 3
    labels = {"semseg": torch.randint(0, 3, (2, 38, 38)), "depth": torch.rand(2, 38, 38)}
    labels = strided(labels, toy.recipe(label_stride=3))
    tasks = [task for task in toy.tasks() if task.name in labels]
    outputs = network(images := torch.rand(2, 3, 38, 38))
    losses = task_losses(outputs, Batch(images, labels), tasks)
    assert torch.stack([losses.initial, losses.refined]).isfinite().all()
    if name == "multi_task":  # its two stages are one
        assert torch.equal(losses.initial, losses.refined)


def test_labels_are_picked_and_never_mixed(toy):
    labels = {"semseg": torch.arange(20).view(1, 4, 5)}
    assert strided(labels, toy.recipe(label_stride=2))["semseg"].tolist() == [[[0, 2, 4], [10, 12, 14]]]
    assert torch.equal(strided(labels, toy.recipe())["semseg"], labels["semseg"])


def test_a_training_learns_from_them(toy):
    plain, every, second = (weights_digest(toy.train(**how).network) for how in STRIDES)
    assert plain == every != second


STRIDES = ({}, {"label_stride": 1}, {"label_stride": 2})


def test_keys_of_before_stay():
    assert "label_stride" not in Recipe().settings()
    assert Recipe(label_stride=2).settings()["label_stride"] == 2
