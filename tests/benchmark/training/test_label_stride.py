"""Training on every second label: predictions of that size in a training step, whole ones elsewhere."""

import pytest
import torch
import torch.nn.functional as F

from benchmark.data.feed import Batch
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.networks.places import Places
from benchmark.training.train import strided, task_losses, weights_digest
from strategies.divergences import resized


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


@pytest.mark.parametrize("name", ["pad_net", "mti_net", "multi_task", "single_task"])
@pytest.mark.parametrize("size", [(32, 32), (33, 45), (38, 38), (13, 29)])
@pytest.mark.parametrize("step", [2, 3, 5, 7])
def test_a_step_reads_predictions_where_the_labels_are(toy, name, size, step):
    """Those that a training on all labels has at these very pixels, of both stages."""
    network = build_network(NetworkConfig(name=name, width=8), toy.tasks()).train()
    maps = network.encode(torch.rand(2, 3, *size))
    all_of_them = network.decode(maps, size)
    network.label_step = step
    some = network.decode(maps, size)
    for task, refined in all_of_them.refined.items():
        assert torch.allclose(some.refined[task], refined[..., ::step, ::step], atol=1e-5)
        every = (all_of_them.initial[task], *all_of_them.coarser_initial.get(task, ()))
        stepped = (some.initial[task], *some.coarser_initial.get(task, ()))
        for whole, picked in zip(every, stepped, strict=True):
            assert torch.allclose(picked, resized(whole, size)[..., ::step, ::step], atol=1e-5)
    assert network.eval().decode(maps, size).refined[task].shape[-2:] == size


@pytest.mark.parametrize(
    ("found", "whole", "size", "step"), [(8, 32, 30, 2), (5, 13, 13, 3), (7, 7, 6, 1), (1, 9, 9, 4)]
)
def test_places_are_those_of_resizing_to_the_whole(found, whole, size, step):
    prediction = torch.randn(2, 3, found, found + 1)
    expected = F.interpolate(prediction, (whole, whole + 2), mode="bilinear", align_corners=False)
    got = Places((whole, whole + 2), (size, size), step).of(prediction)
    assert torch.allclose(got, expected[..., :size, :size][..., ::step, ::step], atol=1e-6)


def test_a_step_trains_a_network_that_is_in_its_place(toy):
    """Of a map that says where it is, training on some labels asks for nothing else than training on all."""
    where = torch.arange(16.0).view(1, 1, 1, 16).expand(1, 1, 16, 16) * 2 + 0.5  # the column in the image
    for step in (1, 2, 3, 4):
        read = Places((32, 32), (32, 32), step).of(where)[0, 0, 0]
        inside = slice(1, -1)  # beyond the outermost cells a map knows nothing
        assert torch.allclose(read[inside], torch.arange(0.0, 32, step)[inside], atol=1e-5)


@pytest.mark.parametrize("field", ["label_stride", "label_step"])
def test_labels_are_picked_and_never_mixed(toy, field):
    labels = {"semseg": torch.arange(20).view(1, 4, 5)}
    assert strided(labels, toy.recipe(**{field: 2}))["semseg"].tolist() == [[[0, 2, 4], [10, 12, 14]]]
    assert torch.equal(strided(labels, toy.recipe())["semseg"], labels["semseg"])


def test_a_training_learns_from_them(toy):
    plain, every, second = (weights_digest(toy.train(**how).network) for how in STRIDES)
    assert plain == every != second


STRIDES = ({}, {"label_step": 1, "label_stride": 1}, {"label_step": 2})


def test_both_forms_at_once_are_refused():
    with pytest.raises(ValueError, match="label_stride is an older form of the same"):
        Recipe(label_step=2, label_stride=2)


def test_keys_of_before_stay():
    assert "label_stride" not in Recipe().settings()
    assert "label_step" not in Recipe(label_stride=2).settings()
    assert Recipe(label_stride=2).settings()["label_stride"] == 2
    assert Recipe(label_step=2).settings()["label_step"] == 2
