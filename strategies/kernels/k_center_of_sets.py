"""Greedy k-center of sets of points: exact, and without distances of all pairs.

A set is as far from the centres as the one of its points that is farthest from all points of theirs: the
directed Hausdorff distance. It only shrinks as centres are added, so an old distance is an upper bound, and
only sets whose bound could still win are compared with the centres that they have missed (Minoux 1978,
"Accelerated greedy algorithms").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.kernels.arrays import (
    Chosen,
    Features,
    Float64s,
    Positions,
    checked_choice,
    checked_sets,
    checked_weights,
)

TILE = 2**20  # distances held at once: 8 MB
FIRST_CENTRES = 64  # labelled sets that every set is compared with before laziness begins
SETS = 64  # sets brought up to date at once, for the one that may win


def k_center_of_sets(
    sets: ArrayLike,
    budget: int,
    labelled: Chosen = (),
    candidates: Chosen | None = None,
    weights: ArrayLike | None = None,
    *,
    rng: np.random.Generator,
) -> Positions:
    """Pick, ``budget`` times, the candidate with the largest weight * distance to its nearest centres.

    That distance is the largest, over the set's points, of the distance to the nearest point of any centre.
    Centres are the labelled sets and the sets picked so far. With one point a set it is greedy k-center; as a
    selection of images by several vectors each: the farthest-distance sampling of FreeSel (Xie, Ding,
    Tomizuka & Zhan, NeurIPS 2023, section 3.3). Distances are sums of squared differences in float64, the
    same wherever a set stands. Equal values are decided by ``rng.random(N)``, one number per set in order of
    position, the larger first. With no centre yet, the first pick has the largest weight.

    Beside the sets it holds 8 bytes a point and some 20 MB.

    Args:
        sets: N x k x d, finite.
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
    points = checked_sets(sets)
    centres, allowed = checked_choice(budget, labelled, candidates, len(points))
    factors, tickets = checked_weights(weights, len(points)), rng.random(len(points))
    search = _LazyFarthest(points, allowed, centres, factors[allowed], tickets[allowed])
    return allowed[[search.pick() for _ in range(budget)]]


class _LazyFarthest:
    """The candidate of largest weight * distance, again and again.

    ``squared`` are the squared distances of every candidate's points (M x k) to the nearest point of the
    ``seen`` first centres; ``key`` is weight * the root of the largest, and -1 where one is picked.
    """

    def __init__(
        self,
        points: Features,
        candidates: Positions,
        centres: Positions,
        weights: Float64s,
        tickets: Float64s,
    ) -> None:
        self.points, self.candidates, self.weights, self.tickets = points, candidates, weights, tickets
        self.centres, self.seen = centres.tolist(), np.zeros(len(candidates), np.int64)
        self.squared = np.full((len(candidates), points.shape[1]), np.inf)
        self.key = weights.copy()  # by which the first is picked where there is no centre
        if self.centres:
            self._approach(np.arange(len(candidates)), 0, min(FIRST_CENTRES, len(self.centres)))

    def pick(self) -> int:
        """Take the farthest candidate, which becomes a centre; its place among the candidates."""
        place = self._best()
        while self._is_stale(place):
            self._renew(place)
            place = self._best()
        self.key[place] = -1.0
        self.centres.append(int(self.candidates[place]))
        if len(self.centres) == 1:
            self._approach(np.flatnonzero(self.key >= 0), 0, 1)
        return place

    def _best(self) -> int:
        tied = np.flatnonzero(self.key == self.key.max())
        return int(tied[self.tickets[tied].argmax()])

    def _is_stale(self, places: Any) -> Any:
        """Whether a centre that it has not seen could bring it nearer."""
        return (self.seen[places] < len(self.centres)) & (self.key[places] > 0)

    def _renew(self, place: int) -> None:
        """Bring this one up to date, and the others of largest key, which may win next."""
        stale = np.flatnonzero(self._is_stale(slice(None)))
        if len(stale) > SETS:
            stale = stale[np.argpartition(-self.key[stale], SETS)[:SETS]]
        stale = np.union1d(stale, [place])
        for seen in np.unique(self.seen[stale]).tolist():
            self._approach(stale[self.seen[stale] == seen], seen, len(self.centres))

    def _approach(self, places: Positions, start: int, stop: int) -> None:
        """Compare these with centres ``start`` to ``stop``: those before they have seen."""
        size = max(1, TILE // (FIRST_CENTRES * self.points.shape[1] ** 2))
        for first in range(start, stop, FIRST_CENTRES):
            others = self._rows(np.array(self.centres[first : min(first + FIRST_CENTRES, stop)]))
            for at in range(0, len(places), size):
                some = places[at : at + size]
                self.squared[some] = np.minimum(self.squared[some], self._to_nearest(some, others))
        self.seen[places] = stop
        self.key[places] = self.weights[places] * np.sqrt(self.squared[places].max(1))

    def _to_nearest(self, places: Positions, others: Features) -> NDArray[Any]:
        from scipy.spatial.distance import cdist  # takes a while to import

        squared = cdist(self._rows(self.candidates[places]), others, "sqeuclidean")
        return np.asarray(squared.min(1).reshape(len(places), -1))

    def _rows(self, positions: Positions) -> Features:
        """The points of these sets, one below the other."""
        return self.points[positions].reshape(-1, self.points.shape[2])
