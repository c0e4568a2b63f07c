"""Greedy coverage: facility location with a Gaussian kernel, of points that may weigh more or less.

It maximises a monotone submodular function, of which the greedy set has at least 1 - 1/e of the largest
value (Nemhauser, Wolsey & Fisher 1978). A gain only shrinks as the set grows, so an old gain is an upper
bound, and only candidates whose bound could still win are looked at again (Minoux 1978, "Accelerated greedy
algorithms").
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.arrays import (
    Chosen,
    Float64s,
    Positions,
    checked_choice,
    checked_weights,
    distance_rows,
    partners,
    points_of_sets,
)

Pairs = tuple[NDArray[np.int32], Float64s]

ENTRIES = 2**20  # kernel values held at once: 8 MB
PAIRS = 2**23  # kernel values kept, and no more than ...
PAIRS_OF_ONE = 512  # ... so many for each point, once only so many can still count: 100 MB at most
SAMPLE = 64  # candidates from which their number is estimated
FEWEST, MOST = 8, 64  # gains asked for at once
DECIMALS = 7  # to which gains are compared: equal ones stay equal whatever the order of their sums


def facility_location(
    features: ArrayLike,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    weights: ArrayLike | None = None,
    *,
    bandwidth: float,
    rng: np.random.Generator,
) -> Positions:
    """Pick, ``budget`` times, the candidate that adds most to how well all N points are covered.

    A point is covered as well as ``exp(-|x - y|^2 / (2 bandwidth^2))`` says of the labelled or picked point y
    nearest to it, and counts as much as it weighs. This is facility location, and the generalised coverage of
    MaxHerding (Bae et al., ECCV 2024); with weights, the uncertainty coverage of Uncertainty Herding (Bae,
    Oliveira & Sutherland, ICLR 2025). Kernel and sums are taken in float64. Gains, sums over all points,
    count as equal when they are so to seven decimals, a ten millionth of the heaviest point; equal ones are
    decided by ``rng.random(N)``, one number per point in order of position, the larger first.

    Sets of points may be picked instead of points: each of a set's k points is covered by the nearest point
    of any labelled or picked set, and counts as much as the set weighs. All that is said here of N is then of
    N * k, but for ``rng``, positions and weights.

    No N x N values are held: beside a float64 copy of the features it takes some 130 MB at most. Once the
    chosen points leave few pairs in which a candidate is nearer than all of them, the kernel of those pairs
    is kept and no distance computed again.

    Args:
        features: N x d, or N x k x d, finite.
        budget: number of picks, from 0 to the number of candidates.
        labelled: positions of points that cover from the start.
        candidates: positions to pick from, none of them labelled; by default all that are not labelled.
        weights: N factors, finite and not negative, of which only ratios matter; by default 1.
        bandwidth: of the kernel, in units of the features; over 0.
        rng: decides ties; exactly N numbers are drawn.

    Returns:
        ``budget`` unique positions, in order of choice.

    Raises:
        ValueError: an argument is not as described.
    """
    sets = points_of_sets(features)
    count, members, width = sets.shape
    points = sets.reshape(count * members, width)
    covering, allowed = checked_choice(budget, labelled, candidates, count)
    factors = np.repeat(checked_weights(weights, count), members)
    if not 0 < bandwidth < np.inf:
        raise ValueError(f"bandwidth is {bandwidth}, must be over 0 and finite")
    order = _in_order_of_tickets(allowed, count, rng)
    if budget == 0:
        return order[:0]
    # The products are small: a second BLAS thread gains little and costs much on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        coverage = _KernelCoverage(distance_rows(points, bandwidth), order, covering, factors, members)
        return order[_lazy_greedy(coverage, len(order), budget)]


def _in_order_of_tickets(candidates: Positions, count: int, rng: np.random.Generator) -> Positions:
    """Candidates in order of priority, so that the first of equal ones wins."""
    return candidates[np.argsort(-rng.random(count)[candidates], kind="stable")]


def _lazy_greedy(coverage: _KernelCoverage, count: int, budget: int) -> list[int]:
    """The places, of 0 to ``count`` - 1, of the largest gain, one after another; the first of equal ones.

    The heap holds old gains. One that is up to date and still on top is the largest.
    """
    heap = list(zip((-coverage.gains(np.arange(count))).tolist(), range(count), strict=True))
    heapq.heapify(heap)
    fresh, picks = set(range(count)), list[int]()
    while len(picks) < budget:
        while heap[0][1] not in fresh:
            stale = _stale_on_top(heap, fresh)
            for gain, place in zip(coverage.gains(np.array(stale)).tolist(), stale, strict=True):
                heapq.heappush(heap, (-gain, place))
            fresh.update(stale)
        picks.append(heapq.heappop(heap)[1])
        coverage.add(picks[-1])
        fresh.clear()
    return picks


def _stale_on_top(heap: list[tuple[float, int]], fresh: set[int]) -> list[int]:
    """Take places off the heap until one that is up to date is on top, or there are enough of them."""
    stale: list[int] = []
    while heap and len(stale) < min(FEWEST + len(fresh), MOST) and heap[0][1] not in fresh:
        stale.append(heapq.heappop(heap)[1])
    return stale


class _KernelCoverage:
    """How well each of N points is covered: its weight times the kernel of the covering point nearest to it.

    A weight times a maximum is the maximum of the weighted, so kernels are weighted once and all else is as
    without weights. ``kept`` holds for each candidate all points that it covers better than they are covered,
    maybe some more, and the kernel there: no other pairs can count any more. It is None while they are too
    many.
    """

    def __init__(
        self, points: Float64s, order: Positions, covering: Positions, weights: Float64s, members: int = 1
    ) -> None:
        self.points, self.order, self.cover = points, order, np.zeros(len(points))
        self.members = members
        self.weights = weights / (weights.max(initial=0) or 1)
        for part in self._parts(covering):
            np.maximum(self.cover, self._kernel(part).max(0), out=self.cover)
        self.kept: list[Pairs] | None = None
        self.changed = len(covering) > 0

    def gains(self, places: Positions) -> Float64s:
        """Sums over all points of what each of these would add, rounded."""
        if self.kept is None and self.changed:
            self.kept, self.changed = self._pairs_that_count(), False
        if self.kept is not None:
            return np.round([self._gain(self.kept, place) for place in places.tolist()], DECIMALS)
        parts = [self._excess(part).sum(1) for part in self._parts(self.order[places])]
        return np.round(np.concatenate(parts), DECIMALS)

    def add(self, place: int) -> None:
        """Cover with this one too."""
        if self.kept is not None:
            points, kernel = self.kept[place]
            self.cover[points] = np.maximum(self.cover[points], kernel)
        else:
            np.maximum(self.cover, self._kernel(self.order[place : place + 1])[0], out=self.cover)
            self.changed = True

    def _gain(self, kept: list[Pairs], place: int) -> float:
        points, kernel = kept[place]
        excess = kernel - self.cover[points]
        np.maximum(excess, 0, out=excess)
        if 2 * np.count_nonzero(excess) < len(points):
            above = excess > 0
            kept[place] = points[above], kernel[above]
        return float(excess.sum())

    def _pairs_that_count(self) -> list[Pairs] | None:
        """Points and kernel of each candidate where that is above the cover; None if these are too many."""
        sample = self.order[:SAMPLE]  # random ones
        share = np.mean([(self._excess(part) > 0).mean() for part in self._parts(sample)])
        most = min(PAIRS, PAIRS_OF_ONE * len(self.points) // self.members)
        if share * len(self.order) * len(self.points) > most:
            return None
        return [pairs for part in self._parts(self.order) for pairs in self._pairs_of(part)]

    def _pairs_of(self, positions: Positions) -> Iterator[Pairs]:
        kernel = self._kernel(positions)
        above = kernel > self.cover
        ends = np.cumsum(np.count_nonzero(above, axis=1))[:-1]
        found = np.flatnonzero(above)
        points = (found % len(self.points)).astype(np.int32)
        return zip(np.split(points, ends), np.split(kernel.take(found), ends), strict=True)

    def _excess(self, positions: Positions) -> Float64s:
        excess = self._kernel(positions)
        excess -= self.cover
        return np.maximum(excess, 0, out=excess)

    def _kernel(self, positions: Positions) -> Float64s:
        """Kernel of these points with all N, times the weights of the N (n x N); of sets, their best."""
        if self.members > 1:
            positions = (self.members * positions[:, None] + np.arange(self.members)).ravel()
        exponent = partners(self.points[positions]) @ self.points.T
        with np.errstate(under="ignore"):
            kernel = np.exp(np.minimum(exponent, 0, out=exponent), out=exponent)
            np.multiply(kernel, self.weights, out=kernel)
        return kernel if self.members == 1 else kernel.reshape(-1, self.members, len(self.points)).max(1)

    def _parts(self, positions: Positions) -> list[Positions]:
        size = max(1, ENTRIES // (len(self.points) * self.members))
        return [positions[at : at + size] for at in range(0, len(positions), size)]
