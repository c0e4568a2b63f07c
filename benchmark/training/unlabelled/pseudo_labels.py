"""Pseudo-labels: what a trained network predicts of images without labels, a batch at a time.

Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", ICML
workshop 2013, with predictions of a network that is trained already (self-training). Predictions of a whole
pool would not fit into memory, and none are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from benchmark.data.augment import augmented
from benchmark.data.feed import Batch, BatchMaps, Feed, shuffled
from benchmark.experiment.recipe import Recipe
from benchmark.networks import Network
from benchmark.random_streams import Streams
from benchmark.tasks.task import Task
from benchmark.training.forward import forward
from benchmark.training.known_labels import KnownLabels
from strategies.device_transfer import on_device
from strategies.interface import Positions

#: A batch, places of its first images among the labelled positions, and positions of the others in the pool.
Mixed = tuple[Batch, Positions, Positions]


def unlabelled_positions(feed: Feed, positions: Positions, recipe: Recipe) -> Positions:
    """The images of the pool without labels that a recipe trains on: all of them, or none."""
    if recipe.unlabelled == "none":
        return np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(len(feed)), positions)


def mixed_batches(
    feed: Feed,
    known: KnownLabels,
    others: Positions,
    teacher: Network,
    recipe: Recipe,
    streams: Streams,
    augmentation: Generator,
    first: int = 0,
) -> Iterator[Mixed]:
    """Batches of ``batch_size`` labelled images and then as many of the ``others`` with pseudo-labels.

    They begin after the ``first`` ones, which left the stream of the augmentation as it is given. No label of
    the others is read.
    """
    size, count = recipe.batch_size, recipe.iterations_for(len(known.positions))
    told = list(known.batches(size, count, streams.numpy("batches")))[first:]
    unknown = list(shuffled(len(others), size, count, streams.apart("unlabelled").numpy("batches")))[first:]
    labelled = feed.batches(known.positions[rows] for rows in told)
    for rows, batch, places in zip(told, labelled, unknown, strict=True):
        # By itself: a feed that decodes ahead reads one sequence of batches at a time.
        guessed = with_pseudo_labels(feed.batch(others[places], labels=False), teacher, feed.tasks, recipe)
        both = side_by_side(batch, guessed)
        yield augmented(both, feed.tasks, recipe.augmentation, augmentation), rows, others[places]


@torch.no_grad()
def with_pseudo_labels(batch: Batch, teacher: Network, tasks: Sequence[Task], recipe: Recipe) -> Batch:
    """The batch with what the teacher predicts of it, as it is, for labels."""
    outputs = forward(teacher.eval(), batch.images, recipe.precision, batch.maps)
    labels = {
        task.name: pseudo_label(task, outputs.refined[task.name], recipe.pseudo_confidence) for task in tasks
    }
    return replace(batch, labels=labels)


def pseudo_label(task: Task, prediction: Tensor, confidence: float) -> Tensor:
    """The encoded label that a refined prediction (B x C x H x W) stands for, where it is sure enough.

    For classes and for yes and no, where the probability of what is predicted is at least ``confidence``;
    other pixels are ignored. Numbers and directions have no probability: every pixel counts.
    """
    label = task.as_label(prediction)
    sure = certainty(task, prediction)
    if sure is None:
        return label
    height, width = prediction.shape[-2:]
    nothing = on_device(torch.from_numpy(task.unlabelled(height, width)), label.device)
    return torch.where(sure >= confidence, label, nothing.to(label.dtype))


def certainty(task: Task, prediction: Tensor) -> Tensor | None:
    """The probability of what is predicted (B x H x W); None for a task whose predictions have none."""
    if task.kind == "categorical":
        return prediction.softmax(1).amax(1)
    if task.kind == "binary":
        return prediction[:, 0].abs().sigmoid()
    return None


def side_by_side(one: Batch, other: Batch) -> Batch:
    """Two batches as one."""
    labels = {task: torch.cat([label, other.labels[task]]) for task, label in one.labels.items()}
    return Batch(torch.cat([one.images, other.images]), labels, _maps(one.maps, other.maps))


def _maps(one: BatchMaps | None, other: BatchMaps | None) -> BatchMaps | None:
    if one is None or other is None:
        return None
    positions = np.concatenate([one.positions, other.positions])
    return BatchMaps(one.kept, positions, np.concatenate([one.mirrored, other.mirrored]))
