"""Information density: informative images, if there are others like them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._feature_modifier import FeatureModifier
from baselines._features import Features
from strategies import Pool, StrategyName, register
from strategies.interface import Scores

ROWS = 512  # rows looked at in one pass, so that no temporary is as large as the vectors


@register("density", source="Settles & Craven, EMNLP 2008 (information density)", family="modifier")
class Density(FeatureModifier):
    """The base's score times (mean cosine similarity to the pool)^power, per task.

    Deviations: similarity is that of features, averaged over pixels and put side by side; the pool is all
    images, the labelled ones and the image itself included, where the paper has the unlabelled ones; a
    negative mean similarity counts as 0; and a task with scores below 0 has its lowest score moved to 0, for
    a negative score would prefer the outliers.
    base: any strategy that chooses by a score per task.
    power: weight of the density; 0 is the base alone.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("inconsistency"),  # noqa: B008 - it is a string
        power: float = 1.0,
        features: Features = "backbone",
    ) -> None:
        if power < 0:
            raise ValueError("density: power must be 0 or more")
        super().__init__(base, features)
        self.power = power

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """The base's scores that decide (N each), by task, times the density."""
        density = mean_cosine(self.vectors(pool)).clip(0) ** self.power
        informative = super().scores(pool)
        return {task: (score - min(0.0, score.min())) * density for task, score in informative.items()}


def mean_cosine(vectors: NDArray[Any]) -> Scores:
    """Mean cosine of every vector (N x d) with all N: its product with the mean unit vector, never N x N.

    Row by row and in float64: a matrix product may give equal rows other last bits, and so an order.
    """
    blocks = [slice(at, at + ROWS) for at in range(0, len(vectors), ROWS)]
    mean = np.sum([_unit(vectors[block]).sum(0) for block in blocks], 0) / len(vectors)
    return np.concatenate([(_unit(vectors[block]) * mean).sum(1) for block in blocks])


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1))
