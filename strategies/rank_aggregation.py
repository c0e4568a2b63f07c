"""From per-task scores to a choice: the ways to settle what several tasks want.

All take raw scores (n x T, higher is more informative), compare tasks by their ranks only, and give the
positions of ``budget`` of the n images, best first; what is equal falls by the random stream.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from strategies.interface import Positions, Scores
from strategies.score_normalisation import highest, ranks

Aggregation = Callable[[Scores, int, np.random.Generator], Positions]
DAMPING = 60  # of reciprocal-rank fusion, as its paper sets it


def mean_rank(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Highest mean rank over tasks."""
    return highest(ranks(scores).mean(1), budget, rng)


def maximum_rank(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Highest rank for any task: what one task wants badly is bought."""
    return highest(ranks(scores).max(1), budget, rng)


def minimum_rank(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Highest rank for the task that wants it least: what all tasks want."""
    return highest(ranks(scores).min(1), budget, rng)


def reciprocal_rank_fusion(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Highest sum over tasks of 1 / (60 + place), the best image of a task at place 1.

    Cormack, Clarke & Buettcher, SIGIR 2009. Equal scores share their mean place.
    """
    place = 1 + (1 - ranks(scores)) * (len(scores) - 1)
    return highest((1 / (DAMPING + place)).sum(1), budget, rng)


def pareto(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Pareto fronts, one peeled after the other; within a front the highest mean rank first.

    A front holds the images that no other left beats for one task without losing for another (the
    non-dominated sorting of Deb et al. 2002, section III A).
    """
    rank = ranks(scores)
    order = highest(rank.mean(1), len(rank), rng)  # an image is only dominated by one before it
    fronts = _Fronts(budget)
    for image in order.tolist():
        if fronts.settled:
            break
        fronts.place(image, rank[image])
    return fronts.first


def round_robin(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Tasks take turns, in an order drawn anew for every round of turns; each takes the best image left."""
    wishes = [iter(highest(column, len(column), rng).tolist()) for column in scores.T]
    chosen: dict[int, None] = {}
    while len(chosen) < budget:
        for task in rng.permutation(len(wishes)).tolist()[: budget - len(chosen)]:
            chosen[next(image for image in wishes[task] if image not in chosen)] = None
    return np.array(list(chosen), dtype=np.int64)


class _Front:
    """Images of which none dominates another, in order, and their ranks."""

    def __init__(self, tasks: int) -> None:
        self._images, self._ranks, self.count = np.empty(8, np.int64), np.empty((8, tasks)), 0

    @property
    def images(self) -> Positions:
        """Their positions."""
        return self._images[: self.count]

    def dominates(self, rank: Scores) -> bool:
        """Whether any of them is as good for all tasks and better for one; equals do not dominate."""
        ranks = self._ranks[: self.count]
        as_good = ranks[(ranks >= rank).all(1)]
        return bool((as_good > rank).any())

    def add(self, image: int, rank: Scores) -> None:
        """One more at the end."""
        if self.count == len(self._images):
            self._images = np.resize(self._images, 2 * self.count)
            self._ranks = np.resize(self._ranks, (2 * self.count, self._ranks.shape[1]))
        self._images[self.count], self._ranks[self.count] = image, rank
        self.count += 1


class _Fronts:
    """Pareto fronts of the images so far, as many as hold the first ``budget`` of them.

    Images come in an order in which none is dominated by a later one. Whom a front dominates all those before
    it dominate too, so the front of an image is found by halving (ENS-BS: Zhang, Tian, Cheng & Jin, IEEE
    Transactions on Evolutionary Computation 2015).
    """

    def __init__(self, budget: int) -> None:
        self.budget, self.held = budget, 0
        self.fronts: list[_Front] = []

    @property
    def settled(self) -> bool:
        """Whether nobody who comes later can be among the first: the best front is full of them."""
        return bool(self.fronts) and self.fronts[0].count >= self.budget

    @property
    def first(self) -> Positions:
        """The first ``budget`` images, front by front."""
        return np.concatenate([front.images for front in self.fronts])[: self.budget]

    def place(self, image: int, rank: Scores) -> None:
        """Add an image to the first front that does not dominate it, if it is still among those held."""
        if self.held >= self.budget and self.fronts[-1].dominates(rank):
            return
        at = bisect_left(self.fronts, True, key=lambda front: not front.dominates(rank))
        if at == len(self.fronts):
            self.fronts.append(_Front(len(rank)))
        self.fronts[at].add(image, rank)
        self.held += 1
        while self.held - self.fronts[-1].count >= self.budget:
            self.held -= self.fronts.pop().count
