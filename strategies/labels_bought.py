"""Labels bought by themselves: pairs of an image and a task, each at its price, until the budget is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from strategies.interface import Labels, Pool, Positions, Scores, Selection
from strategies.score_normalisation import ranks

#: Sums of prices are right to their last digits only, whatever they are added up from.
TOLERANCE = 1e-9


class Pairs(NamedTuple):
    """Positions of images and of tasks, one of each a pair."""

    images: Positions
    tasks: Positions

    def at(self, places: Positions) -> Pairs:
        """The pairs at these places."""
        return Pairs(self.images[places], self.tasks[places])


def affordable(price: float, budget: float) -> bool:
    """Whether a budget pays a price."""
    return price <= budget + TOLERANCE * max(1.0, budget)


def missing_pairs(pool: Pool) -> Pairs:
    """All labels that may be bought, image by image."""
    images, tasks = np.nonzero(~pool.bought)
    return Pairs(images.astype(np.int64), tasks.astype(np.int64))


def percentiles(scores: Scores, bought: Labels) -> Scores:
    """How high every missing label stands among those of its task (N x T, 0..1); others stand at 0."""
    found = np.zeros(scores.shape)
    for task, there in enumerate(bought.T):
        found[~there, task] = ranks(scores[~there, task][:, None])[:, 0]
    return found


def paid_in_order(prices: Scores, budget: float) -> Positions:
    """Places of what is bought when one goes down a list of prices: each that is paid by what is left."""
    chosen, left = [], budget
    cheapest = float(prices.min(initial=np.inf))
    for place, price in enumerate(prices.tolist()):
        if not affordable(cheapest, left):
            break
        if affordable(price, left):
            chosen.append(place)
            left -= price
    return np.array(chosen, dtype=np.int64)


def as_labels(pairs: Pairs, count: int, tasks: int) -> Labels:
    """The pairs as a mask (count x tasks)."""
    mask = np.zeros((count, tasks), np.bool_)
    mask[pairs.images, pairs.tasks] = True
    return mask


def bought_in_order(
    pool: Pool, pairs: Pairs, scores: Scores | None = None, notes: Mapping[str, float] | None = None
) -> Selection:
    """The selection of those of the pairs, best first, that the round's budget pays.

    Images are in the order of their first label.
    """
    paid = pairs.at(paid_in_order(pool.costs[pairs.images, pairs.tasks], pool.budget))
    images, first = np.unique(paid.images, return_index=True)
    images = images[np.argsort(first)]
    mask = as_labels(paid, len(pool.ids), len(pool.tasks))
    return Selection(images, scores, mask[images], notes=dict(notes or {}))
