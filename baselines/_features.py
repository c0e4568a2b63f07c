"""What strategies of diversity know of an image: one vector of the shared backbone's features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies import Outputs, Pool, Strategy
from strategies.kernels.arrays import checked_features

if TYPE_CHECKING:
    from torch import Tensor


class FeatureStrategy(Strategy):
    """Sees of every image its backbone features, averaged over pixels per stage, side by side."""

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One vector per image (B x sum of channels)."""
        import torch

        return {"vector": torch.cat([stage.mean((2, 3)) for stage in outputs.backbone_features], 1)}

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images."""
        return pool.rows["vector"]


def standardised(vectors: ArrayLike) -> NDArray[np.float32]:
    """Every column of N x d values with mean 0 and variance 1; one that is constant becomes 0.

    Raises ValueError for values that are not finite.
    """
    values = checked_features(vectors).astype(np.float64)
    spread = values.std(0)
    constant = spread <= 1e-6 * np.abs(values).max(0)  # what rounding leaves of equal float32 numbers
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=~constant)
    return np.asarray((values - values.mean(0)) * scale, np.float32)
