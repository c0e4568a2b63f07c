"""From per-task scores to a choice: the ways to settle what several tasks want.

All take raw scores (n x T, higher is more informative), compare tasks by their ranks only, and give the
positions of ``budget`` of the n images, best first; what is equal falls by the random stream.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from strategies.interface import Positions, Scores
from strategies.ranking import highest, ranks

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
    left, chosen = order, order[:0]
    while len(chosen) < budget:
        front = _front(rank[left])
        chosen, left = np.concatenate([chosen, left[front]]), left[~front]
    return chosen[:budget]


def round_robin(scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
    """Tasks take turns, in an order drawn anew for every round of turns; each takes the best image left."""
    wishes = [iter(highest(column, len(column), rng).tolist()) for column in scores.T]
    chosen: dict[int, None] = {}
    while len(chosen) < budget:
        for task in rng.permutation(len(wishes)).tolist()[: budget - len(chosen)]:
            chosen[next(image for image in wishes[task] if image not in chosen)] = None
    return np.array(list(chosen), dtype=np.int64)


def _front(rank: Scores) -> NDArray[np.bool_]:
    """Which rows no other dominates, rows sorted by falling mean; equal rows do not dominate each other."""
    front = np.ones(len(rank), np.bool_)
    for row in range(len(rank)):
        if front[row]:
            below = (rank[row + 1 :] <= rank[row]).all(1) & (rank[row + 1 :] < rank[row]).any(1)
            front[row + 1 :] &= ~below
    return front
