"""Typical images of clusters without labels."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._clusters import members
from baselines._features import Features
from baselines._unit_features import UnitFeatureStrategy
from strategies import Pool, Selection, register
from strategies.interface import Positions
from strategies.kernels.lloyd import k_means
from strategies.kernels.neighbours import nearest_neighbours
from strategies.score_normalisation import highest


@register("typiclust", source="Hacohen, Dekel & Weinshall, ICML 2022, section 3 (TPC-RP)", family="diversity")
class TypiClust(UnitFeatureStrategy):
    """The most typical image of the largest cluster without a labelled one, again and again.

    All images are clustered by k-means into as many clusters as there will be labels. Typical is what has the
    smallest mean distance to its nearest neighbours within the cluster, labelled ones included. Once every
    cluster has a label, those with the fewest come first, larger ones before smaller. Deviations: features of
    the network's backbone, not of one trained without labels. The authors' code asks for fewer neighbours in
    small clusters (half of the unlabelled images there, where this asks for all others up to ``neighbours``),
    looks for them among unlabelled images only and anew after each choice, passes over clusters of exactly 5
    images too, and goes round the clusters in the order of their first turn, where this asks after each
    choice which one has the fewest labels.
    max_clusters: the most clusters.
    min_size: clusters of fewer images are passed over, unless nothing else is left.
    neighbours: how many nearest neighbours a typical image is near to.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round and
    nearest to the paper's (trunk), or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(
        self,
        max_clusters: int = 500,
        min_size: int = 5,
        neighbours: int = 20,
        features: Features = "backbone",
    ) -> None:
        if min(max_clusters, min_size, neighbours) < 1:
            raise ValueError("typiclust: max_clusters, min_size and neighbours must be at least 1")
        super().__init__(features)
        self.max_clusters, self.min_size, self.neighbours = max_clusters, min_size, neighbours

    def select(self, pool: Pool, budget: int) -> Selection:
        """Take turns among the clusters."""
        vectors = self.vectors(pool)
        clusters = min(len(pool.labelled) + budget, self.max_clusters)
        clustered = members(k_means(vectors, clusters, rng=pool.rng)[1])
        orders = [typical_first(vectors[those], self.neighbours, pool.rng) for those in clustered]
        typical = [those[order] for those, order in zip(clustered, orders, strict=True)]
        return Selection(self._in_turns(typical, pool, budget))

    def _in_turns(self, clusters: list[Positions], pool: Pool, budget: int) -> Positions:
        """The first unlabelled image of the cluster whose turn it is, ``budget`` times."""
        unlabelled = np.isin(np.arange(len(pool.ids)), pool.unlabelled)
        waiting = [iter(those[unlabelled[those]].tolist()) for those in clusters]
        tickets = pool.rng.random(len(clusters))
        turns = [
            (len(those) < self.min_size, int((~unlabelled[those]).sum()), -len(those), tickets[at], at)
            for at, those in enumerate(clusters)
        ]
        heapq.heapify(turns)
        chosen: list[int] = []
        while len(chosen) < budget:
            small, labelled, size, ticket, at = turns[0]
            image = next(waiting[at], None)
            if image is None:
                heapq.heappop(turns)
            else:
                chosen.append(image)
                heapq.heapreplace(turns, (small, labelled + 1, size, ticket, at))
        return np.array(chosen, np.int64)


def typical_first(vectors: NDArray[Any], neighbours: int, rng: np.random.Generator) -> Positions:
    """The order of n points (n x d) by mean distance to their nearest neighbours, ties at random.

    A smallest distance is a largest typicality, its inverse, and copies of one point divide by nothing.
    """
    count = min(neighbours, len(vectors) - 1)
    if count == 0:
        return np.zeros(len(vectors), np.int64)
    return highest(-nearest_neighbours(vectors, count)[0].mean(1), len(vectors), rng)
