"""What a strategy buys for the budget of a round: labels, or as many whole images as that pays for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.choosing import choose
from strategies.interface import Pool, Positions, Scores, Selection, Strategy
from strategies.labels_bought import affordable, paid_in_order

NOTHING = Selection(np.zeros(0, np.int64))


def bought(strategy: Strategy, name: str, pool: Pool) -> Selection:
    """The strategy's selection for ``pool.budget``; nothing where that pays for nothing.

    One that buys whole images is asked for as many as the budget pays at their mean price. Where prices
    differ, it gets of these, in its order of choice, each that is paid by what is left; what then remains is
    spent in the next round. Raises BrokenSelectionError.
    """
    count = whole_images(pool)
    if strategy.partial:
        return choose(strategy, name, pool, count) if _pays_a_label(pool) else NOTHING
    return _paid(choose(strategy, name, pool, count), pool) if count else NOTHING


def whole_images(pool: Pool) -> int:
    """How many images the budget pays at the mean price of what those that lack labels lack."""
    prices = prices_of(pool, pool.unlabelled)
    if not len(prices) or not affordable(float(prices.min()), pool.budget):
        return 0
    count = int(np.floor(pool.budget / prices.mean() + 1e-6))
    return min(max(count, 1), len(prices))


def prices_of(pool: Pool, images: Positions) -> Scores:
    """What all labels cost that these images lack."""
    return np.asarray((pool.costs[images] * ~pool.bought[images]).sum(1))


def _pays_a_label(pool: Pool) -> bool:
    prices = pool.costs[~pool.bought]
    return bool(len(prices)) and affordable(float(prices.min()), pool.budget)


def _paid(selection: Selection, pool: Pool) -> Selection:
    paid = paid_in_order(prices_of(pool, selection.indices), pool.budget)
    if len(paid) == len(selection.indices):
        return selection
    # How likely the next one was is known only where none is passed over.
    return replace(selection, indices=selection.indices[paid], probabilities=None)
