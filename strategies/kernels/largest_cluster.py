"""LCMD: the farthest point of the cluster that is largest by its squared distances, again and again.

Holzmüller, Zaverkin, Kästner & Steinwart, "A Framework and Benchmark for Deep Batch Active Learning for
Regression", JMLR 2023, the method LCMD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.kernels.arrays import (
    Chosen,
    Features,
    Float64s,
    Positions,
    checked_choice,
    checked_features,
    squared_distances,
)


def largest_cluster_max_distance(
    features: ArrayLike,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Pick, ``budget`` times, the candidate farthest from its centre in the largest cluster.

    Centres are the labelled points and the points picked so far; a candidate belongs to the cluster of the
    centre nearest to it, of equal ones to the first. A cluster is as large as the sum of its candidates'
    squared distances to the centre. With no centre yet, the first pick is the longest vector. Distances are
    those of float64 differences. Sizes that agree to a billionth of the largest are equal; equal clusters,
    and equally far points, are decided by ``rng.random(N)``, one number per point, the larger first.

    Every centre is compared with every candidate once: it takes a time in proportion to both, and memory for
    a few numbers a candidate.

    Args:
        features: N x d, finite; never copied whole but for the candidates.
        budget: number of picks, from 0 to the number of candidates.
        labelled: positions of the first centres.
        candidates: positions to pick from, none of them labelled; by default all that are not labelled.
        rng: decides ties; exactly N numbers are drawn.

    Returns:
        ``budget`` unique positions, in order of choice.

    Raises:
        ValueError: an argument is not as described.
    """
    points = checked_features(features)
    centres, allowed = checked_choice(budget, labelled, candidates, len(points))
    clusters = Clusters(points, allowed, len(centres) + budget, rng.random(len(points))[allowed])
    for centre in centres.tolist():
        clusters.add(points[centre])
    picks: list[int] = []
    while len(picks) < budget:
        picks.append(clusters.next() if clusters.count else clusters.longest())
        clusters.add(clusters.points[picks[-1]])
    return allowed[picks]


class Clusters:
    """The nearest of ``count`` centres to each candidate, its squared distance, and who is still free."""

    def __init__(self, points: Features, candidates: Positions, most: int, tickets: Float64s) -> None:
        self.points, self.tickets, self.most, self.count = points[candidates], tickets, most, 0
        self.squared = np.full(len(candidates), np.inf)
        self.nearest = np.zeros(len(candidates), np.int64)
        self.free = np.ones(len(candidates), np.bool_)

    def add(self, centre: Features) -> None:
        """One more centre (d); points that are nearer to it than to any other go to its cluster."""
        squared = squared_distances(self.points, centre)
        nearer = squared < self.squared
        self.squared[nearer], self.nearest[nearer] = squared[nearer], self.count
        self.count += 1

    def longest(self) -> int:
        """The longest vector of all."""
        origin = np.zeros_like(self.points[0])
        return self._taken(squared_distances(self.points, origin), self.free)

    def next(self) -> int:
        """The farthest point that is left in the largest cluster with one."""
        sizes = np.bincount(self.nearest, self.squared, self.most)
        open_ = np.bincount(self.nearest, self.free, self.most) > 0
        largest = sizes[open_].max()
        level = open_ & (sizes >= largest * (1 - 1e-9))
        # Of equal clusters that in which the highest ticket lies.
        candidates = np.flatnonzero(self.free & level[self.nearest])
        cluster = self.nearest[candidates[self.tickets[candidates].argmax()]]
        return self._taken(self.squared, self.free & (self.nearest == cluster))

    def _taken(self, values: Float64s, among: NDArray[np.bool_]) -> int:
        farthest = np.flatnonzero(among & (values == values[among].max()))
        place = int(farthest[self.tickets[farthest].argmax()])
        self.free[place] = False
        return place
