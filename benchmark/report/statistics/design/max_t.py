"""A family of paired comparisons tested by its largest t: sign flips of whole seeds (max-T, step-down).

Holm's method takes every comparison for unrelated to every other. Differences to one reference are not: they
share its luck, seed by seed. The distribution of the largest t of the family has that in it, and a smaller
critical value. It is made from the differences themselves: where choosing makes no difference, a seed's
differences are as likely with the opposite sign, all of them together.

Westfall and Young 1993 (section 4.2, step-down); the distribution is that of Romano and Wolf 2005 (section
3). Deviation: signs of whole seeds are flipped, as a paired design has it, in the place of a bootstrap. The
level is exact where differences are symmetric around 0. Each comparison keeps its own variance: one that is
pooled would let the step down reject what it must not. So few seeds are too few: 5 have 32 patterns of signs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST

Array = NDArray[np.float64]
#: With at most so many seeds every pattern of signs is taken; with more, so many at random.
ENUMERATED, DRAWN = 14, 10_000
#: Two patterns that give the same t must count as equal, whatever the order of their sums.
ROUNDING = 1e-9


@dataclass(frozen=True)
class MaxT:
    """``corrected`` p values in the order of the columns, NaN where there are too few seeds.

    ``critical`` is what the largest t of the family must reach at 5 %; infinite where no pattern of so few
    seeds is rare enough. ``exact`` says that every pattern of signs was taken.
    """

    corrected: tuple[float, ...]
    critical: float
    exact: bool


def max_t(
    differences: Array, tests: int | None = None, one_sided: bool = False, level: float = LEVEL
) -> MaxT:
    """The test of N x K paired differences, seeds by comparisons; NaN is missing.

    ``tests`` are the comparisons of the family where some have no column yet: these keep their share of the
    level (Bonferroni between the two parts). ``one_sided`` asks for means below 0 alone.
    """
    values = np.asarray(differences, float)
    tested = np.isfinite(values).sum(axis=0) >= SEEDS_FOR_A_TEST
    corrected = np.full(values.shape[1], math.nan)
    if not tested.any():
        return MaxT(tuple(corrected.tolist()), math.nan, True)
    kept = values[:, tested]
    signs, exact = patterns(len(kept))
    found = _statistics(kept, signs, one_sided)
    share = max(tests or 0, values.shape[1]) / int(tested.sum())
    corrected[tested] = np.minimum(_step_down(found) * share, 1)
    return MaxT(tuple(corrected.tolist()), _critical(found.max(axis=1), level / share), exact)


def smallest_p(seeds: int, one_sided: bool = False) -> float:
    """The smallest p value that flipping the signs of so many seeds can give."""
    return (1.0 if one_sided else 2.0) * 0.5**seeds


def patterns(seeds: int) -> tuple[Array, bool]:
    """B x N signs, the first of them those of the results, and whether they are all there are."""
    if seeds <= ENUMERATED:
        bits = np.arange(2**seeds)[:, None] >> np.arange(seeds) & 1
        return np.asarray(1.0 - 2.0 * bits), True
    drawn = np.random.default_rng(seeds).integers(0, 2, (DRAWN, seeds))  # the same for the same results
    drawn[0] = 0
    return np.asarray(1.0 - 2.0 * drawn), False


def _statistics(values: Array, signs: Array, one_sided: bool) -> Array:
    """B x K paired t under each pattern of signs, larger is further from no difference."""
    there = np.isfinite(values)
    filled, seeds = np.where(there, values, 0.0), there.sum(axis=0)
    length = np.sqrt(seeds * (filled**2).sum(axis=0))
    cosine = np.divide(signs @ filled, length, out=np.zeros((len(signs), len(seeds))), where=length > 0)
    cosine = np.clip(cosine, -1, 1)
    with np.errstate(divide="ignore"):  # equal differences have no spread
        t = cosine * np.sqrt((seeds - 1) / (1 - cosine**2))
    return np.asarray(-t if one_sided else np.abs(t))


def _step_down(found: Array) -> Array:
    """Corrected p values: that of the largest t by the maximum of all, of the next by that of the others."""
    order = np.argsort(-found[0], kind="stable")
    ordered = found[:, order]
    largest = np.maximum.accumulate(ordered[:, ::-1], axis=1)[:, ::-1]
    finite = np.isfinite(ordered[0])
    least = np.where(finite, ordered[0] - ROUNDING * np.abs(np.where(finite, ordered[0], 0)), ordered[0])
    p = np.maximum.accumulate((largest >= least).mean(axis=0))
    corrected = np.empty(len(order))
    corrected[order] = p
    return corrected


def _critical(largest: Array, level: float) -> float:
    """The smallest value that at most this share of the patterns reaches."""
    values, counts = np.unique(largest, return_counts=True)
    reached = np.cumsum(counts[::-1])[::-1] / len(largest)
    enough = values[reached <= level]
    return float(enough[0]) if len(enough) else math.inf
