"""Cover points with balls, greedily: exact, without a graph or a matrix of all pairs.

Distances come from float32 products, and those too near to the radius to tell from float64 differences. So
whether a point is in a ball has one answer, whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from strategies.interface import Positions, Scores

Float32s = NDArray[np.float32]
ROWS, COLUMNS = 512, 1024  # points whose distances are held at once
PAIRS = 1024  # pairs whose differences are held at once


def greedy_cover(
    vectors: Float32s,
    budget: int,
    labelled: Positions,
    candidates: Positions,
    radius: float,
    rng: np.random.Generator,
) -> Positions:
    """``budget`` times the candidate whose ball holds the most points that are in no ball yet.

    There is a ball around each labelled or chosen one of N points (N x d): what is nearer than ``radius``.
    Ties are random, and so is the rest of the choice once every point is in a ball. No pair is compared more
    than a few times: a point that comes into a ball is subtracted once from what the others would gain.
    """
    points, tickets = _Points(vectors), rng.random(len(vectors))
    free = np.isin(np.arange(len(vectors)), candidates)
    uncovered = points.count_within(radius, labelled) == 0
    gain = points.count_within(radius, np.flatnonzero(uncovered))
    chosen: list[int] = []
    for _ in range(budget):
        best = np.flatnonzero(free & (gain == gain[free].max()))
        chosen.append(int(best[tickets[best].argmax()]))
        free[chosen[-1]] = False
        if gain[chosen[-1]] > 0:
            new = uncovered & (points.count_within(radius, np.array(chosen[-1:])) > 0)
            gain -= points.count_within(radius, np.flatnonzero(new))
            uncovered &= ~new
    return np.array(chosen, np.int64)


def largest_pure_radius(vectors: Float32s, cluster: Positions, purity: float) -> float:
    """The largest radius at which this share of the balls around N points hold points of one cluster only.

    It is the distance of one of the points to the nearest point of another cluster; infinite where there is
    one cluster.
    """
    if (cluster == cluster[0]).all():
        return np.inf
    distance = np.sort(_Points(vectors).distance_to_other_clusters(cluster))
    pure = int(np.ceil(purity * len(vectors) - 1e-9))  # 0.95 * 20 is to be 19
    return float(distance[len(vectors) - pure])


class _Points:
    """N points (N x d) and their squared norms."""

    def __init__(self, vectors: Float32s) -> None:
        self.vectors = vectors
        self.norm: Float32s = np.einsum("ij,ij->i", vectors, vectors)
        # Twice what rounding can do to a sum of so many products, relative to the norms.
        self.rounding = (vectors.shape[1] + 16) * 2.0**-23

    def count_within(self, radius: float, others: Positions) -> Positions:
        """How many of the others are nearer than ``radius`` to each point (N)."""
        counts = np.zeros(len(self.norm), np.int64)
        for rows, columns in self._tiles(others):
            counts[rows] += np.count_nonzero(self._inside(rows, columns, radius), axis=1)
        return counts

    def distance_to_other_clusters(self, cluster: Positions) -> Scores:
        """Of each point to the nearest one of another cluster (N)."""
        nearest, foreign = np.full(len(cluster), np.inf), np.zeros(len(cluster), np.int64)
        for rows, columns in self._tiles(np.arange(len(cluster))):
            squared = self._squared(rows, columns)
            squared[cluster[rows, None] == cluster[columns]] = np.inf
            better = squared.min(1) < nearest[rows]
            foreign[rows] = np.where(better, columns[squared.argmin(1)], foreign[rows])
            nearest[rows] = np.minimum(nearest[rows], squared.min(1))
        return self._distance(np.arange(len(cluster)), foreign)

    def _tiles(self, others: Positions) -> Iterator[tuple[slice, Positions]]:
        for row in range(0, len(self.norm), ROWS):
            for column in range(0, len(others), COLUMNS):
                yield slice(row, row + ROWS), others[column : column + COLUMNS]

    def _inside(self, rows: slice, columns: Positions, radius: float) -> NDArray[np.bool_]:
        squared = self._squared(rows, columns)
        inside = squared < radius**2
        unclear = self.rounding * (self.norm[rows].max() + self.norm[columns].max())
        one, other = np.nonzero(np.abs(squared - radius**2) <= unclear)
        inside[one, other] = self._distance(rows.start + one, columns[other]) < radius
        return inside

    def _squared(self, rows: slice, columns: Positions) -> Float32s:
        products = self.vectors[rows] @ self.vectors[columns].T
        return self.norm[rows, None] + self.norm[columns] - 2 * products

    def _distance(self, left: Positions, right: Positions) -> Scores:
        """Of each of n pairs, from differences: what decides."""
        distance = np.empty(len(left))
        for at in range(0, len(left), PAIRS):
            pairs = slice(at, at + PAIRS)
            difference = self.vectors[left[pairs]].astype(np.float64) - self.vectors[right[pairs]]
            distance[pairs] = np.linalg.norm(difference, axis=1)
        return distance
