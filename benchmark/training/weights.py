"""Loss weights: what a strategy says of the images it bought, on one footing with all that was not bought."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from strategies.interface import Scores, Strategy


def weights_of(strategy: Strategy, name: str, ranks: Scores) -> Scores | None:
    """Loss weights (L x T) of labelled images by their ranks (L x T); None where all weigh the same.

    The strategy is asked of the images that its scores chose. Any other one, of the first set or of a round
    without scores, has no rank (NaN) and the neutral weight 1. Raises UserError for weights of another shape,
    negative ones, and ones that are not finite.
    """
    bought = ~np.isnan(ranks).any(1)
    said = strategy.loss_weights(ranks[bought]) if bought.any() else None
    if said is None:
        return None
    if not _usable(said, ranks[bought].shape):
        raise UserError(
            f"Strategy {name!r} gave loss weights that are not {ranks[bought].shape} (images x tasks) finite "
            "numbers of 0 or more."
        )
    weights = np.ones_like(ranks)
    weights[bought] = said
    return weights


def balanced(weights: Scores, labelled: NDArray[np.bool_]) -> Scores:
    """Weights (L x T) of mean 1 for every task, over the images that have a label for it (L x T).

    So a task weighs as much as without them. Weights that are 0 for all of these images prefer none of them.
    """
    weights = np.where((weights * labelled).sum(0) > 0, weights, 1.0)
    mean = np.where(labelled, weights, 0).sum(0) / np.maximum(labelled.sum(0), 1)
    return np.asarray(weights / np.where(mean > 0, mean, 1), np.float64)


def _usable(weights: Scores, shape: tuple[int, ...]) -> bool:
    return np.shape(weights) == shape and bool(np.isfinite(weights).all() and (weights >= 0).all())
