"""Neighbours: the nearest of each point, and all within a radius, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.arrays import (
    Features,
    Float64s,
    Positions,
    checked_features,
    distance_error,
    distance_rows,
    partners,
)

BLOCK = 1024  # queries at a time: memory for BLOCK x N distances
ROWS, COLUMNS = 512, 1024  # pairs looked at in one pass: they stay in the processor's cache
PAIRS = 1024  # pairs whose differences are held at once

Indices = NDArray[np.int32] | NDArray[np.int64]


def load_faiss() -> Any | None:
    """The faiss module, or None. A missing CUDA library raises RuntimeError or OSError on import."""
    try:
        import faiss
    except (ImportError, RuntimeError, OSError):
        return None
    return faiss


def nearest_neighbours(features: ArrayLike, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Euclidean distances to and positions of the ``count`` nearest other points of each (N x count).

    Nearest first, equal ones in order of position. By faiss where it can be imported and by NumPy where not,
    with the same answer. Raises ValueError unless ``features`` is N x d and finite, with N over ``count``.
    """
    points = np.ascontiguousarray(features, np.float32)
    if points.ndim != 2 or not np.isfinite(points).all() or not 0 < count < len(points):
        raise ValueError(f"features must be finite, N x d, with N over {count}, not of shape {points.shape}")
    points = points - points.mean(0)  # distances by inner products lose their digits far from the origin
    faiss = load_faiss()
    found = _by_numpy(points, count + 1) if faiss is None else _by_faiss(faiss, points, count + 1)
    return _without_self(points, found, count)


def _by_faiss(faiss: Any, points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    return np.asarray(index.search(points, count)[1], np.int64)


def _by_numpy(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    squares = (points**2).sum(1)
    blocks = [points[start : start + BLOCK] for start in range(0, len(points), BLOCK)]
    nearest = [
        np.argpartition(squares - 2 * block @ points.T, count - 1, axis=1)[:, :count] for block in blocks
    ]
    return np.concatenate(nearest).astype(np.int64)


def _without_self(
    points: NDArray[np.float32], found: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Exact distances of what was found, the point itself left out, in one order for both ways."""
    itself = np.arange(len(points))[:, None]
    distances = np.stack([np.linalg.norm(points[column] - points, axis=1) for column in found.T], axis=1)
    distances = np.where(found == itself, np.inf, distances)  # left out, or crowded out by duplicates
    order = np.lexsort((found, distances), axis=1)[:, :count]
    rows = np.take_along_axis(distances, order, 1), np.take_along_axis(found, order, 1)
    return rows[0].astype(np.float32), rows[1]


def neighbours_within(features: ArrayLike, radius: float) -> tuple[Indices, Indices]:
    """All ordered pairs of N points at a Euclidean distance of at most ``radius``, each point with itself.

    Distances are those of float64 differences, which decide wherever products cannot. Memory: a float64 copy
    of the features, some 30 MB, and three times the result. (scikit-learn's ``radius_neighbors_graph`` gives
    nearly the same pairs, in twice the time and more memory.)

    Args:
        features: N x d, finite.
        radius: in units of the features, finite and not negative.

    Returns:
        indptr (N + 1) and indices of a sparse matrix (CSR): the neighbours of point i, in order of position,
        are ``indices[indptr[i] : indptr[i + 1]]``. Both are int32 where that holds the number of pairs.

    Raises:
        ValueError: an argument is not as described.
    """
    points = checked_features(features)
    if not 0 <= radius < np.inf:
        raise ValueError(f"radius is {radius}, must be finite and not negative")
    if len(points) == 0:
        return np.zeros(1, np.int32), np.zeros(0, np.int32)
    counts, later = zip(*_Within(points, radius).later(), strict=True)
    return _both_ways(np.concatenate(counts), np.concatenate(later))


class _Within:
    """Which of all pairs of points are near, one tile of pairs after another."""

    def __init__(self, points: Features, radius: float) -> None:
        unit = max(float(points.max(initial=0)), -float(points.min(initial=0))) or 1.0
        self.points, self.radius, self.rows = points, radius, distance_rows(points, unit)
        self.width, self.limit = points.shape[1], -np.square(radius / unit) / 2

    def later(self) -> Iterator[tuple[Positions, NDArray[np.int32]]]:
        """Neighbours of each point that are itself or stand after it: their numbers, and they in order."""
        for first in range(0, len(self.points), ROWS):
            left = partners(self.rows[first : first + ROWS])
            tiles = [self._tile(left, first, at) for at in range(first, len(self.points), COLUMNS)]
            row, column = np.concatenate(tiles, axis=1)
            order = np.argsort(row, kind="stable")
            yield np.bincount(row - first, minlength=len(left)), column[order].astype(np.int32)

    def _tile(self, left: Float64s, first: int, at: int) -> Positions:
        """Near pairs (2 x n) of points from ``first`` on with later ones from ``at`` on, or themselves."""
        half = left @ self.rows[at : at + COLUMNS].T
        slack = 8 * np.finfo(np.float64).eps
        found = np.flatnonzero(half >= self.limit * (1 + slack))
        row, column = np.divmod(found, half.shape[1])
        pairs = np.stack([row + first, column + at])
        sure = half.ravel()[found] >= self.limit * (1 - slack) + self._error(pairs)
        sure[~sure] = self._near(pairs[:, ~sure])
        return pairs[:, sure & (pairs[0] <= pairs[1])]

    def _error(self, pairs: Positions) -> Float64s:
        """What half a squared distance may be too small by, from the half norms that stand in the rows."""
        half_norms = self.rows[:, self.width].take(pairs).sum(0)
        return np.asarray(-5 * distance_error(self.width) * half_norms, np.float64)

    def _near(self, pairs: Positions) -> NDArray[np.bool_]:
        near = np.empty(pairs.shape[1], np.bool_)
        for at in range(0, len(near), PAIRS):
            one, other = (self.points[side].astype(np.float64) for side in pairs[:, at : at + PAIRS])
            near[at : at + PAIRS] = np.sqrt(np.square(one - other).sum(1)) <= self.radius
        return near


def _both_ways(counts: Positions, later: NDArray[np.int32]) -> tuple[Indices, Indices]:
    """All neighbours from those that stand after each point."""
    from scipy.sparse import csr_array  # half a second to import

    starts = np.concatenate([[0], np.cumsum(counts)])
    starts = starts.astype(np.int32 if 2 * len(later) < 2**31 else np.int64)
    upper = csr_array((np.ones(len(later), np.bool_), later, starts), shape=(len(counts), len(counts)))
    both = upper + upper.T.tocsr()
    return both.indptr, both.indices
