"""Draws by weight and distance: greedy k-center as a lottery, whose chances are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from strategies.kernels.arrays import (
    Chosen,
    Features,
    Float64s,
    Positions,
    checked_choice,
    checked_weights,
    points_of_sets,
    squared_distances,
)


def distance_sampling(
    features: ArrayLike,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    weights: ArrayLike | None = None,
    *,
    uniform: float,
    rng: np.random.Generator,
) -> tuple[Positions, Float64s]:
    """Draw ``budget`` candidates by weight * distance to the nearest labelled or drawn point.

    The share ``uniform`` of the probability is spread evenly over the candidates left (a defensive mixture,
    Hesterberg 1995), so that none is without a chance. With no centre yet all distances are the same; where
    every product is 0, all of the probability is spread. It differs from k-means++ by the weights and by the
    distance, which that squares. Every centre is compared with every candidate once, in float64. Sets of
    points are as far as the one of their points that is farthest from all points of labelled and drawn ones.

    Args:
        features: N x d, or N x k x d, finite.
        budget: number of draws, from 0 to the number of candidates.
        labelled: positions of the first centres.
        candidates: positions to draw from, none of them labelled; by default all that are not labelled.
        weights: N factors, finite and not negative; by default 1.
        uniform: from 0 to 1.
        rng: one number a draw.

    Returns:
        ``budget`` unique positions, in order of choice, and the probability of each when it was drawn, given
        those before.

    Raises:
        ValueError: an argument is not as described.
    """
    points = points_of_sets(features)
    centres, allowed = checked_choice(budget, labelled, candidates, len(points))
    factors = checked_weights(weights, len(points))[allowed]
    if not 0 <= uniform <= 1:
        raise ValueError(f"uniform is {uniform}, must be from 0 to 1")
    lottery = Lottery(points[allowed], factors, uniform)
    for centre in centres.tolist():
        lottery.add(points[centre])
    drawn = [lottery.draw(rng.random()) for _ in range(budget)]
    return allowed[[place for place, _ in drawn]], np.array([probability for _, probability in drawn])


class Lottery:
    """Some sets of points (n x k x d), their weights, and how far each is from the nearest centres so far."""

    def __init__(self, points: Features, weights: Float64s, uniform: float) -> None:
        self.points, self.weights, self.uniform = points, weights, uniform
        self.squared = np.full(points.shape[:2], np.inf)
        self.free = np.ones(len(points), np.bool_)

    def add(self, centre: Features) -> None:
        """One more centre (k x d)."""
        rows = self.points.reshape(-1, self.points.shape[2])
        for point in centre:
            squared = squared_distances(rows, point).reshape(self.squared.shape)
            np.minimum(self.squared, squared, out=self.squared)

    def draw(self, number: float) -> tuple[int, float]:
        """The point that a number from 0 to 1 hits, which becomes a centre, and its probability."""
        probabilities = self._probabilities()
        cumulative = np.cumsum(probabilities)
        place = int(np.searchsorted(cumulative, number * cumulative[-1], side="right"))
        place = min(place, int(np.flatnonzero(probabilities)[-1]))  # a product may round up to the sum
        self.free[place] = False
        self.add(self.points[place])
        return place, float(probabilities[place])

    def _probabilities(self) -> Float64s:
        evenly = np.asarray(self.free / self.free.sum(), np.float64)
        squared = self.squared.max(1)
        distance = np.where(np.isinf(squared), 1.0, np.sqrt(squared))
        product = self.weights * distance * self.free
        total = product.sum()
        if total == 0:
            return evenly
        return np.asarray(self.uniform * evenly + (1 - self.uniform) * product / total)
