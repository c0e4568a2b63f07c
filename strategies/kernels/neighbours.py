"""The nearest neighbours of each point: exact, in bounded memory, never N x N.

Products of float32 numbers find who may be a neighbour, and differences in float64 say who is one. A product
may be off by a known share of both points' squared norms, so whoever lies within that is looked at too. Where
that lets in too many, as among near-copies, products of float64 numbers are asked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.kernels.arrays import Features, Float64s, Positions, checked_features

TILE = 2**21  # distances held at once
NUMBERS = 2**18  # of features whose differences are held at once
ROWS = 4096  # rows centred at once
SPARE = 32  # neighbours that faiss is asked for beyond those wanted, so that its error can be told from a gap
CROWD = 8  # times as many candidates as wanted are too many to take differences of


def load_faiss() -> Any | None:
    """The faiss module, or None. A missing CUDA library raises RuntimeError or OSError on import."""
    try:
        import faiss
    except (ImportError, RuntimeError, OSError):
        return None
    return faiss


def nearest_neighbours(features: ArrayLike, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Euclidean distances to and positions of the ``count`` nearest other points of each (N x count).

    Nearest first, equal ones in order of position, by float64 arithmetic on the differences of the features
    as given. By faiss where it can be imported and by NumPy where not, with the same answer. Beside the
    features it holds a float32 copy of them, one more for faiss, a float64 one where there are near-copies,
    and some 80 MB.

    Raises ValueError unless ``features`` is N x d and finite, with N over ``count``, which is over 0.
    """
    points = checked_features(features)
    if not 0 < count < len(points):
        raise ValueError(f"count is {count}, must be from 1 to less than the {len(points)} rows of features")
    search = _Search(points, count)
    found = [search.nearest_to(rows) for rows in _blocks(len(points), max(1, TILE // len(points)))]
    distances, nearest = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return distances.astype(np.float32), nearest


class _Search:
    """The points, and those of them that can be a neighbour: of copies, only the first few."""

    def __init__(self, points: Features, count: int) -> None:
        self.points, self.count = points, count
        self.columns = _first_copies(points, count + 1)
        self.rough = _Products(points, self.columns, np.float32)
        self.index = _faiss_index(self.rough.targets)

    @cached_property
    def precise(self) -> _Products:
        """Twice the digits, and twice the time: made where they are needed."""
        return _Products(self.points, self.columns, np.float64)

    def nearest_to(self, rows: Positions) -> tuple[Float64s, Positions]:
        """Distances and positions of the nearest (n x count)."""
        if self.index is None:
            return self._exact(rows)
        distances, nearest, sure = self._by_index(rows, self.index)
        if not sure.all():
            distances[~sure], nearest[~sure] = self._exact(rows[~sure])
        return distances, nearest

    def _by_index(self, rows: Positions, index: Any) -> tuple[Float64s, Positions, NDArray[np.bool_]]:
        """The same, and where it is sure: where nobody who was left out can be as near as the last."""
        wanted = min(self.count + 1 + SPARE, len(self.columns))
        squared, places = index.search(self.rough.centred[rows], wanted)
        one = np.repeat(np.arange(len(rows)), wanted)
        distances, nearest = self._sorted(rows, one, self.columns[places.ravel()])
        reach = np.square(distances[:, -1] / self.rough.unit)
        sure = reach + self.rough.error(rows) < squared[:, -1].astype(np.float64)
        return distances, nearest, sure | (wanted == len(self.columns))

    def _exact(self, rows: Positions) -> tuple[Float64s, Positions]:
        one, column = self.rough.candidates(rows, self.count)
        crowded = np.bincount(one, minlength=len(rows)) > CROWD * (self.count + 1)
        if crowded.any():
            again, kept = np.flatnonzero(crowded), ~crowded[one]
            more, among = self.precise.candidates(rows[again], self.count)
            one, column = np.concatenate([one[kept], again[more]]), np.concatenate([column[kept], among])
        return self._sorted(rows, one, self.columns[column])

    def _sorted(self, rows: Positions, one: Positions, other: Positions) -> tuple[Float64s, Positions]:
        """The nearest of the candidates ``other`` of each of the rows ``one``, by differences."""
        foreign = rows[one] != other
        one, other = one[foreign], other[foreign]
        distances = _distances(self.points, rows[one], other)
        order = np.lexsort((other, distances, one))
        starts = np.searchsorted(one[order], np.arange(len(rows)))
        first = order[starts[:, None] + np.arange(self.count)]
        return distances[first], other[first]


class _Products:
    """All points, centred and in units of the largest, and the columns among which neighbours are sought.

    Far from the origin, and far from 1, products would lose their digits.
    """

    def __init__(self, points: Features, columns: Positions, kind: type[np.floating[Any]]) -> None:
        middle = points.mean(0, dtype=np.float64)
        blocks = list(_blocks(len(points), ROWS))
        self.unit = max(float(np.abs(points[block] - middle).max(initial=0)) for block in blocks) or 1.0
        self.centred: NDArray[Any] = np.empty(points.shape, kind)
        for block in blocks:
            self.centred[block] = (points[block] - middle) / self.unit
        self.norms = np.einsum("ij,ij->i", self.centred, self.centred)
        self.targets = self.centred if len(columns) == len(points) else self.centred[columns]
        self.column_norms = self.norms[columns]

    def candidates(self, rows: Positions, count: int) -> tuple[Positions, Positions]:
        """Pairs of a place among the rows and one among the columns: who may be among whose nearest."""
        squared = self.column_norms - 2 * (self.centred[rows] @ self.targets.T)  # and the row's, for all
        limit = np.partition(squared, count, axis=1)[:, count]  # it may be a neighbour of itself here
        one, column = np.nonzero(squared <= (limit + 2 * self.error(rows))[:, None])
        return one, column

    def error(self, rows: Positions) -> Float64s:
        """What the squared distances of these rows may be off by (Higham 2002, section 3.1)."""
        rounding = (self.centred.shape[1] + 16) * float(np.finfo(self.centred.dtype).eps)
        return np.asarray(rounding * (self.norms[rows].astype(np.float64) + float(self.norms.max())))


def _faiss_index(targets: NDArray[Any]) -> Any | None:
    faiss = load_faiss()
    if faiss is None:
        return None
    index = faiss.IndexFlatL2(targets.shape[1])
    index.add(targets)
    return index


def _first_copies(points: Features, most: int) -> Positions:
    """Positions of all points but those of which ``most`` copies came before: nobody's nearest, in order."""
    rows = np.ascontiguousarray(points) + 0  # so that -0 is 0, bit for bit
    _, copy_of = np.unique(rows.view(np.dtype((np.void, rows.strides[0]))).ravel(), return_inverse=True)
    order = np.argsort(copy_of, kind="stable")
    starts = np.flatnonzero(np.diff(copy_of[order], prepend=-1))
    before = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return np.sort(order[before < most])


def _distances(points: Features, left: Positions, right: Positions) -> Float64s:
    """Of each of n pairs, from differences."""
    distances = np.empty(len(left))
    for pairs in _blocks(len(left), max(1, NUMBERS // max(points.shape[1], 1))):
        difference = points[left[pairs]].astype(np.float64) - points[right[pairs]]
        distances[pairs] = np.sqrt(np.square(difference, out=difference).sum(1))
    return distances


def _blocks(count: int, size: int) -> Iterator[Positions]:
    return (np.arange(at, min(at + size, count)) for at in range(0, count, size))
