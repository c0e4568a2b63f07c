"""The vector of the shared backbone's features, scaled to length 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._features import FeatureStrategy
from strategies import Pool


class UnitFeatureStrategy(FeatureStrategy):
    """Sees only the direction of an image's vector, as strategies made for normalised features do.

    Distances then lie between 0 and 2, whatever the network's scale.
    """

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images, of length 1; a vector of zeros stays."""
        return unit_length(super().vectors(pool))


def unit_length(vectors: NDArray[Any]) -> NDArray[Any]:
    """Rows (N x d) of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
