"""Neighbours: the nearest of each point, and all within a radius, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
