"""Differences between strategies, always paired by data set and seed, with intervals and corrected tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special  # scipy.stats takes half a second to import

from benchmark.report.statistics.holm_family import LEVEL, Family, holm
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST, t_interval

BLOCK = ["dataset", "seed"]
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """A strategy minus another one over the seeds that both have; NaN where a number does not exist.

    ``p`` is of the two-sided paired t test, ``corrected`` the same for all comparisons of its family,
    ``detectable`` the smallest true difference that so many seeds with this spread would show with 80 %
    probability at the family's corrected level.
    """

    strategy: str
    against: str
    seeds: int
    mean: float
    low: float
    high: float
    p: float
    corrected: float
    detectable: float

    def turned(self) -> Comparison:
        """The same comparison seen from the other strategy."""
        return replace(
            self,
            strategy=self.against,
            against=self.strategy,
            mean=-self.mean,
            low=-self.high,
            high=-self.low,
        )


def compare_all(values: pd.DataFrame, family: Family) -> list[Comparison]:
    """Every comparison of a family, by a column ``value`` per ``BLOCK`` and strategy; sorted by mean.

    Missing values are left out, with the same seed of the other strategy.
    """
    plain = [compared(values, name, against, family.level) for name, against in family.pairs]
    corrected = family.corrected([one.p for one in plain])
    found = [replace(one, corrected=p) for one, p in zip(plain, corrected, strict=True)]
    return sorted(found, key=lambda one: (math.isnan(one.mean), one.mean, one.strategy, one.against))


def compared(values: pd.DataFrame, strategy: str, against: str, level: float) -> Comparison:
    """One comparison, p not corrected; what is detectable, at this level."""
    differences = paired_differences(values, strategy, against)
    seeds = len(differences)
    mean, low, high = t_interval(differences.tolist()) if seeds else (math.nan,) * 3
    deviation = float(differences.std(ddof=1)) if seeds > 1 else math.nan
    detectable = detectable_difference(deviation, seeds, level)
    p = paired_t(differences.tolist())
    return Comparison(strategy, against, seeds, mean, low, high, p, p, detectable)


def paired_differences(values: pd.DataFrame, strategy: str, against: str) -> np.ndarray:
    """Values of one strategy minus those of another, joined on ``BLOCK``, never on the order of rows."""
    one, other = (_of(values, name) for name in (strategy, against))
    joined = pd.concat(
        [one, other], axis="columns", join="inner", keys=["one", "other"], verify_integrity=True
    )
    return np.asarray(joined["one"] - joined["other"], float)


def paired_t(differences: Sequence[float]) -> float:
    """p value of the two-sided paired t test (Student 1908); NaN with fewer than four differences.

    Equal differences have no spread: 0 where they are not zero, 1 where they are.
    """
    sample = np.asarray(differences, float)
    if len(sample) < SEEDS_FOR_A_TEST:
        return math.nan
    if np.ptp(sample) == 0:
        return float(sample[0] == 0)
    with np.errstate(all="ignore"):  # the spread of very small ones may round to 0
        t = sample.mean() / np.sqrt(sample.var(ddof=1) / len(sample))
    return float(2 * special.stdtr(len(sample) - 1, -abs(t)))


def paired_t_below(differences: Sequence[float]) -> float:
    """p value of the one-sided paired t test of a mean below 0; NaN with fewer than four differences.

    Equal differences have no spread: 0 where they are below 0, 1 elsewhere.
    """
    sample = np.asarray(differences, float)
    both = paired_t(differences)
    if math.isnan(both):
        return math.nan
    if sample.mean() < 0:
        return both / 2
    return 1 - both / 2 if np.ptp(sample) else 1.0


def detectable_difference(deviation: float, seeds: int, level: float = LEVEL, power: float = POWER) -> float:
    """The true mean of paired differences that a two-sided t test finds with this power.

    By the noncentral t distribution (Cohen 1988, section 2.3), for differences of this standard deviation.
    NaN for fewer seeds than a test takes.
    """
    if seeds < SEEDS_FOR_A_TEST:
        return math.nan
    from scipy import optimize

    limit = special.stdtrit(seeds - 1, 1 - level / 2)

    def lacking(shift: float) -> float:  # the square of t is an F
        return float(1 - special.ncfdtr(1, seeds - 1, shift**2, limit**2)) - power

    shift = optimize.brentq(lacking, 0, 2 * limit + 10)
    return float(shift * deviation / math.sqrt(seeds))


def best(values: pd.DataFrame, seeds: int) -> frozenset[str]:
    """The strategy of the lowest mean and all that a paired t test does not tell from it, Holm-corrected.

    ``values`` have a ``value`` per data set, ``seed`` and ``strategy`` of one column of a table; strategies
    without all ``seeds`` are left out, since other means do not compare. Empty where nothing is told from the
    lowest: too few seeds, one network that all share, or differences inside the noise. A mark would say more
    than is known.
    """
    groups = values.dropna(subset="value").groupby("strategy")["value"]
    means = groups.mean()[groups.count() == seeds].sort_index()
    if len(means) < 2:
        return frozenset()
    lowest = str(means.idxmin())
    others = [str(name) for name in means.index if name != lowest]
    p = holm([paired_t(paired_differences(values, name, lowest).tolist()) for name in others])
    told = {name for name, one in zip(others, p, strict=True) if one < LEVEL}
    return frozenset(means.index) - told if told else frozenset()


def _of(values: pd.DataFrame, strategy: str) -> pd.Series:
    return values[values["strategy"] == strategy].dropna(subset="value").set_index(BLOCK)["value"]
