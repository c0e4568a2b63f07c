"""Evaluate a network on the validation split: losses and metrics of every task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from benchmark.data.feed import Feed
from benchmark.networks import Network
from benchmark.tasks.task import Task
from benchmark.training.forward import Precision, forward
from benchmark.training.optimiser import DivergedError
from benchmark.training.train import TaskLosses, task_losses

Metrics = Mapping[str, Mapping[str, float]]


@torch.no_grad()
def evaluate(network: Network, feed: Feed, batch_size: int, precision: Precision = "fp32") -> Metrics:
    """``{task: {metric: value}}``, and the multi-task validation loss as task ``total``, metric ``loss``.

    A task's loss is the mean over images that have a label for it of the refined prediction's loss; the total
    is the sum of weight * loss over the tasks that any image has labels for. No loss is ever weighted by
    sample. NaN where nothing is labelled. Raises DivergedError for a loss that is not finite.
    """
    network.eval()
    meters = {task.name: task.meter() for task in feed.tasks}
    sums = torch.zeros(3, len(feed.tasks), dtype=torch.float64, device=feed.device)
    order = list(feed.in_order(batch_size))
    for positions, batch in zip(order, feed.batches(order), strict=True):
        outputs = forward(network, batch.images, precision)
        losses = task_losses(outputs, batch, feed.tasks)
        _check(losses, [feed.ids[i] for i in positions.tolist()])
        labelled = torch.stack([t.valid(batch.labels[t.name]).flatten(1).any(1) for t in feed.tasks], 1)
        sums += torch.stack(
            [(losses.refined * labelled).sum(0), (losses.initial * labelled).sum(0), labelled.sum(0)]
        )
        for task in feed.tasks:
            meters[task.name].update(outputs.refined[task.name], batch.labels[task.name])
    losses_only = _losses(sums, feed.tasks)
    return {task: {**losses_only[task], **meters[task].compute()} for task in meters} | {
        "total": {"loss": _total(losses_only, feed.tasks)}
    }


def _check(losses: TaskLosses, ids: Sequence[str]) -> None:
    finite = (losses.refined + losses.initial).isfinite().all(1).tolist()
    if not all(finite):
        bad = ", ".join(image for image, fine in zip(ids, finite, strict=True) if not fine)
        raise DivergedError(
            f"The validation loss is not finite on the images {bad}: lower recipe.learning_rate, set "
            "recipe.clip, or look at these images' labels."
        )


def _losses(sums: torch.Tensor, tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    refined, initial, images = sums
    means = torch.stack([refined / images, initial / images], 1).tolist()
    return {
        task.name: {"loss": loss, "initial_loss": first}
        for task, (loss, first) in zip(tasks, means, strict=True)
    }


def _total(losses: Mapping[str, Mapping[str, float]], tasks: Sequence[Task]) -> float:
    parts = [task.weight * losses[task.name]["loss"] for task in tasks]
    labelled = [part for part in parts if not math.isnan(part)]
    return math.fsum(labelled) if labelled else math.nan
