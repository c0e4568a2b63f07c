"""Looks at a study while it grows: the level that each may spend, so that all together keep theirs.

Who tests after every few seeds and stops at the first small p finds a difference that is not there far too
often. Bounds for looks that were planned keep the level: Pocock's ask the same of every look (Pocock,
Biometrika 1977), those of O'Brien and Fleming (Biometrics 1979) much of early ones and hardly more of the
last than a study without looks. Critical values are by numerical integration over the joint distribution of
the looks (Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000, chapter 19).

Bounds are of normal statistics. With few seeds a look is judged by its p value from a t test, held against
the level that the bound stands for (the significance level approach, Jennison and Turnbull 2000, section
3.8). That is no exact test; its false positives are simulated in tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Bound = Literal["pocock", "obrien-fleming"]
#: Nodes of the integral over each look, and how many standard deviations are taken where no bound ends it.
NODES, FAR = 128, 9.0


@dataclass(frozen=True)
class GroupSequential:
    """Looks at rising numbers of seeds. Raises ValueError for others."""

    looks: tuple[int, ...]
    bound: Bound = "obrien-fleming"
    one_sided: bool = False

    def __post_init__(self) -> None:
        if not self.looks or self.looks[0] < 1 or any(np.diff(self.looks) <= 0):
            raise ValueError(f"looks must be rising numbers of seeds, not {list(self.looks)}")

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Each look's seeds as a share of the last one's."""
        return np.asarray(self.looks, float) / self.looks[-1]

    def bounds(self, constant: float) -> NDArray[np.float64]:
        """The standard normal value that stops at each look, from the bound's constant."""
        power = 0.5 if self.bound == "obrien-fleming" else 0.0
        return np.asarray(constant / self.shares**power)

    def constant(self, level: float) -> float:
        """The constant of the bound that is crossed with this probability if there is no difference."""
        return _constant(self, level)

    def levels(self, level: float) -> list[float]:
        """What the p value of each look must not exceed."""
        tail = special.ndtr(-self.bounds(self.constant(level)))
        return [float(p) for p in (1 if self.one_sided else 2) * tail]

    def overall(self, p: float, look: int) -> float:
        """The level of the whole at which this p value of this look (from 0 on) is just on the bound.

        The repeated p value of Jennison and Turnbull (2000, section 9.5): the smallest over looks so far is a
        p value of the study, which other corrections can take (Maurer and Bretz 2013).
        """
        sides = 1 if self.one_sided else 2
        z = -float(special.ndtri(min(p / sides, 1.0)))
        if np.isinf(z):
            return 0.0 if z > 0 else 1.0
        power = 0.5 if self.bound == "obrien-fleming" else 0.0
        return self.crossed(z * float(self.shares[look]) ** power)

    def crossed(self, constant: float, drift: float = 0.0) -> float:
        """The probability that any look is beyond its bound; ``drift`` is the mean of the last look's value.

        Two-sided: beyond it on either side.
        """
        limits = self.bounds(constant)
        if not self.one_sided and constant <= 0:
            return 1.0
        return float(min(max(1 - _inside(self.shares, limits, drift, self.one_sided), 0.0), 1.0))


@lru_cache(maxsize=256)
def _constant(design: GroupSequential, level: float) -> float:
    from scipy import optimize

    return float(optimize.brentq(lambda constant: design.crossed(constant) - level, 0.0, 8.0, xtol=1e-9))


def _inside(shares: NDArray[np.float64], limits: NDArray[np.float64], drift: float, one_sided: bool) -> float:
    """The probability that no look is beyond its bound, of a Brownian motion seen at these shares."""
    before, weights = np.zeros(1), np.ones(1)  # it starts at 0
    last = 0.0
    for share, limit in zip(shares, limits, strict=True):
        low = share * drift - FAR * np.sqrt(share) if one_sided else -limit * np.sqrt(share)
        points, widths = _nodes(min(low, limit * np.sqrt(share)), limit * np.sqrt(share))
        step = np.sqrt(share - last)
        z = (points[:, None] - before - drift * (share - last)) / step
        density = np.exp(-(z**2) / 2) @ weights / (step * np.sqrt(2 * np.pi))
        before, weights, last = points, widths * density, share
    return float(weights.sum())


def _nodes(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points, widths = _legendre()
    half = (high - low) / 2
    return (low + high) / 2 + half * points, half * widths


@lru_cache(maxsize=1)
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points, widths = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(points), np.asarray(widths)


def sequential_p(design: GroupSequential, p_of_looks: Sequence[float]) -> list[float]:
    """The p value of the study after each look so far; NaN of a look counts for nothing."""
    overall = [1.0 if np.isnan(p) else design.overall(p, look) for look, p in enumerate(p_of_looks)]
    return [float(p) for p in np.minimum.accumulate(overall)] if overall else []
