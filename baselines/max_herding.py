"""Cover images softly, the nearer the better."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._unit_features import UnitFeatureStrategy
from strategies import Pool, Selection, register
from strategies.kernels.facility_location import facility_location


@register("max-herding", source="Bae, Oliveira & Sutherland, ECCV 2024", family="diversity")
class MaxHerding(UnitFeatureStrategy):
    """The image that adds most to how well all images are covered, again and again.

    An image is covered by exp(-(distance / bandwidth)^2) of the nearest labelled or chosen one. Deviation:
    features of the network's backbone, not of one trained without labels, so the bandwidth follows them.
    bandwidth: features being of length 1; 0 takes their root mean square distance from their mean, which is
    the paper's 1 where they are spread evenly, and less where a network's lie close together.
    """

    def __init__(self, bandwidth: float = 0.0) -> None:
        if bandwidth < 0:
            raise ValueError(f"max-herding: bandwidth must be 0 or more, not {bandwidth}")
        self.bandwidth = bandwidth

    def select(self, pool: Pool, budget: int) -> Selection:
        """Greedy maximum of the coverage."""
        vectors = self.vectors(pool)
        bandwidth = (self.bandwidth or spread(vectors) or 1.0) / np.sqrt(2)  # its kernel has a 2 in it
        chosen = facility_location(
            vectors, budget, pool.labelled, pool.unlabelled, bandwidth=bandwidth, rng=pool.rng
        )
        return Selection(chosen)


def spread(vectors: NDArray[Any]) -> float:
    """Root mean square distance of the rows (N x d) from their mean."""
    return float(np.sqrt(vectors.var(0, dtype=np.float64).sum()))
