"""The best constant prediction of every task: what a network must beat to have learned from images at all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.data.decoded.rows import Say
from benchmark.data.feed import Batch, Feed
from benchmark.tasks.task import Task
from benchmark.training.evaluate import evaluate_predictions
from strategies.interface import Outputs, Positions

#: A prediction (C) by task; None for a task of which no image has a label.
Constants = Mapping[str, Tensor | None]


@torch.no_grad()
def best_constants(feed: Feed, positions: Positions, batch_size: int) -> dict[str, Tensor | None]:
    """The predictions, the same at every pixel of every image, of the least loss on these labels."""
    found: dict[str, list[Tensor]] = {task.name: [] for task in feed.tasks}
    order = [positions[start : start + batch_size] for start in range(0, len(positions), batch_size)]
    for batch in feed.batches(order):
        for task in feed.tasks:
            found[task.name].extend(_summaries(task, batch))
    # One summary an image: labels of a whole pool do not fit into memory at once.
    return {t.name: t.constant(torch.stack(found[t.name])) if found[t.name] else None for t in feed.tasks}


def evaluate_constants(
    constants: Constants, feed: Feed, batch_size: int, say: Say = lambda _: None
) -> dict[str, dict[str, float]]:
    """Losses and metrics of these predictions, as of a network; there is no initial prediction.

    NaN for a task without a constant, and for the total where such a task has labels to evaluate.
    """
    predicted = {t.name: _given(constants[t.name], t, feed.device) for t in feed.tasks}
    metrics = evaluate_predictions(
        lambda batch: _outputs(predicted, feed, batch.images), feed, batch_size, say
    )
    missing = {task for task, constant in constants.items() if constant is None}
    unknown = any(math.isfinite(metrics[task]["loss"]) for task in missing)
    named = {task: _without_initial(values, task in missing) for task, values in metrics.items()}
    return named | ({"total": {"loss": math.nan}} if unknown else {})


def _summaries(task: Task, batch: Batch) -> list[Tensor]:
    labels = batch.labels[task.name]
    labelled = task.valid(labels).flatten(1).any(1).tolist()
    return [task.summary(label) for label, there in zip(labels, labelled, strict=True) if there]


def _given(constant: Tensor | None, task: Task, device: torch.device) -> Tensor:
    return torch.zeros(task.channels, device=device) if constant is None else constant.float()


def _outputs(predicted: Mapping[str, Tensor], feed: Feed, images: Tensor) -> Outputs:
    count, _, height, width = images.shape
    # Expanded, not copied: the same number at every pixel takes no memory.
    maps = {name: one.view(1, -1, 1, 1).expand(count, -1, height, width) for name, one in predicted.items()}
    return Outputs(tuple(task.spec for task in feed.tasks), maps, maps, {}, ())


def _without_initial(values: Mapping[str, float], missing: bool) -> dict[str, float]:
    kept = {name: value for name, value in values.items() if name != "initial_loss"}
    return dict.fromkeys(kept, math.nan) if missing else kept
