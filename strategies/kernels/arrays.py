"""What the selection kernels share: checks of arguments, and rows whose products are distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Features = NDArray[np.float32] | NDArray[np.float64]
Float64s = NDArray[np.float64]
Positions = NDArray[np.int64]
Chosen = Sequence[int] | Positions

LARGEST = 1e300  # squared norm, so that sums of two do not overflow
ROWS = 512  # rows looked at in one pass, so that no temporary is as large as the features


def checked_features(features: ArrayLike, name: str = "features") -> Features:
    """N x d finite values; float32 and float64 are not copied, float16 becomes float32, all else float64."""
    array = np.asarray(features)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} have the shape {array.shape}, must be N x d")
    for at in range(0, len(array), ROWS):
        finite = np.isfinite(array[at : at + ROWS]).all(1)
        if not finite.all():
            raise ValueError(f"{name} must be finite: row {at + int(finite.argmin())} is not")
    return array


def checked_sets(sets: ArrayLike) -> Features:
    """N x k x d finite values with k at least 1; not copied where they are float32 or float64."""
    array = np.asarray(sets)
    if array.ndim != 3 or array.shape[1] == 0:
        raise ValueError(f"sets have the shape {array.shape}, must be N x k x d with k at least 1")
    count, members, width = array.shape
    return checked_features(array.reshape(count * members, width), "points of sets").reshape(array.shape)


def points_of_sets(features: ArrayLike) -> Features:
    """N x k x d finite values, of N x d with k = 1."""
    return checked_sets(features) if np.ndim(features) == 3 else checked_features(features)[:, None]


def checked_positions(name: str, positions: Sequence[int] | NDArray[Any], count: int) -> Positions:
    """Unique whole numbers from 0 to ``count`` - 1, in the order given."""
    array = np.asarray(positions)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be a sequence of whole numbers")
    array = array.astype(np.int64)
    wrong = array[(array < 0) | (array >= count)]
    if wrong.size:
        raise ValueError(f"{name} holds {wrong[0]}, must be from 0 to {count - 1}")
    unique, times = np.unique(array, return_counts=True)
    if len(unique) < len(array):
        raise ValueError(f"{name} holds {unique[times > 1][0]} more than once")
    return array


def checked_choice(
    budget: int, labelled: Chosen, candidates: Chosen | None, count: int
) -> tuple[Positions, Positions]:
    """Of N points those that are labelled, in the order given, and those that ``budget`` are picked from.

    The latter are sorted: ``candidates``, none of them labelled; by default all that are not labelled.
    """
    known = checked_positions("labelled", labelled, count)
    allowed = checked_candidates(candidates, known, count)
    check_budget(budget, allowed)
    return known, allowed


def checked_candidates(
    candidates: Sequence[int] | NDArray[Any] | None, labelled: Positions, count: int
) -> Positions:
    """Sorted positions, none of them labelled; all that are not labelled where None is given."""
    if candidates is None:
        free = np.ones(count, np.bool_)
        free[labelled] = False
        return np.flatnonzero(free)
    array = checked_positions("candidates", candidates, count)
    both = np.intersect1d(array, labelled)
    if both.size:
        raise ValueError(f"candidates holds {both[0]}, which is labelled")
    return np.sort(array)


def check_budget(budget: int, candidates: Positions) -> None:
    """Not negative, and not more than there is to pick from."""
    if not 0 <= budget <= len(candidates):
        raise ValueError(f"budget is {budget}, must be from 0 to the number of candidates, {len(candidates)}")


def checked_weights(weights: ArrayLike | None, count: int) -> Float64s:
    """One factor for each of N points, finite and not negative; ones where None is given."""
    array = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if array.shape != (count,):
        raise ValueError(f"weights have the shape {array.shape}, must be one for each of {count} points")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"weights must be finite and not negative: that of point {at} is {array[at]}")
    return array


def squared_distances(points: Features, centre: Features) -> Float64s:
    """Squared Euclidean distances of N points (N x d) to another (d), from differences in float64.

    Equal points have equal distances, and copies of the other the distance 0.
    """
    squared, centre = np.empty(len(points)), centre.astype(np.float64)
    for at in range(0, len(points), ROWS):
        difference = points[at : at + ROWS] - centre
        squared[at : at + ROWS] = np.square(difference, out=difference).sum(1)
    return squared


def distance_rows(points: Features, unit: float) -> Float64s:
    """Rows that multiply to distances: ``rows @ partners(rows).T`` is -|x - y|^2 / 2 (N x (d + 2)).

    Distances are in this unit. Rounding makes none of them larger: norms are shortened by what a product may
    be off by, ``distance_error`` times both, so that copies are at 0 or, by that little, above.

    Raises ValueError where squares overflow.
    """
    width = points.shape[1]
    rows = np.ones((len(points), width + 2))
    scaled = rows[:, :width]
    with np.errstate(over="ignore", invalid="ignore"):
        scaled[:] = points
        scaled -= scaled.mean(0) if len(points) else 0
        scaled /= unit
        norm = np.einsum("ij,ij->i", scaled, scaled)
    if not (norm < LARGEST).all():
        raise ValueError(f"features are too large for distances in units of {unit}")
    rows[:, width] = norm * -(0.5 - distance_error(width))
    return rows


def partners(rows: Float64s) -> Float64s:
    """The other factor of some of ``distance_rows``, a copy."""
    swapped = rows.copy()
    swapped[:, [-2, -1]] = rows[:, [-1, -2]]
    return swapped


def distance_error(width: int) -> float:
    """Of both squared norms, what half a squared distance from ``distance_rows`` may be off by.

    That is the rounding of d + 2 products and their sum (Higham 2002, section 3.1), and of the rows.
    """
    return (width + 8) * float(np.finfo(np.float64).eps)
