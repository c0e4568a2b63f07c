"""Loss weights: what a strategy says of the images it bought, on one footing with all that was not bought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from strategies.interface import Draws, Scores, Strategy

LEAST = 1e-100  # weights of which all are below would not be finite, divided by their mean


def weights_of(strategy: Strategy, name: str, ranks: Scores, draws: Draws | None = None) -> Scores | None:
    """Loss weights (L x T) of labelled images by their ranks (L x T) and draws; None where all are the same.

    The strategy is asked of the images that its scores chose, and of those that it drew with known
    probabilities. Any other one, of the first set or of a round without scores, has no rank or probability
    (NaN) and the neutral weight 1. Raises UserError for weights of another shape, negative ones, and ones
    that are not finite.
    """
    by_rank = _of_bought(strategy.loss_weights, name, ranks)
    by_draw = None if draws is None else _of_drawn(strategy, name, draws)
    if by_draw is None:
        return by_rank
    return np.ones_like(ranks) * by_draw if by_rank is None else by_rank * by_draw


def _of_bought(say: Callable[[Scores], Scores | None], name: str, ranks: Scores) -> Scores | None:
    bought = np.asarray(~np.isnan(ranks).all(1))
    # A label that was not bought has no rank: the middle one, and the neutral weight, which counts nowhere.
    said = say(np.nan_to_num(ranks[bought], nan=0.5)) if bought.any() else None
    if said is None:
        return None
    weights = _among_ones(said, bought, ranks, name, "images x tasks")
    return np.where(np.isnan(ranks), 1.0, weights)


def _of_drawn(strategy: Strategy, name: str, draws: Draws) -> Scores | None:
    """L x 1."""
    drawn = ~np.isnan(draws.probabilities)
    asked = replace(draws, probabilities=draws.probabilities[drawn], left=draws.left[drawn])
    said = strategy.draw_weights(asked) if drawn.any() else None
    if said is None:
        return None
    return _among_ones(said, drawn, draws.probabilities, name, "images")[:, None]


def _among_ones(said: Scores, which: NDArray[Any], of: Scores, name: str, each: str) -> Scores:
    """What was said of some images, and 1 for the others. Raises UserError where it is of no use."""
    shape = of[which].shape
    if not _usable(said, shape):
        raise UserError(
            f"Strategy {name!r} gave loss weights that are not {shape} ({each}) finite numbers of 0 or more."
        )
    weights = np.ones_like(of)
    weights[which] = said
    return weights


def balanced(weights: Scores, labelled: NDArray[np.bool_]) -> Scores:
    """Weights (L x T) of mean 1 for every task, over the images that have a label for it (L x T).

    So a task weighs as much as without them. Weights that are 0 for all of these images, or nearly, prefer
    none of them.
    """
    weights = np.where((weights * labelled).sum(0) > LEAST, weights, 1.0)
    mean = np.where(labelled, weights, 0).sum(0) / np.maximum(labelled.sum(0), 1)
    return np.asarray(weights / np.where(mean > 0, mean, 1), np.float64)


def _usable(weights: Scores, shape: tuple[int, ...]) -> bool:
    return np.shape(weights) == shape and bool(np.isfinite(weights).all() and (weights >= 0).all())
