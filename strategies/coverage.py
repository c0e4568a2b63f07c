"""The images of a pool that cover it best, softly: the nearer the better."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.interface import Pool, Positions, Scores
from strategies.kernels.facility_location import facility_location


def most_covering(
    vectors: NDArray[Any], pool: Pool, budget: int, weights: Scores | None = None, width: float = 0.0
) -> Positions:
    """Greedily the unlabelled images that add most to how well all N images are covered, in order of choice.

    An image is covered by exp(-(distance / width)^2) of the labelled or chosen image nearest to it, and
    counts as much as its weight (N; by default 1). Width 0 is the spread of the vectors (N x d), which
    follows their scale. No cosine: it may be negative, and depends on an origin, which distilled vectors do
    not have. Of several vectors an image (N x k x d), each is covered by the nearest of any such image.
    """
    bandwidth = (width or spread(vectors) or 1.0) / np.sqrt(2)  # its kernel has a 2 in it
    return facility_location(
        vectors, budget, pool.labelled, pool.unlabelled, weights, bandwidth=bandwidth, rng=pool.rng
    )


def spread(vectors: NDArray[Any]) -> float:
    """Root mean square distance of the rows (N x d, or N x k x d) from their mean."""
    rows = vectors.reshape(-1, vectors.shape[-1])
    return float(np.sqrt(rows.var(0, dtype=np.float64).sum()))
