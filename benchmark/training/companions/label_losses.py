"""What a companion that wants labels is told of them: losses of its own predictions, while it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from benchmark.errors import UserError
from benchmark.tasks.task import Task
from strategies.interface import LabelLoss


@contextmanager
def label_losses(labels: Mapping[str, Tensor], known: Tensor, tasks: Sequence[Task]) -> Iterator[LabelLoss]:
    """Losses against these labels (of B images), NaN where one has none (known, B x T, is false).

    Inside alone: whoever keeps the function for later, as to ask it while images are chosen, is refused with
    a UserError.
    """
    places, told = {task.name: place for place, task in enumerate(tasks)}, True

    def loss(task: str, prediction: Tensor) -> Tensor:
        if not told:
            raise UserError(
                "A companion asked for labels when it was not trained: of a batch's labels it may know while "
                "its loss is computed, and never later."
            )
        place = places[task]
        losses = tasks[place].loss(prediction, labels[task])
        return losses.masked_fill(~known[:, place], torch.nan)

    yield loss
    told = False
