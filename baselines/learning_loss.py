"""Learning loss: a module that predicts how large the training loss of an image would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Companion, Outputs, ScoreStrategy, Shapes, register

if TYPE_CHECKING:
    from torch import Tensor


@register("learning-loss", source="Yoo & Kweon, CVPR 2019")
class LearningLoss(ScoreStrategy):
    """Highest predicted loss, mean rank over tasks.

    Deviations: one output per task where the paper has one in all, learned from pairs of images that both
    have a label for the task; the features are detached, so that the network learns the same with and without
    the module.
    hidden: width of the layer after each stage's global average.
    margin: margin of the ranking loss.
    """

    def __init__(self, hidden: int = 128, margin: float = 1.0) -> None:
        if hidden < 1 or margin < 0:
            raise ValueError("learning-loss: hidden must be at least 1 and margin 0 or more")
        self.hidden, self.margin = hidden, margin

    def companion(self, shapes: Shapes) -> Companion:
        """The loss-prediction module."""
        from baselines._loss_prediction import LossPrediction

        return LossPrediction(shapes, self.hidden, self.margin)

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The predicted loss of every task (B each)."""
        predicted = outputs.companion["predicted_loss"]
        return {task.name: predicted[:, column] for column, task in enumerate(outputs.tasks)}
