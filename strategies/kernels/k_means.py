"""k-means and its k-means++ start, which is also a way to select: diverse points, drawn at random.

What makes the draws fast is rejection: the squared distance D^2 of a point to its nearest centre only shrinks
as centres are added, so an old D^2 is an upper bound. A point drawn from old bounds and kept with probability
D^2 / bound has exactly the law of one drawn from D^2, and only the points drawn are compared with the centres
that they have missed. (Cohen-Addad et al. 2020, "Fast and Accurate k-means++ via Rejection Sampling", reject
from approximate distances; here the bounds are exact distances to fewer centres.)
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.arrays import (
    Features,
    Float64s,
    Positions,
    check_budget,
    checked_candidates,
    checked_features,
    checked_positions,
)

Chosen = Sequence[int] | Positions
Factors = Sequence[tuple[Features, Features]]

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
    return _selected(_plain(checked_features(features)), budget, labelled, candidates, rng)


def k_means_plus_plus_factored(
    factors: Sequence[tuple[ArrayLike, ArrayLike]],
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """The same for points that are outer products, side by side, in the memory of their factors.

    ``factors`` holds pairs (left N x c, right N x d). Point i is the concatenation over pairs of the c * d
    values ``outer(left[i], right[i])``; inner products are sums over pairs of
    (left_i . left_j)(right_i . right_j), so no point is ever formed. Gradients of a linear layer are such
    products, of the loss's gradient and the layer's input (BADGE: Ash et al. 2020, section 3).

    Arguments, returned positions and errors are those of ``k_means_plus_plus``.
    """
    return _selected(_checked_factors(factors), budget, labelled, candidates, rng)


def k_means(
    features: ArrayLike, clusters: int, *, rng: np.random.Generator, iterations: int = 25
) -> tuple[Features, Positions]:
    """Centres (K x d) and the cluster of each of N points (N), by Lloyd's algorithm from a k-means++ start.

    It ends when no point changes its cluster, or after ``iterations`` rounds. Every cluster has a point, so K
    is less than ``clusters`` where there are fewer distinct points, or where a cluster lost its last one.
    scikit-learn does the rounds, on one thread, so that sums are taken in one order and an answer depends on
    ``rng`` alone. faiss is not used: it fills an empty cluster by splitting another in two, and so gives
    another answer.

    Raises ValueError unless ``features`` is N x d and finite with N >= 1, and both counts are at least 1.
    """
    points = checked_features(features)
    if len(points) == 0:
        raise ValueError("features have no rows, must have at least one to be clustered")
    if clusters < 1 or iterations < 1:
        raise ValueError(f"clusters is {clusters} and iterations is {iterations}, both must be at least 1")
    exponent = np.frexp(np.abs(points).max(initial=0))[1]
    scaled = np.ldexp(points, -exponent)  # exact, and squares neither under- nor overflow
    with threadpool_limits(limits=1):
        start = _DSquared(_plain(scaled), np.arange(len(points)), np.arange(0), rng).draw(clusters)
        centres, cluster = _lloyd(scaled, scaled[start], iterations)
    kept, cluster = np.unique(cluster, return_inverse=True)
    return np.ldexp(centres[kept], exponent), cluster.astype(np.int64)


def _lloyd(points: Features, start: Features, iterations: int) -> tuple[Features, NDArray[Any]]:
    """Centres and the cluster of each point; overwrites the points."""
    from sklearn.cluster import KMeans  # a second to import

    # The state is not used, but where there is none, the global one is.
    rounds = {"max_iter": iterations, "tol": 0, "n_init": 1, "random_state": 0}
    algorithm = KMeans(len(start), init=start, copy_x=False, **rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer clusters than asked for: the caller drops the empty ones
        algorithm.fit(points)
    return algorithm.cluster_centers_, algorithm.labels_


def _selected(
    factors: Factors, budget: int, labelled: Chosen, candidates: Chosen | None, rng: np.random.Generator
) -> Positions:
    count = len(factors[0][0])
    centres = checked_positions("labelled", labelled, count)
    allowed = checked_candidates(candidates, centres, count)
    check_budget(budget, allowed)
    # The products are small: a second BLAS thread gains little and costs much on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        drawn = _DSquared(factors, allowed, centres, rng).draw(budget)
    left = np.setdiff1d(allowed, drawn)  # of distance 0, if any are still wanted
    return np.concatenate([drawn, rng.permutation(left)[: budget - len(drawn)]])


class _DSquared:
    """Draws candidates with probability proportional to D^2, one centre more after each.

    ``bound`` is, for each candidate, its squared distance to the nearest of at least the first ``seen``
    centres: never less than D^2. Drawing from it gets dearer the more draws are rejected; ``wasted`` counts
    the distances computed for those since the last refresh, which pays when they are as many as its own.
    """

    def __init__(
        self, factors: Factors, candidates: Positions, centres: Positions, rng: np.random.Generator
    ) -> None:
        self.factors, self.candidates, self.rng = factors, candidates, rng
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
            self._refresh(_rows(self.factors, missed))
            self.seen, self.wasted = self.seen + len(missed), 0
        return self.bound

    def _refresh_pays(self, missed: int) -> bool:
        return missed > 0 and self.wasted >= missed * len(self.candidates)

    def _refresh(self, centres: _Rows) -> None:
        for at in range(0, len(self.candidates), ROWS):
            part = slice(at, at + ROWS)
            squared = _rows(self.factors, self.candidates[part]).squared_distance(centres)
            self.bound[part] = np.minimum(self.bound[part], squared.min(1))

    def _draw_some(self, wanted: int) -> None:
        """Draw from the bounds as they are and keep what D^2 keeps; the bounds of all drawn are D^2 then."""
        places = self._proposals(min(DRAWS, 2 * wanted + 16))
        rows, bound = _rows(self.factors, self.candidates[places]), self.bound[places]
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
            centres = _rows(self.factors, self.centres[at : at + ROWS])
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
    """Some points in float64: their left and right factors, and squared norms."""

    pairs: list[tuple[Float64s, Float64s]]
    norm: Float64s

    def squared_distance(self, other: _Rows) -> Float64s:
        """Of each of these to each of the others; exactly 0 where the factors are equal."""
        norms = np.add.outer(self.norm, other.norm)
        squared = norms.copy()
        for (left, right), (left_other, right_other) in zip(self.pairs, other.pairs, strict=True):
            squared -= 2 * (left @ left_other.T) * (right @ right_other.T)
        row, column = np.nonzero(squared < CLOSE * norms)
        for at in range(0, len(row), PAIRS):
            one, two = row[at : at + PAIRS], column[at : at + PAIRS]
            squared[one, two] = self._by_differences(one, other, two)
        return squared

    def _by_differences(self, row: Positions, other: _Rows, column: Positions) -> Float64s:
        """The same from outer(a, b) - outer(c, d) = outer(a - c, b) + outer(c, b - d): nothing cancels."""
        squared = np.zeros(len(row))
        for (left, right), (left_other, right_other) in zip(self.pairs, other.pairs, strict=True):
            a, b, c, d = left[row], right[row], left_other[column], right_other[column]
            squared += _dot(a - c, a - c) * _dot(b, b) + _dot(c, c) * _dot(b - d, b - d)
            squared += 2 * _dot(a - c, c) * _dot(b, b - d)
        return np.maximum(squared, 0)


def _rows(factors: Factors, positions: Positions) -> _Rows:
    pairs = [
        (left[positions].astype(np.float64), right[positions].astype(np.float64)) for left, right in factors
    ]
    with np.errstate(over="ignore"):
        norm = sum((_dot(left, left) * _dot(right, right) for left, right in pairs), np.zeros(len(positions)))
    if not (norm <= LARGEST).all():
        raise ValueError(f"features are too large: a squared norm is over {LARGEST}")
    return _Rows(pairs, norm)


def _dot(left: Float64s, right: Float64s) -> Float64s:
    return np.asarray(np.einsum("ij,ij->i", left, right), np.float64)


def _plain(features: Features) -> Factors:
    """Features as outer products with the number one, which takes no memory."""
    return [(np.broadcast_to(np.float64(1), (len(features), 1)), features)]


def _checked_factors(factors: Sequence[tuple[ArrayLike, ArrayLike]]) -> Factors:
    pairs = []
    for at, (left, right) in enumerate(factors):
        names = f"factors[{at}][0]", f"factors[{at}][1]"
        pairs.append((checked_features(left, names[0]), checked_features(right, names[1])))
    counts = {len(array) for pair in pairs for array in pair}
    if len(counts) != 1:
        raise ValueError(f"factors have {sorted(counts)} rows, must be pairs of arrays with N rows each")
    return pairs
