"""Evaluate a network on the validation split: losses and metrics of every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from benchmark.data.feed import Feed, normalised
from benchmark.networks import Network
from benchmark.tasks.task import Task
from benchmark.training.train import task_losses

Metrics = Mapping[str, Mapping[str, float]]


@torch.no_grad()
def evaluate(network: Network, feed: Feed, batch_size: int) -> Metrics:
    """``{task: {metric: value}}``, and the multi-task validation loss as task ``total``, metric ``loss``.

    A task's loss is the mean over images that have a label for it of the refined prediction's loss; the total
    is the sum over tasks of weight * loss. No loss is ever weighted by sample. NaN where nothing is labelled.
    """
    network.eval()
    meters = {task.name: task.meter() for task in feed.tasks}
    sums = torch.zeros(3, len(feed.tasks), dtype=torch.float64, device=feed.device)
    for positions in feed.in_order(batch_size):
        batch = feed.batch(positions)
        outputs = network(normalised(batch.images))
        losses = task_losses(outputs, batch, feed.tasks)
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


def _losses(sums: torch.Tensor, tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    refined, initial, images = sums
    means = torch.stack([refined / images, initial / images], 1).tolist()
    return {
        task.name: {"loss": loss, "initial_loss": first}
        for task, (loss, first) in zip(tasks, means, strict=True)
    }


def _total(losses: Mapping[str, Mapping[str, float]], tasks: Sequence[Task]) -> float:
    return sum(task.weight * losses[task.name]["loss"] for task in tasks)
