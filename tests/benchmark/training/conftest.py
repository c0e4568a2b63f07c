"""A toy data set in memory: coloured squares whose labels can be read off the picture."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.data.dataset import Sample
from benchmark.data.feed import Feed
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.tasks import make_task
from benchmark.training.train import train

SIDE = 32
SMALL = NetworkConfig(width=8, blocks=1)


class InMemory:
    """Samples in a list."""

    def __init__(self, samples):
        self.samples = samples
        self.ids = tuple(f"image-{i}" for i in range(len(samples)))

    def __getitem__(self, position):
        return self.samples[position]


def toy_sample(seed, without=()):
    """A square on a plain ground: its class is its colour, its depth its brightness."""
    rng = np.random.default_rng(seed)
    kind, size = int(rng.integers(1, 3)), int(rng.integers(8, 20))
    top, left = rng.integers(0, SIDE - size, 2)
    semseg = np.zeros((SIDE, SIDE), np.uint8)
    semseg[top : top + size, left : left + size] = kind
    image = np.full((SIDE, SIDE, 3), 60, np.uint8)
    image[semseg == kind] = (220, 40, 40) if kind == 1 else (40, 40, 220)
    image = np.clip(image + rng.integers(-9, 9, image.shape), 0, 255).astype(np.uint8)
    up, side = np.array([0, 1, 0], np.float32), np.array([0.6, 0, 0.8], np.float32)
    edge = (semseg != np.roll(semseg, 1, 0)) | (semseg != np.roll(semseg, 1, 1))
    labels = {
        "semseg": semseg,
        "depth": np.where(semseg > 0, 1.0, 2.0).astype(np.float32),
        "normals": np.where((semseg > 0)[..., None], side, up),
        "edge": edge.astype(np.uint8),
    }
    labels["depth"][rng.random((SIDE, SIDE)) < 0.1] = np.nan
    labels["semseg"][rng.random((SIDE, SIDE)) < 0.1] = 255
    return Sample(image, {task: label for task, label in labels.items() if task not in without})


def all_tasks():
    return (
        make_task("semseg", classes=("ground", "red", "blue")),
        make_task("depth"),
        make_task("normals"),
        make_task("edge"),
    )


def feed_of(samples, tasks=None):
    return Feed(InMemory(list(samples)), tasks or all_tasks(), torch.device("cpu"))


def recipe_of(**changes):
    fields = {
        "iterations": 3,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "weight_decay": 0,
        "schedule": "constant",
    }
    return Recipe.model_validate(fields | changes)


FEED = feed_of(map(toy_sample, range(12)))
STREAMS = Streams("toy", 0, 0)


def trained(
    companions=None, feed=FEED, positions=range(12), weights=None, streams=STREAMS, progress=int, **recipe
):
    """A small network after a short training; keywords that are left over change the recipe."""
    where = np.array(positions)
    return train(feed, where, weights, SMALL, recipe_of(**recipe), streams, companions or {}, progress)


def fresh():
    """The network as training starts from it."""
    with global_torch_stream(STREAMS.seed_of("weights")):
        return build_network(SMALL, FEED.tasks)


@pytest.fixture(scope="session")
def toy():
    """The helpers above, and one feed of twelve images that no test changes."""
    return SimpleNamespace(
        feed=FEED,
        feed_of=feed_of,
        sample=toy_sample,
        tasks=all_tasks,
        recipe=recipe_of,
        small=SMALL,
        streams=STREAMS,
        train=trained,
        fresh=fresh,
    )


@pytest.fixture(scope="module")
def network(toy):
    with global_torch_stream(7):
        return build_network(toy.small, toy.feed.tasks)
