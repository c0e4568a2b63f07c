"""Draws without replacement, one after the other, each with a probability in proportion to a weight."""

from __future__ import annotations

import numpy as np

from strategies.kernels.arrays import Float64s, Positions


def drawn_in_sequence(log_weights: Float64s, budget: int, *, rng: np.random.Generator) -> Positions:
    """``budget`` of n positions, in the order in which they are drawn.

    The highest sums of logarithm and Gumbel noise are such a draw (Yellott 1977; Vieira 2014). Whatever has
    the weight 0, a logarithm of minus infinity, comes after all others, in random order.

    Raises ValueError for logarithms that are NaN or plus infinity, and for a budget over n or below 0.
    """
    if not (log_weights < np.inf).all():
        raise ValueError("logarithms of weights must be numbers or minus infinity")
    if not 0 <= budget <= len(log_weights):
        raise ValueError(f"budget is {budget}, must be from 0 to {len(log_weights)}")
    noisy = log_weights + rng.gumbel(size=len(log_weights))
    tickets = rng.random(len(log_weights))  # the order of those of weight 0
    return np.lexsort((tickets, -noisy))[:budget].astype(np.int64)


def step_probabilities(log_weights: Float64s, drawn: Positions) -> Float64s:
    """Of each of the drawn positions, among all that were left when it was drawn, in that order.

    Draws of ``drawn_in_sequence`` from n logarithms of weights. Where all that are left have the weight 0,
    they are equally likely. Sums are taken from the end, so that no small one is a difference of large ones.
    """
    rest = np.delete(log_weights, drawn)
    beginning = np.logaddexp.reduce(rest) if len(rest) else -np.inf
    backwards = np.concatenate([[beginning], log_weights[drawn][::-1]])
    left = np.logaddexp.accumulate(backwards)[:0:-1]
    equal = 1 / (len(log_weights) - np.arange(len(drawn)))
    with np.errstate(invalid="ignore"):  # the difference of two infinities, which is not taken
        return np.where(np.isfinite(left), np.exp(log_weights[drawn] - left), equal)
