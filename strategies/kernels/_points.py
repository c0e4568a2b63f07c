"""Points and their distances: in the float64 arithmetic that defines the picks, and bounds on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.kernels._rows import Rows, checked_largest
from strategies.kernels.arrays import Features, Float64s, Positions

EXACT_PAIRS = 1024  # pairs whose differences are held in float64 at once


@dataclass(frozen=True)
class Candidates:
    """M points to pick from: their positions, weights and, among equals, priorities."""

    positions: Positions
    weights: Float64s
    priority: Float64s

    def take(self, places: Positions) -> Candidates:
        """Those at these places."""
        return Candidates(self.positions[places], self.weights[places], self.priority[places])

    def by_priority(self, places: Positions) -> Positions:
        """These places, the highest priority first."""
        return places[np.argsort(-self.priority[places], kind="stable")]


class Points:
    """Rows of features scaled by a power of two, which keeps squares from over- and underflowing.

    Raises ValueError where a row is not finite.

    A squared distance summed from differences in the rows' own type is off by no more than ``error`` times
    itself, and ``tiny``: d + 2 roundings (Higham 2002, section 3.1), and as many of the float64 that defines.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows, kind = rows, np.finfo(rows.dtype)
        self.scale = _scale(checked_largest(rows), int(kind.maxexp) - 2)
        self.error = 4 * (rows.width + 8) * float(kind.eps)
        self.tiny = 4 * (rows.width + 1) * float(kind.tiny)

    def take(self, positions: Positions) -> Features:
        """A copy of these rows, scaled."""
        return self.scaled(self.rows.take(positions))

    def scaled(self, rows: Features) -> Features:
        """Rows in their own type times the scale; where that is 1, the very same."""
        return rows if self.scale == 1 else rows * rows.dtype.type(self.scale)

    def above(self, squared: Features) -> Float64s:
        """What squared distances summed in the rows' own type may be at most."""
        return squared.astype(np.float64) * (1 + self.error) + self.tiny

    def reaching(self, squared: Float64s) -> Float64s:
        """What squared distances of at most this may be summed to at most in the rows' own type."""
        return (squared + self.tiny) / (1 - self.error)

    def exact(self, left: Positions, right: Positions) -> Float64s:
        """Squared distance of each pair of points: the arithmetic that defines the picks."""
        parts = range(0, len(left), EXACT_PAIRS)
        pairs = ((left[at : at + EXACT_PAIRS], right[at : at + EXACT_PAIRS]) for at in parts)
        squared = [self.exact_rows(self.rows.take(one), self.rows.take(other)) for one, other in pairs]
        return np.concatenate([np.empty(0), *squared])

    def exact_rows(self, left: Features, right: Features) -> Float64s:
        """The same of rows as ``rows.take`` gives them; ``right`` may be a single one."""
        scale = np.float64(self.scale)
        difference, other = left.astype(np.float64), right.astype(np.float64)
        if scale != 1:
            difference, other = difference * scale, other * scale
        difference -= other
        return np.asarray(np.square(difference, out=difference).sum(1), dtype=np.float64)


def _scale(largest: float, limit: int) -> float:
    """A power of two that brings the largest value near 1, where it is far from it."""
    exponent = int(np.frexp(largest)[1])
    return 1.0 if abs(exponent) <= 30 else 2.0 ** float(np.clip(-exponent, -limit, limit))
