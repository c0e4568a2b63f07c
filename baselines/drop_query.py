"""DropQuery: images whose prediction does not survive dropout, one of each cluster of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from baselines._features import Features, FeatureStrategy
from baselines._probabilities import DISCRETE, predicted_classes
from baselines.k_means import central
from strategies import Outputs, Pool, Selection, TaskSpec, register
from strategies.interface import Positions, Scores
from strategies.score_normalisation import highest, normalise
from strategies.scoring import columns

if TYPE_CHECKING:
    from torch import Tensor

UNSTABLE = ".unstable "  # before a task's name, and no name of a task begins so


@register(
    "drop-query",
    source="Gupte, Aklilu, Nirschl & Yeung-Levy, TMLR 2024 (DropQuery)",
    family="hybrid",
)
class DropQuery(FeatureStrategy):
    """Of the images that change most under dropout, those nearest to the centres of as many clusters.

    In the paper an image is a candidate if its class differs from that without dropout in more than half of
    the passes. Of a dense prediction that is said of pixels: an image's instability is the share of pixels
    whose class does so. Depth and normals have no class: theirs is the relative change and 1 - cosine, mean
    over passes and pixels. Hardly an image has more than half of its pixels changed, so candidates are those
    of the highest instability, by mean rank over tasks. They are clustered by k-means into as many clusters
    as there are images to choose, and the largest cluster's image comes first.
    Deviations, beside that: features of the network's shared backbone, averaged over pixels, where the paper
    has those of a frozen foundation model (features=trunk); dropout is of channels of the backbone's, at the
    rate that all strategies here have; where fewer candidates differ than are wanted, others of them follow
    at random.
    passes: number of dropout passes.
    keep: the share of the unlabelled images that are candidates; never fewer than are wanted.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(self, passes: int = 3, keep: float = 0.5, features: Features = "backbone") -> None:
        if passes < 1:
            raise ValueError(f"drop-query: passes must be at least 1, not {passes}")
        if not 0 <= keep <= 1:
            raise ValueError(f"drop-query: keep must be from 0 to 1, not {keep}")
        super().__init__(features)
        self.views = tuple(f"dropout-{number}" for number in range(1, passes + 1))
        self.keep = keep

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The vector of an image, and its instability for every task (B each)."""
        unstable = {UNSTABLE + task: where.mean((1, 2)) for task, where in self.maps(outputs).items()}
        return {**super().measure(outputs), **unstable}

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the prediction changes (B x H x W a task): 0 or 1 for classes."""
        changes: dict[str, Tensor] = {}
        for view in self.views:
            dropped = outputs.views[view].refined
            for task in outputs.tasks:
                change = changed(task, outputs.refined[task.name], dropped[task.name])
                changes[task.name] = changes[task.name] + change if task.name in changes else change
            del dropped  # or it would be held while the next pass is computed
        means = {task: change / len(self.views) for task, change in changes.items()}
        return {task.name: mostly(means[task.name], task) for task in outputs.tasks}

    def select(self, pool: Pool, budget: int) -> Selection:
        """One candidate of each cluster."""
        scores = columns(pool, [UNSTABLE + task.name for task in pool.tasks])
        candidates = self._candidates(pool, normalise(scores[pool.unlabelled]).mean(1), budget)
        chosen = central(self.vectors(pool)[candidates], budget, pool.rng)
        return Selection(candidates[chosen], scores)

    def _candidates(self, pool: Pool, unstable: Scores, budget: int) -> Positions:
        count = max(budget, round(self.keep * len(pool.unlabelled)))
        return np.sort(pool.unlabelled[highest(unstable, count, pool.rng)])


def changed(task: TaskSpec, plain: Tensor, dropped: Tensor) -> Tensor:
    """How a pass differs from the prediction without dropout: 0 or 1 for classes (B x H x W)."""
    from strategies.divergences import DIVERGENCES

    if task.kind in DISCRETE:
        differs = (predicted_classes(plain) != predicted_classes(dropped)).float()
        return differs + 0 * dropped.sum(1)  # NaN stays
    return DIVERGENCES[task.kind]["relative" if task.kind == "scalar" else "cosine"](dropped, plain)


def mostly(mean: Tensor, task: TaskSpec) -> Tensor:
    """1 where a class changes in more than half of the passes, else 0; other kinds have the mean itself."""
    return (mean > 0.5).float() + 0 * mean if task.kind in DISCRETE else mean
