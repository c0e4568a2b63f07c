"""LURE: loss weights that undo the shift which a choice by score brings with it.

Farquhar, Gal & Rainforth, "On Statistical Bias In Active Learning: How and When To Fix It", ICLR 2021: the
levelled unbiased risk estimator.
"""

from __future__ import annotations

import numpy as np

from strategies.interface import Draws, Scores


def lure_weights(draws: Draws) -> Scores:
    """Weights (L) with which the mean loss of labelled images is that of the pool, in expectation.

    The m-th of M labelled images of a pool of N, drawn with probability q among those left, weighs
    1 + (N - M) / (N - m) * (1 / ((N - m + 1) q) - 1). What is drawn uniformly, as the first set, weighs 1.
    The mean of weight times loss over all M is unbiased for a fixed network if every image has a chance at
    every draw, whatever the probabilities depend on.
    """
    against_uniform = 1 / (draws.left * draws.probabilities) - 1
    # The last image of a pool has the probability 1: nothing is left, and nothing to divide by.
    share = draws.unlabelled / np.maximum(draws.left - 1, 1)
    return np.asarray(1 + share * against_uniform)
