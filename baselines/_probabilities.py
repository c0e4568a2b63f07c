"""Probabilities of tasks that predict one of several classes, or yes or no, per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strategies.interface import Kind, TaskSpec

if TYPE_CHECKING:
    from torch import Tensor

#: The kinds of task that predict a distribution.
DISCRETE: tuple[Kind, ...] = ("categorical", "binary")


def discrete(tasks: Sequence[TaskSpec]) -> list[str]:
    """Names of the tasks that predict classes."""
    return [task.name for task in tasks if task.kind in DISCRETE]


def probabilities(logits: Tensor) -> Tensor:
    """Probabilities of all classes (B x C x H x W); a single channel is a logit of yes and gives no, yes."""
    import torch

    return logits.softmax(1) if logits.shape[1] > 1 else torch.cat([-logits, logits], 1).sigmoid()


def predicted_classes(logits: Tensor) -> Tensor:
    """The most likely class of every pixel (B x H x W); of a single channel 1, for yes, above 0."""
    return logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()
