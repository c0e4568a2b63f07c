"""What strategies of diversity know of an image: one vector of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies import Outputs, Pool, Strategy
from strategies.kernels.arrays import checked_features

if TYPE_CHECKING:
    from torch import Tensor


#: Named as ``Outputs`` names them: those of the network's backbone, whether it is trained or not; the maps of
#: a frozen, pre-trained trunk, which are the same in every round; those of the tasks' heads.
Features = Literal["backbone", "trunk", "tasks"]


class FeatureStrategy(Strategy):
    """Sees of every image features averaged over pixels, side by side."""

    features: Features = "backbone"

    def __init__(self, features: Features = "backbone") -> None:
        self.features, self.frozen_trunk = features, features == "trunk"

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One vector per image (B x d)."""
        return {"vector": pooled(outputs, self.features)}

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images."""
        return pool.rows["vector"]


def pooled(outputs: Outputs, features: Features) -> Tensor:
    """Features averaged over pixels, side by side (B x d): of every stage, or of every task, of length 1.

    Raises ValueError where a trunk's are asked for and none is frozen.
    """
    import torch

    if features == "tasks":
        from strategies.representation import mean_pooled

        return torch.cat(list(mean_pooled(outputs).values()), 1)
    return torch.cat([stage.mean((2, 3)) for stage in _stages(outputs, features)], 1)


def patch_vectors(outputs: Outputs, features: Features, count: int) -> Tensor:
    """So many vectors of each image (B x count x C): of the coarsest stage, or of all tasks side by side."""
    from strategies.patches import patches_of

    of_tasks = tuple(outputs.task_features.values())
    return patches_of(of_tasks if features == "tasks" else _stages(outputs, features)[-1:], count)


def _stages(outputs: Outputs, features: Features) -> tuple[Tensor, ...]:
    stages = outputs.backbone_features if features == "backbone" else outputs.trunk_features
    if not stages:
        raise ValueError("features=trunk reads the maps of a frozen trunk, and the backbone is trained")
    return stages


def standardised(vectors: ArrayLike) -> NDArray[np.float32]:
    """Every column of N x d values with mean 0 and variance 1; one that is constant becomes 0.

    Raises ValueError for values that are not finite.
    """
    values = checked_features(vectors).astype(np.float64)
    spread = values.std(0)
    constant = spread <= 1e-6 * np.abs(values).max(0)  # what rounding leaves of equal float32 numbers
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=~constant)
    return np.asarray((values - values.mean(0)) * scale, np.float32)
