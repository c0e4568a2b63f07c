"""Rows of features, read where they lie: only those asked for are ever in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from strategies.kernels.arrays import Features, Positions

BLOCK = 2**17  # numbers in one pass over features: what is computed from them stays in the processor's cache


class Rows(Protocol):
    """N x d numbers of which some rows can be had."""

    count: int
    width: int
    dtype: np.dtype[Any]  # float32 or float64, whatever they are stored as
    block: int  # rows in one pass
    tensor: Any  # where they lie on a device; else None

    def take(self, positions: Positions) -> Features:
        """A copy of these rows in main memory."""
        ...

    def largest(self, start: int, stop: int) -> float:
        """The largest absolute value of rows ``start`` to ``stop``; not finite where one is not."""
        ...


class SlicedRows:
    """Rows of anything that has a shape and a type and can be sliced: an array in a file, say."""

    tensor: Any = None

    def __init__(self, array: Any) -> None:
        self.array, (self.count, self.width) = array, array.shape
        # float32 where it holds every value of the stored type.
        self.dtype = np.dtype(np.float32 if np.can_cast(array.dtype, np.float32) else np.float64)
        self.block = int(np.clip(BLOCK // max(self.width, 1), 64, 4096))

    def take(self, positions: Positions) -> Features:
        runs = np.split(positions, np.flatnonzero(np.diff(positions) != 1) + 1)
        parts = [self._slice(int(run[0]), int(run[-1]) + 1) for run in runs if len(run)]
        return np.concatenate([np.empty((0, self.width), self.dtype), *parts])

    def largest(self, start: int, stop: int) -> float:
        values = self._slice(start, stop)
        return float(np.maximum(values.max(initial=0), -values.min(initial=0)))

    def _slice(self, start: int, stop: int) -> Features:
        return np.asarray(self.array[start:stop], self.dtype)


class ArrayRows(SlicedRows):
    """Rows of a NumPy array, which may be a memory map."""

    def take(self, positions: Positions) -> Features:
        flags = self.array.flags
        # ndarray.take is twice as fast as an index, but first copies the whole of any other array.
        plain = flags.c_contiguous and flags.aligned and self.array.dtype.isnative
        rows = self.array.take(positions, 0) if plain else self.array[positions]
        return np.asarray(rows, self.dtype, order="C")


class StackedRows:
    """Rows of one array above those of another, in main memory as they are asked for."""

    tensor: Any = None

    def __init__(self, upper: Rows, lower: Rows) -> None:
        self.upper, self.lower, self.width = upper, lower, upper.width
        self.count, self.block = upper.count + lower.count, lower.block
        self.dtype = np.result_type(upper.dtype, lower.dtype)

    def take(self, positions: Positions) -> Features:
        above = positions < self.upper.count
        rows = np.empty((len(positions), self.width), self.dtype)
        rows[above] = self.upper.take(positions[above])
        rows[~above] = self.lower.take(positions[~above] - self.upper.count)
        return rows

    def largest(self, start: int, stop: int) -> float:
        values = self.take(np.arange(start, stop))
        return float(np.maximum(values.max(initial=0), -values.min(initial=0)))


def blocks(rows: Rows) -> Iterator[Positions]:
    """Positions of the rows of each pass, in order."""
    return (
        np.arange(start, min(start + rows.block, rows.count)) for start in range(0, rows.count, rows.block)
    )


def checked_largest(rows: Rows) -> float:
    """The largest absolute value of all; ValueError where one is not finite."""
    largest = 0.0
    for block in blocks(rows):
        value = rows.largest(int(block[0]), int(block[-1]) + 1)
        if not np.isfinite(value):
            wrong = block[~np.isfinite(rows.take(block)).all(1)]
            raise ValueError(f"features must be finite: row {wrong[0]} is not")
        largest = max(largest, value)
    return largest
