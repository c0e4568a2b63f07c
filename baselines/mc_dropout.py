"""Monte-Carlo dropout: BALD for tasks with classes, predictive variance for the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Outputs, ScoreStrategy, register

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "mc-dropout",
    source="Houlsby et al. 2011 (BALD); Gal, Islam & Ghahramani, ICML 2017; Ledda, Fumera & Roli 2023",
)
class MonteCarloDropout(ScoreStrategy):
    """Disagreement of passes with dropped channels: BALD, or the variance for depth and normals.

    BALD is the mutual information of prediction and dropout: entropy of the mean prediction minus mean
    entropy, mean over pixels. Depth has the variance over the passes, normals 1 - squared length of the mean
    unit vector.
    Deviations: dropout is injected at scoring time only (Ledda, Fumera & Roli 2023), so that the network
    trained is the same for all strategies; it drops whole channels of the backbone's features, at rate 0.1;
    the sources score one label per sample.
    passes: number of dropout passes, at least 2.
    """

    def __init__(self, passes: int = 10) -> None:
        if passes < 2:
            raise ValueError("mc-dropout: passes must be at least 2, for one pass agrees with itself")
        self.views = tuple(f"dropout-{number}" for number in range(1, passes + 1))

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The disagreement of every task (B each)."""
        from baselines._jensen_gap import JensenGap

        gaps = {task.name: JensenGap(task.kind, outputs.refined[task.name]) for task in outputs.tasks}
        for view in self.views:
            predictions = outputs.views[view].refined
            for task, gap in gaps.items():
                gap.add(predictions[task])
            del predictions  # or it would be held while the next pass is computed
        return {task: gap.value() for task, gap in gaps.items()}
