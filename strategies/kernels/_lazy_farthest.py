"""The farthest point, again and again, while centres are added: exact, and few distances are computed.

Greedy k-center is fast by laziness (Minoux 1978, "Accelerated greedy algorithms"): the distance of a point to
its nearest centre only shrinks as centres are added, so an old distance is an upper bound, and only points
whose bound could still win are compared with the centres that they have missed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels._contenders import Contenders
from strategies.kernels._points import Candidates, Points
from strategies.kernels._sketched_centres import SketchedCentres
from strategies.kernels.arrays import Float64s, Positions

FIRST_CENTRES = 512  # labelled centres that every point is compared with before laziness begins
SPAN = 1024  # centres that a bound is taken from before it is asked again which points could still win
REACH = (2048, 32)  # points whose bounds are tightened at once: so many, or this part of all
SETTLED = 512  # of these, the best are compared with all centres ...
CONTENDERS = 128  # ... and the best of these kept up to date with every pick
FEW = 32  # contenders that are worth a start: finding them takes as long as 200 picks
SAMPLED = 2**14  # keys from which it is estimated where the largest begin


class Centres(Protocol):
    """Centres that candidates are compared with; the methods are as SketchedCentres has them."""

    cells: int

    def add(self, positions: Positions) -> None: ...
    def first_bounds(self, start: int, stop: int, centres: int) -> Float64s: ...
    def bounds(self, places: Positions, start: int, stop: int) -> Float64s: ...
    def near(self, places: Positions, seen: Positions, upper: Float64s) -> tuple[Positions, Positions]: ...


def farthest_first(points: Points, candidates: Candidates, centres: Positions, budget: int) -> Positions:
    """Positions of ``budget`` candidates, each the farthest from all centres and those before it."""
    if budget == 0 or len(centres):
        return _farther(points, candidates, centres, budget)
    heaviest = np.flatnonzero(candidates.weights == candidates.weights.max())
    first = candidates.by_priority(heaviest)[:1]
    others = candidates.take(np.delete(np.arange(len(candidates.positions)), first))
    start = candidates.positions[first]
    return np.concatenate([start, _farther(points, others, start, budget - 1)])


def _farther(points: Points, candidates: Candidates, centres: Positions, budget: int) -> Positions:
    if budget == 0:
        return np.empty(0, np.int64)
    # The products are small: a second BLAS thread gains little and costs much on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        table = _table(points, candidates.positions, len(centres) + budget)
        search = LazyFarthest(points, table, candidates, centres, budget)
        return np.array([search.pick() for _ in range(budget)], np.int64)


def _table(points: Points, candidates: Positions, capacity: int) -> Centres:
    if points.rows.tensor is None:
        return SketchedCentres(points, candidates, capacity)
    from strategies.kernels._torch_centres import TorchCentres

    return TorchCentres(points, candidates, capacity)


class LazyFarthest:
    """The candidate of largest weight * distance to its nearest centre, again and again.

    For each candidate ``upper`` bounds the squared distance to the nearest of the ``seen`` first centres and,
    where ``exact``, is that distance. ``key`` is weight * its root, the value to maximise (-1: taken). The
    bar is a pair of key and priority that no candidate surpasses but the contenders. When they too fall below
    it, more are found: those of largest key are brought up to date, in steps that leave fewer and fewer.
    """

    def __init__(
        self, points: Points, table: Centres, candidates: Candidates, centres: Positions, budget: int
    ) -> None:
        self.points, self.table, self.candidates = points, table, candidates
        self.centres = np.concatenate([centres, np.empty(budget, np.int64)])
        self.count = self.added = len(centres)
        count = len(candidates.positions)
        self.upper, self.key = np.empty((2, count))
        self.seen, self.exact = np.zeros(count, np.int32), np.zeros(count, np.bool_)
        self.floor, self.bar = np.inf, (np.inf, np.inf)
        self.contenders = self._contenders(np.empty(0, np.int64))
        for start in range(0, len(centres), points.rows.block):
            table.add(centres[start : start + points.rows.block])
        self._first_pass()

    def pick(self) -> int:
        """Take the farthest candidate, which becomes a centre; its position."""
        while (slot := self.contenders.best(*self.bar)) is None:
            self._renew()
        self.contenders.make_centre(slot)
        self.key[self.contenders.places[slot]] = -1.0
        position = int(self.contenders.candidates.positions[slot])
        self.centres[self.count] = position
        self.count += 1
        return position

    def _first_pass(self) -> None:
        """Compare every candidate with the first centres: the only pass over all features but the check."""
        centres, size = min(self.count, FIRST_CENTRES), self.points.rows.block
        for start in range(0, len(self.key), size):
            part = slice(start, min(start + size, len(self.key)))
            self._set(part, self.table.first_bounds(part.start, part.stop, centres), centres)

    def _renew(self) -> None:
        self._put_back()
        few = min(FEW, len(self.centres) - self.count)
        reach = max(REACH[0], len(self.key) // REACH[1])
        while True:
            places = self._tightened(self._best(self._above_floor(reach), reach))
            places = self._settled(self._guessed_again(self._best(places, SETTLED)))
            if len(places) >= few or self.bar[0] == 0:
                break
        self.contenders = self._contenders(self._best(places, CONTENDERS))

    def _put_back(self) -> None:
        left = self.contenders.key >= 0
        self._set(self.contenders.places[left], self.contenders.squared[left], self.count)
        self.table.add(self.centres[self.added : self.count])
        self.added = self.count

    def _contenders(self, places: Positions) -> Contenders:
        places = self.candidates.by_priority(places)
        return Contenders(self.points, self.candidates, places, self.upper[places])

    def _above_floor(self, reach: int) -> Positions:
        """Places of the ``reach`` largest keys, and of some more. Puts the bar above all others."""
        places = np.flatnonzero(self.key >= self.floor)
        for step in (max(1, len(self.key) // SAMPLED), 1):
            if len(places) < reach and self.floor > 0:
                self.floor = _least_of(self.key[::step], 2 * reach // step)
                places = np.flatnonzero(self.key >= self.floor)
        self.bar = (self.floor, -1.0)
        return places

    def _best(self, places: Positions, most: int) -> Positions:
        """At most so many of these places, the best. Raises the bar to the best one left out."""
        key = self.key[places]
        if len(places) > most:
            self.bar = max(self.bar, (float(np.partition(key, -most)[-most]), -1.0))
        places = places[key >= self.bar[0]]
        return places if len(places) <= most else self._best_of_tied(places, most)

    def _best_of_tied(self, places: Positions, most: int) -> Positions:
        """The same where more than ``most`` reach the bar, so that some on a level with it go."""
        tied = self.key[places] == self.bar[0]
        kept, left_out = np.split(self.candidates.by_priority(places[tied]), [most - np.count_nonzero(~tied)])
        self.bar = max(self.bar, (self.bar[0], float(self.candidates.priority[left_out[0]])))
        return np.concatenate([places[~tied], kept])

    def _tightened(self, places: Positions) -> Positions:
        """The same places; bounds of those never settled are from more centres, up to SPAN of them."""
        stale = places[~self.exact[places] & (self.seen[places] < self.count)]
        stale = stale[np.argsort(self.seen[stale], kind="stable")]
        while len(stale):
            start = int(self.seen[stale[0]])
            stop = min(start + SPAN, self.count)
            part, stale = np.split(stale, [self._size(stop - start)])
            self._tighten(part, start, stop)
        return places

    def _guessed_again(self, places: Positions) -> Positions:
        """The same places; bounds of those never settled are from all centres: settling takes far longer."""
        if self.count > SPAN:
            for part in self._parts(places[~self.exact[places] & (self.key[places] > 0)]):
                self._tighten(part, 0, self.count)
        return places

    def _tighten(self, places: Positions, start: int, stop: int) -> None:
        bounds = self.table.bounds(places, start, stop)
        self._set(places, np.minimum(self.upper[places], bounds), stop)

    def _settled(self, places: Positions) -> Positions:
        """Of these places those that reach the bar when all are exact and up to date."""
        places = places[self.key[places] >= self.bar[0]]
        stale = places[(~self.exact[places] | (self.seen[places] < self.count)) & (self.key[places] > 0)]
        for some in (stale[~self.exact[stale]], stale[self.exact[stale]]):
            for part in self._parts(some):
                self._settle(part)
        return places[self.key[places] >= self.bar[0]]

    def _settle(self, places: Positions) -> None:
        """Find the exact distances, by trying every centre that the bounds leave in question."""
        exact, upper = self.exact[places], self.upper[places]
        row, centre = self.table.near(places, np.where(exact, self.seen[places], 0), upper)
        squared = np.where(exact, upper, np.inf)
        positions = self.candidates.positions[places[row]]
        np.minimum.at(squared, row, self.points.exact(positions, self.centres[centre]))
        self.exact[places] = True
        self._set(places, squared, self.count)

    def _parts(self, places: Positions) -> list[Positions]:
        size = self._size(self.count)
        return [places[at : at + size] for at in range(0, len(places), size)]

    def _size(self, centres: int) -> int:
        """How many candidates to compare with so many centres at once."""
        return int(np.clip(self.table.cells // max(centres, 1), 16, self.points.rows.block))

    def _set(self, places: Positions | slice, upper: Float64s, seen: int) -> None:
        self.upper[places], self.seen[places] = upper, seen
        self.key[places] = self.candidates.weights[places] * np.sqrt(upper)


def _least_of(keys: Float64s, largest: int) -> float:
    """The least of so many largest keys; 0 where there are no more."""
    return max(0.0, float(np.partition(keys, -largest)[-largest])) if 0 < largest < len(keys) else 0.0
