"""Which comparisons are tested together: the one object that every p value, interval and sentence asks.

A correction is worth something only for a family that no result has chosen. The experiment's is every
strategy against random: it is named by what was run, and stays the same whichever strategies a report shows.
Any other pair is exploratory, and belongs to the family of all pairs, since it could have been any of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

LEVEL = 0.05


@dataclass(frozen=True)
class Family:
    """Comparisons (strategy, against) that are corrected for their number by Holm's method.

    ``reference`` is what an experiment compares every strategy with; without one the family is exploratory.
    """

    pairs: tuple[tuple[str, str], ...]
    reference: str | None

    @property
    def size(self) -> int:
        """How many comparisons are corrected for, those too that have too few seeds for a test."""
        return len(self.pairs)

    @property
    def level(self) -> float:
        """The level that the smallest p value of the family must keep."""
        return LEVEL / max(self.size, 1)

    @property
    def words(self) -> str:
        """The family in words."""
        plural = "s" * (self.size != 1)
        if self.reference is None:
            return f"{self.size} pair{plural} of strategies"
        return f"{self.size} comparison{plural} with {self.reference} of the experiment"

    def corrected(self, p: Sequence[float]) -> list[float]:
        """The p values of these pairs, in their order, corrected; NaN stays NaN and counts."""
        return holm(p, self.size)


def against_reference(names: Collection[str], reference: str) -> Family:
    """The family of an experiment: every strategy against the reference; empty without it."""
    others = sorted(set(names) - {reference}) if reference in names else []
    return Family(tuple((name, reference) for name in others), reference)


def all_pairs(names: Collection[str]) -> Family:
    """Every strategy against every other one, the reference too: what a pair chosen at will is one of."""
    return Family(tuple(combinations(sorted(set(names)), 2)), None)


def holm(p: Sequence[float], tests: int | None = None) -> list[float]:
    """p values corrected for their number (Holm 1979), or for ``tests`` where more are in their family.

    NaN stays NaN, and counts only among ``tests``.
    """
    values = np.asarray(p, float)
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    first = len(order) if tests is None else tests
    steps = values[order] * np.arange(first, first - len(order), -1)
    corrected = np.full(len(values), math.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected.tolist()
