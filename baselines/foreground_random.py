"""Random selection that is aware of the foreground: a random that is harder to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from baselines._foreground import classes_predicted, foreground_shares
from baselines._probabilities import discrete
from strategies import Outputs, Pool, Selection, Strategy, TaskSpec, register
from strategies.interface import Scores
from strategies.kernels.weighted_sampling import drawn_in_sequence

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "foreground-random",
    source="after nnActive: Lüth et al., TMLR 2025 (Foreground Aware Random)",
    family="random",
)
class ForegroundRandom(Strategy):
    """A share of the budget drawn in proportion to the predicted foreground, the rest uniformly.

    Foreground is all but the background, which of several classes is the one that covers most of the pool by
    the predictions, and for yes and no the no. An image's foreground is the mean probability of it over
    pixels; that of each task is divided by its mean over the unlabelled images, and the mean over tasks
    taken, so that edges, which are few, count as much as regions. Depth and normals have no foreground: tasks
    of these kinds only are refused.
    Deviations: the source draws 3D patches, and those that are aware lie round a voxel, or a border, of the
    true foreground, which nobody knows in use; here images are drawn, and by what the network predicts.
    share: of the budget that is drawn so; 0 is random.
    """

    def __init__(self, share: float = 0.66) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"foreground-random: share must be from 0 to 1, not {share}")
        self.share = share

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse tasks of which none has a foreground."""
        if not discrete(tasks):
            names = ", ".join(task.name for task in tasks)
            raise ValueError(
                f"categorical and binary tasks alone have a foreground, and {names} are of other kinds"
            )

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What each image shows (B x C a discrete task)."""
        return classes_predicted(outputs)

    def select(self, pool: Pool, budget: int) -> Selection:
        """Those that are aware first."""
        weights = mean_of_levelled(foreground_shares(pool)[pool.unlabelled])
        aware = round(self.share * budget)
        with np.errstate(divide="ignore"):
            drawn = drawn_in_sequence(np.log(weights), aware, rng=pool.rng)
        others = pool.rng.permutation(np.setdiff1d(np.arange(len(weights)), drawn))
        return Selection(pool.unlabelled[np.append(drawn, others)[:budget]])


def mean_of_levelled(columns: Scores) -> Scores:
    """Mean over columns (n x T, 0 or more) that are brought to mean 1 each; one of zeros stays."""
    means = columns.mean(0)
    return np.asarray((columns / np.where(means > 0, means, 1)).mean(1))
