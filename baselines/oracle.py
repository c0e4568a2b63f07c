"""The true loss: what an uncertainty would be if it were perfect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strategies import Outputs, Pool, ScoreStrategy, register
from strategies.interface import Scores

if TYPE_CHECKING:
    from torch import Tensor

KNOWN = ".known "  # before a task's name, and no name of a task begins so


@register("true-loss", source="the target that Yoo & Kweon, CVPR 2019, learn to predict", family="reference")
class TrueLoss(ScoreStrategy):
    """Highest true loss of the refined prediction, mean rank over tasks. It looks at labels: never ranked.

    An upper reference for strategies that estimate the loss, not a bound for all: the images of the highest
    loss may be alike, or mislabelled. An image without a label for a task has the median loss there: nothing
    says whether it is hard.
    """

    reference = True

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The loss of every task (B each), and whether there is one. Raises ValueError without losses."""
        losses = outputs.true_losses
        if losses is None:
            raise ValueError("true-loss needs the labels' losses, which only a reference strategy is given")
        each = {task.name: losses[:, column] for column, task in enumerate(outputs.tasks)}
        known = {KNOWN + task: ~loss.isnan() for task, loss in each.items()}
        return {task: loss.masked_fill(loss.isnan(), 0.0) for task, loss in each.items()} | known

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """The losses of all N images by task."""
        losses = super().scores(pool)
        return {task: _filled(loss, pool.rows[KNOWN + task]) for task, loss in losses.items()}


def _filled(loss: Scores, known: NDArray[np.bool_]) -> Scores:
    return np.where(known, loss, np.median(loss[known]) if known.any() else 0.0)
