"""Trains, evaluates and observes on a fake GPU in bfloat16: prints what was noted in each phase, as JSON.

python program.py NETWORK,NETWORK.. TASK,TASK.. "STRATEGY STRATEGY .."    (with conftest.py's stub)
"""

import json
import sys

import numpy as np
from fake_gpu import GPU, fake_gpu

import baselines  # noqa: F401
from benchmark.data.dataset import Sample
from benchmark.data.feed import Feed
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.random_streams import Streams
from benchmark.tasks import make_task
from benchmark.training.evaluate import evaluate
from benchmark.training.observe import observe
from benchmark.training.train import train
from strategies.registry import resolve

SIDE, COUNT, BATCH, PRECISION = 32, 2, 2, "bf16"
AUGMENTATION = {"zoom": [1.0, 1.2], "rotation": 5, "crop": [24, 24], "colour": 0.2, "hue": 10}
LABELS = {
    "semseg": lambda rng: rng.integers(0, 3, (SIDE, SIDE)).astype(np.uint8),
    "depth": lambda rng: rng.random((SIDE, SIDE)).astype(np.float32),
    "normals": lambda rng: rng.random((SIDE, SIDE, 3)).astype(np.float32),
    "edge": lambda rng: rng.integers(0, 2, (SIDE, SIDE)).astype(np.uint8),
    "saliency": lambda rng: rng.integers(0, 2, (SIDE, SIDE)).astype(np.uint8),
}


class Split:
    """Some images with labels."""

    def __init__(self, tasks):
        self.tasks, self.ids = tasks, tuple(f"image-{i}" for i in range(COUNT))

    def __getitem__(self, position):
        rng = np.random.default_rng(position)
        image = rng.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
        return Sample(image, {task.name: LABELS[task.name](rng) for task in self.tasks})


def watched(watch, network, tasks, names):
    small = {"blocks": 1} if network == "pad_net" else {}
    config, streams = NetworkConfig(name=network, width=8, **small), Streams("fake", 0, 0)
    recipe = Recipe(iterations=3, batch_size=BATCH, precision=PRECISION, clip=1.0, augmentation=AUGMENTATION)
    feed, marks = Feed(Split(tasks), tasks, GPU), {}
    made = {name: resolve(name).create() for name in names}
    weights, progress = np.ones((COUNT, len(tasks))), lambda done: marks.setdefault(done, watch.looked())
    trained = train(feed, np.arange(COUNT), weights, config, recipe, streams, made, progress)
    yield "start", marks[1]
    yield "loop", [marks[2], marks[3]]
    yield "look", watch.looked()
    metrics = evaluate(trained.network, feed, BATCH, PRECISION)
    yield "evaluate", watch.looked() | {"metrics": sorted(metrics)}
    for name, strategy in made.items():
        companion = trained.companions.get(name)
        rows = observe(trained.network, companion, feed, strategy, name, streams, BATCH, PRECISION)
        yield name, watch.looked() | {"rows": {key: str(row.dtype) for key, row in rows.items()}}
    yield "devices", sorted({str(each.device) for each in trained.network.parameters()})
    yield "companions", sorted(trained.companions)
    # One image has labels; the other has pseudo-labels, in the second of two trainings. One step of each: the
    # loop above has taken further ones, and whatever waits in a step of these waits in their first.
    with_pseudo_labels = recipe.model_copy(update={"unlabelled": "pseudo", "iterations": 1})
    train(feed, np.arange(1), None, config, with_pseudo_labels, streams, {})
    yield "pseudo", watch.looked()


def main(networks, tasks, names):
    classes = {"semseg": ("a", "b", "c")}
    made = tuple(make_task(name, classes=classes.get(name, ())) for name in tasks.split(","))
    with fake_gpu() as watch:
        found = {
            network: dict(watched(watch, network, made, names.split())) for network in networks.split(",")
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
