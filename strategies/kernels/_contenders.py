"""The few candidates that may be picked next, kept up to date with every pick."""

from __future__ import annotations

import numpy as np

from strategies.kernels._points import Candidates, Points
from strategies.kernels.arrays import Float64s, Positions


class Contenders:
    """Candidates in order of priority; exact ``squared`` distances to their nearest centres, and ``key``.

    The key is what the picks maximise, weight * distance; -1 where a contender has been picked.
    """

    def __init__(self, points: Points, candidates: Candidates, places: Positions, squared: Float64s) -> None:
        self.points, self.places, self.candidates = points, places, candidates.take(places)
        self.rows = points.rows.take(self.candidates.positions)
        self.scaled = points.scaled(self.rows)
        self.squared, self.key, self.reach = np.empty((3, len(places)))
        self._set(np.arange(len(places)), squared)

    def best(self, least: float, priority: float) -> int | None:
        """The slot of the best, unless it is worse than this key and priority."""
        if not len(self.key):
            return None
        slot = int(self.key.argmax())
        return slot if (self.key[slot], self.candidates.priority[slot]) >= (least, priority) else None

    def make_centre(self, slot: int) -> None:
        """The contender in this slot has been picked."""
        self.key[slot], self.reach[slot] = -1.0, -np.inf
        difference = self.scaled - self.scaled[slot]
        near = (np.vecdot(difference, difference) <= self.reach).nonzero()[0]
        if len(near):
            exact = self.points.exact_rows(self.rows[near], self.rows[slot])
            self._set(near, np.minimum(self.squared[near], exact))

    def _set(self, slots: Positions, squared: Float64s) -> None:
        self.squared[slots] = squared
        self.key[slots] = self.candidates.weights[slots] * np.sqrt(squared)
        self.reach[slots] = self.points.reaching(squared)
