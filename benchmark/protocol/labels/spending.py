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
    differ, it gets of these, in its order of choice, each that is paid by what is left, and is asked again
    for what that pays, until it wants nothing that is paid: so one that likes cheap images spends as much as
    any. What then remains is spent in the next round. Raises BrokenSelectionError.
    """
    if strategy.partial:
        return choose(strategy, name, pool, whole_images(pool)) if _pays_a_label(pool) else NOTHING
    return _images(strategy, name, pool)


def _images(strategy: Strategy, name: str, pool: Pool) -> Selection:
    chosen = NOTHING
    while count := whole_images(pool):
        more = _paid(choose(strategy, name, pool, count), pool)
        if not len(more.indices):
            break
        chosen = _joined(chosen, more) if len(chosen.indices) else more
        pool = _after(pool, more)
    return chosen


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
    return selection if len(paid) == len(selection.indices) else _of(selection, selection.indices[paid])


def _joined(selection: Selection, more: Selection) -> Selection:
    """Both choices of one round, with the scores and notes of the first, which saw all images."""
    return _of(selection, np.concatenate([selection.indices, more.indices]))


def _of(selection: Selection, images: Positions) -> Selection:
    """The selection of these images: how likely each was is known only where none is passed over."""
    return replace(selection, indices=images, tasks=None, probabilities=None)


def _after(pool: Pool, selection: Selection) -> Pool:
    """The pool with these images bought, and what is left to spend."""
    labels, spent = pool.bought.copy(), float(prices_of(pool, selection.indices).sum())
    labels[selection.indices] = True
    return replace(
        pool,
        labelled=np.concatenate([pool.labelled, selection.indices]),
        unlabelled=np.flatnonzero(~labels.all(1)),
        mask=None if pool.mask is None else labels,
        budget=pool.budget - spent,
        budget_left=pool.budget_left - spent,
    )
