"""The k-means++ draw: diverse points at random, as the start of k-means or as a selection.

What makes the draws fast is rejection: the squared distance D^2 of a point to its nearest centre only shrinks
as centres are added, so an old D^2 is an upper bound. A point drawn from old bounds and kept with probability
D^2 / bound has exactly the law of one drawn from D^2, and only the points drawn are compared with the centres
that they have missed. (Cohen-Addad et al. 2020, "Fast and Accurate k-means++ via Rejection Sampling", reject
from approximate distances; here the bounds are exact distances to fewer centres.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.arrays import (
    Chosen,
    Features,
    Float64s,
    Positions,
    checked_choice,
    checked_features,
)

ROWS = 512  # points compared with centres at once: their float64 copy stays in the processor's cache
CENTRES = 128  # centres that one refresh compares every point with
DRAWS = 256  # points drawn before the bounds are summed again
CLOSE = 1e-8  # of the squared norms: below, a squared distance from inner products has lost half its digits
PAIRS = 1024  # close pairs whose differences are held at once
LARGEST = 1e290  # squared norm: that of millions of points can still be added up


def k_means_plus_plus(
    features: ArrayLike,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Draw ``budget`` candidates, each with probability proportional to D^2 (Arthur & Vassilvitskii 2007).

    D^2 is the squared Euclidean distance to the nearest labelled or already drawn point. With none yet, the
    first is uniformly random; where every D^2 is 0, so are all that follow. Distances are computed in
    float64.

    Args:
        features: N x d, finite; float32 and float64 are used in place, never copied whole.
        budget: number of draws, from 0 to the number of candidates.
        labelled: positions of the first centres.
        candidates: positions to draw from, none of them labelled; by default all that are not labelled.
        rng: all randomness.

    Returns:
        ``budget`` unique positions, in order of choice.

    Raises:
        ValueError: an argument is not as described.
    """
    points = checked_features(features)
    centres, allowed = checked_choice(budget, labelled, candidates, len(points))
    # The products are small: a second BLAS thread gains little and costs much on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        drawn = DSquared(points, allowed, centres, rng).draw(budget)
    left = np.setdiff1d(allowed, drawn)  # of distance 0, if any are still wanted
    return np.concatenate([drawn, rng.permutation(left)[: budget - len(drawn)]])


class DSquared:
    """Draws candidates with probability proportional to D^2, one centre more after each.

    ``bound`` is, for each candidate, its squared distance to the nearest of at least the first ``seen``
    centres: never less than D^2. Drawing from it gets dearer the more draws are rejected; ``wasted`` counts
    the distances computed for those since the last refresh, which pays when they are as many as its own.
    """

    def __init__(
        self, points: Features, candidates: Positions, centres: Positions, rng: np.random.Generator
    ) -> None:
        self.points, self.candidates, self.rng = points, candidates, rng
        self.centres, self.seen, self.wasted = centres, 0, 0
        self.bound = np.full(len(candidates), np.inf)

    def draw(self, budget: int) -> Positions:
        """``budget`` different candidates, or fewer where no other is at a distance from all centres."""
        first = len(self.centres)
        if budget > 0 and first == 0:
            self.centres = self.rng.choice(self.candidates, 1)
        stop = first + budget
        while len(self.centres) < stop and self._refreshed().any():
            self._draw_some(stop - len(self.centres))
        return self.centres[first:]

    def _refreshed(self) -> Float64s:
        """The bounds, after comparing all with the oldest centres missed where that pays."""
        missed = self.centres[self.seen : self.seen + CENTRES]
        if self.seen == 0 or self._refresh_pays(len(missed)):
            self._refresh(_rows(self.points, missed))
            self.seen, self.wasted = self.seen + len(missed), 0
        return self.bound

    def _refresh_pays(self, missed: int) -> bool:
        return missed > 0 and self.wasted >= missed * len(self.candidates)

    def _refresh(self, centres: _Rows) -> None:
        for at in range(0, len(self.candidates), ROWS):
            part = slice(at, at + ROWS)
            squared = _rows(self.points, self.candidates[part]).squared_distance(centres)
            self.bound[part] = np.minimum(self.bound[part], squared.min(1))

    def _draw_some(self, wanted: int) -> None:
        """Draw from the bounds as they are and keep what D^2 keeps; the bounds of all drawn are D^2 then."""
        places = self._proposals(min(DRAWS, 2 * wanted + 16))
        rows, bound = _rows(self.points, self.candidates[places]), self.bound[places]
        missed = len(self.centres) - self.seen
        squared = np.minimum(bound, self._to_missed(rows))
        kept = _accepted(self.rng.random(len(places)) * bound, squared, rows.squared_distance(rows), wanted)
        self.bound[places] = squared
        self.centres = np.append(self.centres, self.candidates[places[kept]])
        self.wasted += missed * (len(places) - len(kept))

    def _proposals(self, count: int) -> Positions:
        cumulative = np.cumsum(self.bound)
        at = np.searchsorted(cumulative, self.rng.random(count) * cumulative[-1], side="right")
        return np.asarray(np.minimum(at, len(cumulative) - 1), np.int64)  # a product may round up to the sum

    def _to_missed(self, rows: _Rows) -> Float64s:
        nearest = np.full(len(rows.norm), np.inf)
        for at in range(self.seen, len(self.centres), ROWS):
            centres = _rows(self.points, self.centres[at : at + ROWS])
            np.minimum(nearest, rows.squared_distance(centres).min(1), out=nearest)
        return nearest


def _accepted(least: Float64s, squared: Float64s, between: Float64s, wanted: int) -> list[int]:
    """Those of the proposals, in order, whose D^2 is above ``least``; each shrinks the D^2 of the others.

    ``squared`` holds D^2 before the first and is left as D^2 after the last.
    """
    kept: list[int] = []
    for at in range(len(least)):
        if len(kept) < wanted and least[at] < squared[at]:
            kept.append(at)
            np.minimum(squared, between[at], out=squared)
    return kept


@dataclass
class _Rows:
    """Some points in float64, and their squared norms."""

    values: Float64s
    norm: Float64s

    def squared_distance(self, other: _Rows) -> Float64s:
        """Of each of these to each of the others; exactly 0 between equal points."""
        norms = np.add.outer(self.norm, other.norm)
        squared = np.asarray(norms - 2 * (self.values @ other.values.T))
        row, column = np.nonzero(squared < CLOSE * norms)
        for at in range(0, len(row), PAIRS):
            one, two = row[at : at + PAIRS], column[at : at + PAIRS]
            difference = self.values[one] - other.values[two]
            squared[one, two] = _dot(difference)
        return squared


def _rows(points: Features, positions: Positions) -> _Rows:
    values = points[positions].astype(np.float64)
    with np.errstate(over="ignore"):
        norm = _dot(values)
    if not (norm <= LARGEST).all():
        raise ValueError(f"features are too large: a squared norm is over {LARGEST}")
    return _Rows(values, norm)


def _dot(rows: Float64s) -> Float64s:
    return np.asarray(np.einsum("ij,ij->i", rows, rows), np.float64)
