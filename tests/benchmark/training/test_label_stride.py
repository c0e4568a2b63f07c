"""Training on every second label: predictions of that size in a training step, whole ones elsewhere."""

import pytest
import torch

from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.training.train import strided, weights_digest


@pytest.mark.parametrize("name", ["pad_net", "mti_net", "multi_task"])
@pytest.mark.parametrize("size", [(32, 32), (33, 45)])
@pytest.mark.parametrize("stride", [2, 3])
def test_predictions_have_the_size_of_their_labels(toy, name, size, stride):
    network = build_network(NetworkConfig(name=name, width=8), toy.tasks())
    network.training_stride = stride
    images = torch.rand(2, 3, *size)
    labels = strided({"depth": torch.rand(2, 1, *size)}, toy.recipe(label_stride=stride))
    assert network.train()(images).refined["depth"].shape == labels["depth"].shape
    assert network.eval()(images).refined["depth"].shape[-2:] == size


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
