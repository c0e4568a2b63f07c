"""The true loss: what an uncertainty would be if it were perfect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Outputs, ScoreStrategy, register

if TYPE_CHECKING:
    from torch import Tensor


@register("true-loss", source="the target that Yoo & Kweon, CVPR 2019, learn to predict", family="reference")
class TrueLoss(ScoreStrategy):
    """Highest true loss of the refined prediction, mean rank over tasks. It looks at labels: never ranked.

    An upper reference for strategies that estimate the loss, not a bound for all: the images of the highest
    loss may be alike, or mislabelled. An image without a label for a task has the loss 0 there.
    """

    reference = True

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The loss of every task (B each). Raises ValueError where no losses are given."""
        losses = outputs.true_losses
        if losses is None:
            raise ValueError("true-loss needs the labels' losses, which only a reference strategy is given")
        return {task.name: losses[:, column] for column, task in enumerate(outputs.tasks)}
