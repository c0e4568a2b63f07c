"""Put per-task scores on one scale, aggregate them over tasks, and choose the highest."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from strategies.interface import Positions, Scores

Normalisation = Literal["rank", "zscore", "minmax"]


def ranks(scores: NDArray[Any]) -> Scores:
    """Ranks of every column (N x T) in 0..1, the highest score at 1; equal scores share their mean rank."""
    from scipy.stats import rankdata  # scipy.stats takes half a second to import

    count = len(scores)
    if count < 2:
        return np.full(scores.shape, 0.5)
    return np.asarray((rankdata(scores, axis=0) - 1) / (count - 1), dtype=np.float64)


def zscores(scores: NDArray[Any]) -> Scores:
    """Every column with mean 0 and standard deviation 1; a constant column is 0."""
    centred = scores - scores.mean(0)
    spread = centred.std(0)
    return np.asarray(centred / np.where(spread > 0, spread, 1), dtype=np.float64)


def robust_minmax(scores: NDArray[Any]) -> Scores:
    """Every column mapped from its 1st..99th percentile to 0..1 and clipped; a constant column is 0."""
    low, high = np.percentile(scores, [1, 99], axis=0)
    span = np.where(high > low, high - low, 1)
    return np.asarray(np.clip((scores - low) / span, 0, 1), dtype=np.float64)


NORMALISATIONS = {"rank": ranks, "zscore": zscores, "minmax": robust_minmax}


def normalise(scores: NDArray[Any], how: Normalisation = "rank") -> Scores:
    """Bring the columns of N x T scores onto one scale, so that they can be averaged over tasks."""
    return NORMALISATIONS[how](scores)


def highest(scores: NDArray[Any], count: int, rng: np.random.Generator) -> Positions:
    """Positions of the ``count`` highest of N scores, best first; ties fall by the random stream."""
    tickets = rng.random(len(scores))
    return np.lexsort((tickets, -scores))[:count].astype(np.int64)
