"""Diverse batches by clustering."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._clusters import members
from baselines._features import FeatureStrategy
from strategies import Pool, Selection, register
from strategies.interface import Positions
from strategies.kernels.lloyd import k_means
from strategies.score_normalisation import highest


@register("k-means", source="Zhdanov 2019 (without the weights)", family="diversity")
class KMeans(FeatureStrategy):
    """The images nearest to the centres of as many clusters of unlabelled images as are wanted.

    Largest clusters first. Deviations: the paper clusters only the most uncertain images and weighs them by
    their uncertainty; here all unlabelled ones count alike, so that diversity alone decides. Where fewer
    images differ than are wanted, others follow at random.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def select(self, pool: Pool, budget: int) -> Selection:
        """One image of each cluster."""
        return Selection(pool.unlabelled[central(self.vectors(pool)[pool.unlabelled], budget, pool.rng)])


def central(vectors: NDArray[Any], count: int, rng: np.random.Generator) -> Positions:
    """Positions of ``count`` points (of N x d), each the nearest to the centre of one of so many clusters.

    Where fewer points differ, others follow at random.
    """
    nearest = nearest_to_centres(vectors, count, rng)
    others = rng.permutation(np.setdiff1d(np.arange(len(vectors)), nearest))
    return np.append(nearest, others)[:count]


def nearest_to_centres(vectors: NDArray[Any], clusters: int, rng: np.random.Generator) -> Positions:
    """Positions of the points (of N x d) nearest to the centres of clusters, the largest cluster's first.

    One for each of ``clusters`` clusters, fewer where fewer points differ; ties are random.
    """
    centres, cluster = k_means(vectors, clusters, rng=rng)
    nearest = [
        those[highest(-np.square(vectors[those] - centre).sum(1), 1, rng)[0]]
        for those, centre in zip(members(cluster), centres, strict=True)
    ]
    return np.array(nearest)[highest(np.bincount(cluster), len(nearest), rng)]
