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
