"""Inconsistency alone: the first step of the method, without diversity and without loss weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from strategies import Outputs, ScoreStrategy, register

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "inconsistency",
    source="Hekimoglu, Schmidt & Marcos-Ramiro, WACV 2024 (its first step); reconstructed from the abstract",
)
class Inconsistency(ScoreStrategy):
    """Disagreement of the initial and the refined prediction, mean over pixels.

    The ablation of ``consistency-diversity``: its scores with its defaults, the highest mean rank chosen.
    measure: divergence of the two predictions, or the task's training loss between them (loss).
    """

    def __init__(self, measure: Literal["divergence", "loss"] = "divergence") -> None:
        self.by_loss = measure == "loss"

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The disagreement on every task (B each)."""
        from strategies.divergences import inconsistency_loss

        if self.by_loss:
            return {task.name: inconsistency_loss(outputs, task) for task in outputs.tasks}
        return {task: disagreement.mean((1, 2)) for task, disagreement in self.maps(outputs).items()}

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the two stages disagree (B x H x W a task); the loss of an image has no where."""
        from strategies.divergences import DEFAULTS, inconsistency_map

        if self.by_loss:
            return {}
        return {task.name: inconsistency_map(outputs, task, DEFAULTS) for task in outputs.tasks}
