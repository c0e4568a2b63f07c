"""Selection for diversity: pure functions on arrays, exact and in little memory.

What makes the greedy k-center fast is laziness (Minoux 1978, "Accelerated greedy algorithms"): the distance
of a point to its nearest centre only shrinks as centres are added, so an old distance is an upper bound, and
only points whose bound could still win are compared with the centres that they have missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
Features = NDArray[np.float32] | NDArray[np.float64]
Positions = NDArray[np.int64]

BLOCK = 128  # points that share one maximum, so that the farthest is found without touching all
ROWS = 512  # rows in one pass over features: their float32 copy stays in the processor's cache
FIRST_CENTRES = 128  # labelled centres that every point is compared with before laziness begins
SPAN = 1024  # centres that a refresh looks at before it asks again which points could still win
FIRST_BATCH = (2, 16)  # blocks and points looked at while the value to beat is unknown ...
NEXT_BATCH = (32, 256)  # ... and once it is known; measured at 50,000 x 128 and x 512
SETTLED_PAIRS = 1024  # pairs whose differences are held in float64 at once


def k_center_greedy(
    features: ArrayLike,
    budget: int,
    labelled: Sequence[int] | Positions = (),
    candidates: Sequence[int] | Positions | None = None,
    weights: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Pick, ``budget`` times, the candidate with the largest weight * distance to its nearest centre.

    Centres are the labelled points and the points picked so far. The greedy rule is a 2-approximation of the
    k-center problem (Gonzalez 1985); as a selection for active learning: Sener & Savarese 2018, section 4.1.

    The picks are exactly those of this float64 arithmetic, whatever the machine or the number of threads:
    ``weights[i] * sqrt(min over centres c of sum(square(x[i] - x[c])))``, where ``x`` is ``features`` as
    float64 and ``sum`` is numpy's over a contiguous row (short of under- and overflow). Equal values are
    decided by ``rng.random(N)``, one number per point in order of position, the larger first. With no centre
    yet, the first pick has the largest weight: without weights it is uniformly random.

    Args:
        features: N x d, finite; float32 and float64 are used in place, never copied whole.
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
    points = _checked_features(features)
    centres = _checked_positions("labelled", labelled, len(points))
    allowed = _checked_candidates(candidates, centres, len(points))
    factors = _checked_weights(weights, len(points))
    if not 0 <= budget <= len(allowed):
        raise ValueError(f"budget is {budget}, must be from 0 to the number of candidates, {len(allowed)}")
    order = allowed[np.argsort(-rng.random(len(points))[allowed], kind="stable")]
    if budget == 0:
        return order[:0]
    # The products are small: a second BLAS thread gains little and costs much on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        search = _LazyFarthest(_Centred(points), order, factors[order], centres, budget)
        return order[[search.pick() for _ in range(budget)]]


def nearest_distance(features: ArrayLike, centres: ArrayLike) -> Float64s:
    """Euclidean distance of each of the N rows of ``features`` to the nearest row of ``centres`` (K x d).

    Raises ValueError where either is not 2-D and finite, K is 0, or the widths differ.
    """
    points, targets = _checked_features(features), _checked_features(centres).astype(np.float64)
    if len(targets) == 0 or targets.shape[1] != points.shape[1]:
        raise ValueError(f"centres are {targets.shape}, must be at least one row of {points.shape[1]} values")
    middle = targets.mean(0)
    shifted = targets - middle
    half_norms = np.square(shifted).sum(1) / 2
    distance = np.empty(len(points))
    for at in range(0, len(points), ROWS):
        rows = points[at : at + ROWS].astype(np.float64)
        nearest = (half_norms - (rows - middle) @ shifted.T).argmin(1)
        distance[at : at + ROWS] = np.sqrt(np.square(rows - targets[nearest]).sum(1))
    return distance


class _Centred:
    """Rows of features as float32, shifted to a mean of about 0 and scaled by a power of two.

    Without the shift, features far from the origin lose their differences to float32; any shift is right, so
    a sample's mean will do. The scale keeps squares from overflowing, and is exact.
    """

    def __init__(self, features: Features) -> None:
        self.features = features
        self.scale = features.dtype.type(_scale(features))
        sample = features[:: max(1, len(features) // 4096)]
        self.middle = (sample * self.scale).mean(0, dtype=np.float64).astype(features.dtype)

    def rows(self, positions: Positions) -> Float32s:
        """Centred rows at these positions, as float32: rounded once."""
        rows = self.features[positions]
        if self.scale != 1:
            rows *= self.scale
        rows -= self.middle
        return np.asarray(rows, dtype=np.float32)

    def squared_distance(self, left: Positions, right: Positions) -> Float64s:
        """Squared distance of each pair in float64: the arithmetic that defines the picks."""
        parts = range(0, len(left), SETTLED_PAIRS)
        pairs = ((left[at : at + SETTLED_PAIRS], right[at : at + SETTLED_PAIRS]) for at in parts)
        return np.concatenate([self._squared_distance(one, other) for one, other in pairs])

    def _squared_distance(self, left: Positions, right: Positions) -> Float64s:
        scale = np.float64(self.scale)
        difference = self.features[left].astype(np.float64, order="C") * scale
        difference -= self.features[right].astype(np.float64, order="C") * scale
        return np.asarray(np.square(difference, out=difference).sum(1), dtype=np.float64)


class _LazyFarthest:
    """The farthest of M candidates, again and again, while centres are added.

    Candidates stand in order of priority, so that the first of equal ones wins. For each of them ``upper``
    bounds the squared distance to the nearest of the ``seen`` first centres and ``key`` the value that is
    maximised (-1: taken).

    A squared distance from a float32 product of rows x and c is off by no more than
    ``error`` * (|x|^2 + |c|^2): d roundings of the sum of products, in whatever order it is summed
    (Higham 2002, section 3.1), some more for centring, norms and the sum of the three terms. Bounds are that
    much too large, so none hides the maximum. Before a point is picked, it is *settled*: its distance is
    taken from float64 differences, to its nearest centre and to every centre that may be nearer, given that
    much error. ``runner_up`` is the smallest bound of any centre not yet compared in float64, the nearest
    left out: where it is clearly larger, one difference settles a point.
    """

    def __init__(
        self, points: _Centred, order: Positions, weights: Float64s, centres: Positions, budget: int
    ) -> None:
        count, width = len(order), points.features.shape[1]
        blocks, capacity = -(-count // BLOCK), len(centres) + budget
        rounding = (width + 16) * 2.0**-24
        self.error, self.tiny = rounding / (1 - rounding), 4 * width * float(np.finfo(np.float32).tiny)
        self.points, self.order, self.weights = points, order, weights
        self.norm, self.upper = np.zeros(count), np.full(count, np.inf)
        self.runner_up, self.exact = np.full(count, np.inf), np.zeros(count, np.bool_)
        self.nearest, self.seen = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.key = np.full((blocks, BLOCK), -1.0)
        self.flat_key = self.key.reshape(-1)
        self.flat_key[:count] = weights
        self.block_max = self.key.max(1, initial=-1.0)
        self.centres, self.centre_count = np.empty(capacity, np.int64), 0
        self.centre_norm = np.empty(capacity, np.float32)
        self.doubled = np.empty((width, capacity), np.float32)
        for at in range(0, len(centres), ROWS):
            self._add_centres(centres[at : at + ROWS])
        if len(centres):
            self._first_pass()

    def pick(self) -> int:
        """Take the farthest candidate, which becomes a centre; its place in the order."""
        place = self._farthest()
        self._add_centres(self.order[place : place + 1])
        if self.centre_count == 1:
            self._first_pass()
        self.flat_key[place] = -1.0
        self._update_block_max(np.array([place]))
        return place

    def _farthest(self) -> int:
        to_beat = -1.0
        while True:
            place = self._top()
            if self.centre_count == 0 or self.flat_key[place] == 0:
                return place
            if self.seen[place] < self.centre_count:
                to_beat = max(to_beat, self._refresh_best(place, to_beat))
            elif self._settled(place):
                return place
            else:
                self._settle_best(place)

    def _top(self) -> int:
        block = int(self.block_max.argmax())
        return block * BLOCK + int(self.key[block].argmax())

    def _best(self, place: int, value: float, blocks: int) -> Positions:
        """Places with a key of at least ``value`` in the blocks of largest keys, ``place`` among them."""
        best = _largest(self.block_max, blocks, place // BLOCK)
        block, column = np.nonzero(self.key[best] >= max(value, 0.0))
        return np.asarray(best[block] * BLOCK + column, dtype=np.int64)

    def _refresh_best(self, place: int, to_beat: float) -> float:
        """Bring points that could win nearer to date; the largest key up to date among them."""
        blocks, size = FIRST_BATCH if to_beat < 0 else NEXT_BATCH
        places = self._best(place, min(to_beat, self.flat_key[place]), blocks)
        places = places[self.seen[places] < self.centre_count]
        places = places[_largest(self.flat_key[places], size, int(np.flatnonzero(places == place)[0]))]
        start = int(self.seen[places].min())
        stop = self.centre_count if to_beat < 0 else min(start + SPAN, self.centre_count)
        places = places[self.seen[places] < stop]
        self._refresh(places, self.points.rows(self.order[places]), start, stop)
        return float(self.flat_key[places].max()) if stop == self.centre_count else -1.0

    def _first_pass(self) -> None:
        """Compare every candidate with the first centres: the only pass over all features."""
        for at in range(0, len(self.order), ROWS):
            places = np.arange(at, min(at + ROWS, len(self.order)))
            rows = self.points.rows(self.order[places])
            self.norm[places] = _squared_norm(rows)
            self._refresh(places, rows, 0, min(FIRST_CENTRES, self.centre_count))

    def _refresh(self, places: Positions, rows: Float32s, start: int, stop: int) -> None:
        """Compare these candidates with those of the centres ``start`` to ``stop`` that they have missed."""
        bounds = self.centre_norm[start:stop] - rows @ self.doubled[:, start:stop]
        seen = self.seen[places]
        if seen.max() > start:
            bounds[np.arange(start, stop) < seen[:, None]] = np.inf
        first, at, second = _two_smallest(bounds)
        own = self.norm[places] * (1 + self.error) + self.tiny
        self._merge(places, first + own, start + at, second + own)
        self.seen[places] = stop
        self._update_keys(places)

    def _merge(self, places: Positions, bound: Float64s, centre: Positions, runner_up: Float64s) -> None:
        upper, better = self.upper[places], bound < self.upper[places]
        self.runner_up[places] = np.where(
            better, np.minimum(upper, runner_up), np.minimum(self.runner_up[places], bound)
        )
        self.nearest[places] = np.where(better, centre, self.nearest[places])
        self.exact[places] &= ~better
        self.upper[places] = np.minimum(upper, bound)

    def _update_keys(self, places: Positions) -> None:
        self.flat_key[places] = self.weights[places] * np.sqrt(self.upper[places])
        self._update_block_max(places)

    def _update_block_max(self, places: Positions) -> None:
        blocks = places // BLOCK
        self.block_max[blocks] = self.key[blocks].max(1)

    def _add_centres(self, positions: Positions) -> None:
        new = slice(self.centre_count, self.centre_count + len(positions))
        rows = self.points.rows(positions)
        self.centres[new] = positions
        self.doubled[:, new] = 2 * rows.T
        self.centre_norm[new] = _squared_norm(rows) * (1 + self.error)
        self.centre_count = new.stop

    def _slack(self, places: Positions | int) -> Float64s:
        """How far a bound can lie over a squared distance that is at most ``upper``.

        A centre so near has a norm of at most |x| + sqrt(upper): those far out do not blur this point.
        """
        norm, upper = self.norm[places], self.upper[places]
        farthest = np.square(np.sqrt(norm) + np.sqrt(upper))
        return np.asarray(2 * self.error * (norm + farthest) + 2 * self.tiny, dtype=np.float64)

    def _settled(self, places: Positions | int) -> NDArray[np.bool_]:
        clear = self.runner_up[places] >= self.upper[places] + self._slack(places)
        return np.asarray(self.exact[places] & clear, dtype=np.bool_)

    def _settle_best(self, place: int) -> None:
        """Settle ``place`` and all up-to-date points that could be as far, given the error."""
        least = np.sqrt(max(self.upper[place] - self._slack(place), 0.0)) * self.weights[place]
        places = self._best(place, float(least), NEXT_BATCH[0])
        places = places[self.seen[places] == self.centre_count]
        places = places[~self._settled(places)]
        self._settle_nearest(places[~self.exact[places]])
        self._settle_all(places[~self._settled(places)])
        self._update_keys(places)

    def _settle_nearest(self, places: Positions) -> None:
        if len(places):
            centres = self.centres[self.nearest[places]]
            self.upper[places] = self.points.squared_distance(self.order[places], centres)
            self.exact[places] = True

    def _settle_all(self, places: Positions) -> None:
        """Settle points whose nearest centre float32 cannot tell: try each that may be it."""
        size = max(1, 2**20 // self.centre_count)
        for at in range(0, len(places), size):
            part = places[at : at + size]
            row, centre = np.nonzero(self._bounds(part) <= (self.upper[part] + self._slack(part))[:, None])
            squared = self.points.squared_distance(self.order[part[row]], self.centres[centre])
            np.minimum.at(self.upper, part[row], squared)
            self.runner_up[part] = np.inf

    def _bounds(self, places: Positions) -> Float64s:
        count = self.centre_count
        products = self.points.rows(self.order[places]) @ self.doubled[:, :count]
        own = self.norm[places] * (1 + self.error) + self.tiny
        return np.asarray((self.centre_norm[:count] - products) + own[:, None], dtype=np.float64)


def _two_smallest(bounds: Float32s) -> tuple[Float32s, Positions, Float32s]:
    """Smallest value of each row, its column, and the second smallest. Overwrites the smallest."""
    row, column = np.arange(len(bounds)), bounds.argmin(1)
    first = bounds[row, column]
    bounds[row, column] = np.inf
    return first, column, bounds.min(1)


def _largest(values: Float64s, count: int, wanted: int) -> Positions:
    """Indices of ``count`` largest values, in no order; among equal ones, ``wanted`` is not left out."""
    if len(values) <= count:
        return np.arange(len(values))
    largest = np.argpartition(values, -count)[-count:]
    if wanted not in largest:
        largest[0] = wanted
    return largest


def _squared_norm(rows: Float32s) -> Float64s:
    return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64), dtype=np.float64)


def _scale(features: Features) -> float:
    """A power of two that brings the largest value near 1, where it is far from it."""
    largest = max((float(np.abs(part).max(initial=0)) for part in _parts(features)), default=0.0)
    exponent, limit = int(np.frexp(largest)[1]), int(np.finfo(features.dtype).maxexp) - 2
    return 1.0 if abs(exponent) <= 30 else 2.0 ** float(np.clip(-exponent, -limit, limit))


def _parts(features: Features) -> list[Features]:
    return [features[at : at + ROWS] for at in range(0, len(features), ROWS)]


def _checked_features(features: ArrayLike) -> Features:
    array = np.asarray(features)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    if array.ndim != 2:
        raise ValueError(f"features have the shape {array.shape}, must be N x d")
    for at, part in enumerate(_parts(array)):
        finite = np.isfinite(part).all(1)
        if not finite.all():
            raise ValueError(f"features must be finite: row {at * ROWS + int(finite.argmin())} is not")
    return array


def _checked_positions(name: str, positions: Sequence[int] | Positions, count: int) -> Positions:
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


def _checked_candidates(
    candidates: Sequence[int] | Positions | None, labelled: Positions, count: int
) -> Positions:
    if candidates is None:
        return np.setdiff1d(np.arange(count), labelled)
    array = _checked_positions("candidates", candidates, count)
    both = np.intersect1d(array, labelled)
    if both.size:
        raise ValueError(f"candidates holds {both[0]}, which is labelled")
    return np.sort(array)


def _checked_weights(weights: ArrayLike | None, count: int) -> Float64s:
    array = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if array.shape != (count,):
        raise ValueError(f"weights have the shape {array.shape}, must be one for each of {count} points")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"weights must be finite and not negative: that of point {at} is {array[at]}")
    return array
