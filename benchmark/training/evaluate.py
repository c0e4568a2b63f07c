"""Evaluate a network on the validation split: losses and metrics of every task."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.decoded.rows import Say
from benchmark.data.feed import Batch, Feed
from benchmark.networks import Network
from benchmark.tasks.task import Task
from benchmark.training.forward import Precision, forward
from benchmark.training.hardware.memory import in_parts
from benchmark.training.losses import TaskLosses, task_losses
from benchmark.training.optimiser import DivergedError
from strategies.device_transfer import on_device
from strategies.interface import Outputs, Positions

Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics, and the refined loss of every image for every task (N x T), NaN where it has no label."""

    metrics: Metrics
    image_losses: NDArray[np.float32]


def evaluate(
    network: Network,
    feed: Feed,
    batch_size: int,
    precision: Precision = "fp32",
    say: Say = lambda _: None,
) -> Metrics:
    """``{task: {metric: value}}``, and the multi-task validation loss as task ``total``, metric ``loss``.

    A task's loss is the mean over images that have a label for it of the refined prediction's loss, and
    ``initial_loss`` that of the initial one, of several scales the finest; the total
    is the sum of weight * loss over the tasks that any image has labels for. No loss is ever weighted by
    sample. NaN where nothing is labelled. Where memory is full, batches are made smaller, and ``say`` is
    told. Raises DivergedError for a loss that is not finite, and UserError for a single image that does not
    fit into memory.
    """
    return evaluate_images(network, feed, batch_size, precision, say).metrics


@torch.no_grad()
def evaluate_images(
    network: Network,
    feed: Feed,
    batch_size: int,
    precision: Precision = "fp32",
    say: Say = lambda _: None,
) -> Evaluation:
    """The same, with the losses of single images."""
    tally = _Tally(feed)
    _count_network(tally, network, feed, batch_size, precision, say)
    return Evaluation(tally.metrics(), tally.images.cpu().numpy())


@torch.no_grad()
def total_loss(
    network: Network, feed: Feed, batch_size: int, precision: Precision = "fp32", say: Say = lambda _: None
) -> float:
    """The multi-task loss alone, as ``evaluate`` gives it, without metrics, some of which take long."""
    tally = _Tally(feed, metered=False)
    _count_network(tally, network, feed, batch_size, precision, say)
    return tally.metrics()["total"]["loss"]


@torch.no_grad()
def evaluate_predictions(
    predict: Callable[[Batch], Outputs], feed: Feed, batch_size: int, say: Say = lambda _: None
) -> Metrics:
    """The same of whatever predicts from a batch, whose labels it must not read."""
    tally = _Tally(feed)
    _count(tally, predict, feed, batch_size, say)
    return tally.metrics()


def _count_network(
    tally: _Tally, network: Network, feed: Feed, batch_size: int, precision: Precision, say: Say
) -> None:
    """Count all images of a feed as a network predicts them."""
    # Running statistics: an evaluation must not depend on which images share a batch.
    network.eval()
    _count(tally, lambda batch: forward(network, batch.images, precision, batch.maps), feed, batch_size, say)


def _count(tally: _Tally, predict: Callable[[Batch], Outputs], feed: Feed, batch_size: int, say: Say) -> None:
    """Count all images of a feed."""

    def count(positions: Positions, batch: Batch) -> None:
        outputs = predict(batch)
        losses = task_losses(outputs, batch, feed.tasks)
        _check(losses, [feed.ids[i] for i in positions.tolist()])
        tally.add(positions, outputs, losses, batch.labels)

    in_parts(feed, batch_size, feed.batches, count, say)


class _Tally:
    """Losses and metrics of the images counted so far, or losses alone."""

    def __init__(self, feed: Feed, metered: bool = True) -> None:
        self.tasks, self.device = feed.tasks, feed.device
        self.meters = {task.name: task.meter() for task in self.tasks if metered}
        #: Refined losses, initial losses and images with a label (rows), summed for every task.
        # In float64: sums over thousands of images, in whatever batches, keep their digits.
        self.sums = torch.zeros(3, len(self.tasks), dtype=torch.float64, device=self.device)
        #: Refined losses of every image (N x T), NaN without a label.
        self.images = torch.full((len(feed.ids), len(self.tasks)), torch.nan, device=self.device)

    def add(
        self, positions: Positions, outputs: Outputs, losses: TaskLosses, labels: Mapping[str, Tensor]
    ) -> None:
        """Count one batch: all of it or, should memory be full in the middle, none of it."""
        meters = copy.deepcopy(self.meters)  # some numbers each
        for task, meter in meters.items():
            meter.update(outputs.refined[task], labels[task])
        counted = [losses.refined.sum(0), losses.finest.sum(0), losses.labelled.sum(0)]
        rows = on_device(torch.from_numpy(positions), self.device)
        # A batch that is counted again in parts gives the same rows again.
        self.images.index_copy_(0, rows, losses.told.float())
        self.sums, self.meters = self.sums + torch.stack(counted), meters

    def metrics(self) -> Metrics:
        """All means and metrics."""
        losses = _losses(self.sums, self.tasks)
        each = {task: {**losses[task], **meter.compute()} for task, meter in self.meters.items()}
        return each | {"total": {"loss": _total(losses, self.tasks)}}


def _check(losses: TaskLosses, ids: Sequence[str]) -> None:
    finite = (losses.refined + losses.initial).isfinite().all(1).tolist()
    if not all(finite):
        bad = ", ".join(image for image, fine in zip(ids, finite, strict=True) if not fine)
        raise DivergedError(
            f"The validation loss is not finite on the images {bad}: lower recipe.learning_rate, set "
            "recipe.clip, or look at these images' labels."
        )


def _losses(sums: Tensor, tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    refined, initial, images = sums
    means = torch.stack([refined / images, initial / images], 1).tolist()
    return {
        task.name: {"loss": loss, "initial_loss": first}
        for task, (loss, first) in zip(tasks, means, strict=True)
    }


def _total(losses: Mapping[str, Mapping[str, float]], tasks: Sequence[Task]) -> float:
    parts = [task.weight * losses[task.name]["loss"] for task in tasks]
    labelled = [part for part in parts if not math.isnan(part)]
    # Tasks in any order have the same total.
    return math.fsum(labelled) if labelled else math.nan
