"""Bounds on the distance to the nearest of many centres, from matrix products in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.kernels._points import Points
from strategies.kernels.arrays import Features, Float64s, Positions

Float32s = NDArray[np.float32]

SKETCH = 31  # coordinates that the nearest centre is guessed from: with the constant one, 32 numbers a point
SAMPLE = (1024, 2**19)  # points that middle and directions are taken from: so many, or of so many numbers
ITERATIONS = 2  # of the power method that finds the directions
GROUP = 256  # centres of which the likely nearest is tried
UNRESOLVED = 4  # centres a point that may be nearest in float32; with more, float64 takes over


class SketchedCentres:
    """Centres that candidates are compared with, and a guess at the nearest before any comparison.

    The guess is made from the centres' norms and the inner products in the ``SKETCH`` directions of largest
    variance. For most network features it is right; where it is wrong, a bound is looser than it could be.

    A squared distance from a product of rows x and c is off by no more than ``error`` * (|x|^2 + |c|^2): d
    roundings of the product and of each norm, in whatever order they are summed (Higham 2002, section 3.1),
    and some for centring. Rows are centred because features far from the origin lose their differences to
    float32; any shift is right, so a sample's mean will do. Where float32 cannot tell which of many centres
    is nearest, in clusters that are tiny beside their distances, float64 takes over.
    """

    cells = 2**18  # distances held at once

    def __init__(self, points: Points, candidates: Positions, capacity: int) -> None:
        self.points, self.candidates = points, candidates
        self.positions, self.count = np.empty(capacity, np.int64), 0
        self.compared = self.unresolved = 0
        sample = _sample(points)
        self.middle = sample.mean(0, dtype=np.float64)
        self.directions = _directions(_centred(sample, self.middle))
        size = self.directions.shape[1]
        self.sketch = np.empty((len(candidates), size), np.float32)
        self.centre_sketch = np.empty((size, capacity), np.float32)
        self._set_precision(np.float32)

    def add(self, positions: Positions) -> None:
        """More centres: the points at these positions."""
        new = slice(self.count, self.count + len(positions))
        self.positions[new], self.count = positions, new.stop
        self._fill(new)
        rows = _centred(self.points.take(positions), self.middle)
        self.centre_sketch[:, new] = (rows @ self.directions).T
        self.centre_sketch[-1, new] = np.vecdot(rows, rows) / -2

    def first_bounds(self, start: int, stop: int, centres: int) -> Float64s:
        """What ``bounds`` gives for the first centres and for candidates, in order, that it has not seen."""
        rows = self.points.take(self.candidates[start:stop])
        np.matmul(_centred(rows, self.middle), self.directions, out=self.sketch[start:stop])
        self.sketch[start:stop, -1] = 1
        return self._bounds(self.sketch[start:stop], rows, 0, centres)

    def bounds(self, places: Positions, start: int, stop: int) -> Float64s:
        """Upper bounds on these candidates' squared distances to the nearest of centres start to stop."""
        rows = self.points.take(self.candidates[places])
        return self._bounds(self.sketch.take(places, 0), rows, start, stop)

    def _bounds(self, sketch: Float32s, rows: Features, start: int, stop: int) -> Float64s:
        likeness, least = sketch @ self.centre_sketch[:, start:stop], np.full(len(rows), np.inf, rows.dtype)
        count = stop - start
        size = -(-count // max(1, count // GROUP))
        for at in range(0, count, size):
            likely = likeness[:, at : at + size].argmax(1) + (start + at)
            difference = rows - self.points.take(self.positions[likely])
            np.minimum(least, np.vecdot(difference, difference), out=least)
        return self.points.above(least)

    def near(self, places: Positions, seen: Positions, upper: Float64s) -> tuple[Positions, Positions]:
        """Pairs of candidate and centre, among them each candidate's nearest centre unless beyond ``upper``.

        Args:
            places: M candidates.
            seen: how many of the first centres to leave out, one number for each.
            upper: squared distances beyond which no centre is of interest, one for each.

        Returns:
            Of each pair the index into ``places`` and the number of the centre.
        """
        row, centre = self._near(places, seen, upper)
        self.compared, self.unresolved = self.compared + len(places), self.unresolved + len(row)
        if self.precision == np.float32 and self.unresolved > UNRESOLVED * self.compared:
            self._set_precision(np.float64)
            return self._near(places, seen, upper)
        return row, centre

    def _near(self, places: Positions, seen: Positions, upper: Float64s) -> tuple[Positions, Positions]:
        start, stop = int(seen.min()), self.count
        rows = _centred(self.points.take(self.candidates[places]), self.middle, self.precision)
        # Lower bounds on the squared distances, but for |x|^2, which one number a row makes up for.
        lower = self.norm[start:stop] - rows @ self.doubled[:, start:stop]
        if seen.max() > start:
            lower[np.arange(start, stop) < seen[:, None]] = np.inf
        nearest, norm = lower.argmin(1), np.vecdot(rows, rows).astype(np.float64)
        slack = 3 * self.error * (norm + self.norm[start + nearest]) + 2 * self.tiny
        own = norm * (1 - self.error) - self.tiny
        reach = np.minimum(upper - own, lower[np.arange(len(places)), nearest] + slack)
        row, column = np.nonzero(lower <= rounded_up(reach, lower.dtype)[:, None])
        return row, column + start

    def _set_precision(self, precision: type[np.float32] | type[np.float64]) -> None:
        """Compute products in this type from now on."""
        width, capacity, kind = self.points.rows.width, len(self.positions), np.finfo(precision)
        self.precision, self.tiny = precision, 4 * (width + 1) * float(kind.tiny)
        self.error = (2 * width + 32) * float(kind.eps)
        self.norm = np.empty(capacity, precision)  # |c|^2, less what may be wrong with it
        self.doubled = np.empty((width, capacity), precision)
        for start in range(0, self.count, self.points.rows.block):
            self._fill(slice(start, min(start + self.points.rows.block, self.count)))

    def _fill(self, new: slice) -> None:
        rows = _centred(self.points.take(self.positions[new]), self.middle, self.precision)
        self.doubled[:, new] = 2 * rows.T
        self.norm[new] = np.vecdot(rows, rows) * self.precision(1 - self.error)


def _centred(rows: Features, middle: Float64s, precision: type[Any] = np.float32) -> Any:
    """Rows less the middle, in the finer of their type and ``precision``, then rounded to the latter."""
    finer = np.result_type(rows.dtype, precision)
    return np.subtract(rows, middle.astype(finer), dtype=finer).astype(precision, copy=False)


def _sample(points: Points) -> Features:
    size = min(SAMPLE[0], max(SAMPLE[1] // max(points.rows.width, 1), 2 * SKETCH))
    return points.take(np.arange(0, points.rows.count, max(1, points.rows.count // size)))


def _directions(sample: Float32s) -> Float32s:
    """Columns that span about the directions of largest variance, orthonormal, and a last one of zeros."""
    count, width = sample.shape
    size = min(SKETCH, count, width)
    directions = np.eye(width, size, dtype=np.float32)
    if size < width:
        directions = np.linalg.qr(sample[:size].T)[0]
        for _ in range(ITERATIONS):
            directions = np.linalg.qr(sample.T @ (sample @ directions))[0]
    return np.pad(directions, ((0, 0), (0, 1)))


def rounded_up(values: Float64s, dtype: Any) -> Any:
    """Values in a coarser type, none smaller than it was."""
    return np.nextafter(values.astype(dtype), np.array(np.inf, dtype))
