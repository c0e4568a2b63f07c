"""Cover as much as can be with balls around labelled images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from baselines._features import Features
from baselines._unit_features import UnitFeatureStrategy
from strategies import Pool, Selection, register
from strategies.kernels.ball_cover import greedy_cover, largest_pure_radius
from strategies.kernels.lloyd import k_means


@register("probcover", source="Yehuda, Dekel, Hacohen & Weinshall, NeurIPS 2022", family="diversity")
class ProbCover(UnitFeatureStrategy):
    """The image with the most uncovered images nearer than delta, again and again; these are covered then.

    Labelled images cover from the start. Once all images are covered, the rest of the budget is random.
    Deviations: features of the network's backbone, not of one trained without labels, so delta is found anew
    in each round; dense prediction knows no class of an image, so the number of clusters is a parameter.
    Its time grows with the square of the pool: take subsample[base=probcover] beyond some 20,000 images.
    delta: radius of a ball, features being of length 1; 0 is the paper's rule, the largest radius at which
    this share of all balls (purity, the paper's alpha) holds images of one k-means cluster only.
    clusters: how many of those there are, in place of classes.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round and
    nearest to the paper's (trunk), or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(
        self,
        delta: float = 0.0,
        purity: float = 0.95,
        clusters: int = 20,
        features: Features = "backbone",
    ) -> None:
        if delta < 0:
            raise ValueError(f"probcover: delta must be 0 or more, not {delta}")
        if not 0 < purity <= 1:
            raise ValueError(f"probcover: purity must be over 0 and at most 1, not {purity}")
        if clusters < 1:
            raise ValueError(f"probcover: clusters must be at least 1, not {clusters}")
        super().__init__(features)
        self.delta, self.purity, self.clusters = delta, purity, clusters

    def select(self, pool: Pool, budget: int) -> Selection:
        """Greedy maximum coverage."""
        vectors = self.vectors(pool)
        vectors = vectors - vectors.mean(0)  # distances stay, and float32 keeps their digits
        # Most products are small: a second BLAS thread gains little and costs much on a busy machine.
        with threadpool_limits(limits=1, user_api="blas"):
            radius = self.delta or self._radius(vectors, pool.rng)
            chosen = greedy_cover(vectors, budget, pool.labelled, pool.unlabelled, radius, pool.rng)
        return Selection(chosen)

    def _radius(self, vectors: NDArray[Any], rng: np.random.Generator) -> float:
        _, cluster = k_means(vectors, self.clusters, rng=rng)
        return largest_pure_radius(vectors, cluster, self.purity)
