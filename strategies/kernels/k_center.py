"""Greedy k-center, exact and in little memory, and distances to the nearest of given centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from strategies.kernels._lazy_farthest import farthest_first
from strategies.kernels._open_rows import open_rows
from strategies.kernels._points import Candidates, Points
from strategies.kernels._rows import blocks, checked_largest
from strategies.kernels.arrays import (
    Chosen,
    Float64s,
    Positions,
    checked_choice,
    checked_weights,
)

if TYPE_CHECKING:
    from torch import Tensor


def k_center_greedy(
    features: ArrayLike | Tensor,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    weights: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Pick, ``budget`` times, the candidate with the largest weight * distance to its nearest centre.

    Centres are the labelled points and the points picked so far. The greedy rule is a 2-approximation of the
    k-center problem (Gonzalez 1985); as a selection for active learning: Sener & Savarese 2018, section 4.1.

    The picks are exactly those of this float64 arithmetic, whatever the machine, the device or the number of
    threads: ``weights[i] * sqrt(min over centres c of sum(square(x[i] - x[c])))``, where ``x`` is
    ``features`` as float64 and ``sum`` is numpy's over a contiguous row (short of under- and overflow). Equal
    values are decided by ``rng.random(N)``, one number per point in order of position, the larger first. With
    no centre yet, the first pick has the largest weight: without weights it is uniformly random.

    Features are read twice from end to end and then a few rows at a time, and are never copied whole: they
    may be a ``numpy.memmap``, or anything with ``shape`` and ``dtype`` whose rows can be sliced, and larger
    than memory. Beside them are held about 200 bytes a candidate and up to 8 d a centre. A tensor in main
    memory shares it; one on another device stays there, and its rows are compared there.

    Args:
        features: N x d, finite.
        budget: number of picks, from 0 to the number of candidates.
        labelled: positions of the first centres.
        candidates: positions to pick from, none of them labelled; by default all that are not labelled.
        weights: N factors, finite and not negative; by default 1.
        rng: decides ties; exactly N numbers are drawn.

    Returns:
        ``budget`` unique positions, in order of choice.

    Raises:
        ValueError: an argument is not as described.
    """
    points = Points(open_rows(features))
    count = points.rows.count
    # Checked before any distance, which takes minutes for a large pool.
    centres, allowed = checked_choice(budget, labelled, candidates, count)
    factors = checked_weights(weights, count)
    # One ticket for every point, allowed or not: what is drawn does not depend on who may be chosen.
    pool = Candidates(np.arange(count), factors, rng.random(count)).take(allowed)
    return farthest_first(points, pool, centres, budget)


def nearest_distance(features: ArrayLike | Tensor, centres: ArrayLike | Tensor) -> Float64s:
    """Euclidean distance of each of the N rows of ``features`` to the nearest row of ``centres`` (K x d).

    Infinity where there is no centre. Raises ValueError where either is not 2-D and finite, or the widths
    differ.
    """
    points, others = open_rows(features), open_rows(centres)
    if others.width != points.width:
        shape = (others.count, others.width)
        raise ValueError(f"centres have the shape {shape}, must be rows of {points.width} values")
    checked_largest(points)
    checked_largest(others)
    if not others.count:
        return np.full(points.count, np.inf)
    targets = others.take(np.arange(others.count)).astype(np.float64)
    # Distances are those of shifted points: far from the origin, inner products alone would lose the
    # digits.
    middle = targets.mean(0)
    shifted = targets - middle
    half_norms, distance = np.square(shifted).sum(1) / 2, np.empty(points.count)
    for block in blocks(points):
        rows = points.take(block).astype(np.float64)
        nearest = (half_norms - (rows - middle) @ shifted.T).argmin(1)
        # The product only says which centre is nearest; the distance is computed from differences.
        distance[block] = np.sqrt(np.square(rows - targets[nearest]).sum(1))
    return distance
