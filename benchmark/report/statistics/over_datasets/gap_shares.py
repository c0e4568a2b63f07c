"""A comparison on several data sets as shares of each one's gap to full data, and the mean of those."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.dataset_statistics import DatasetStatistics
from benchmark.report.statistics.holm_family import holm
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.over_datasets.random_effects import RandomEffects, random_effects


@dataclass(frozen=True)
class Share:
    """A difference of NAUBC as a share of a data set's gap, with its standard error over ``seeds``."""

    dataset: str
    seeds: int
    share: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t interval over the seeds."""
        half = float(stdtrit(self.seeds - 1, 0.975)) * self.error
        return self.share - half, self.share + half


@dataclass(frozen=True)
class OverDatasets:
    """A strategy against another one over data sets; ``found`` is None where fewer than two have a share.

    ``left_out`` says why a data set that has both has none. ``corrected`` is the p value among all
    strategies that are summarised with it; NaN for a pair alone.
    """

    strategy: str
    against: str
    shares: tuple[Share, ...]
    left_out: Mapping[str, str]
    found: RandomEffects | None
    corrected: float = math.nan


def over_datasets(every: Sequence[DatasetStatistics], strategy: str, against: str) -> OverDatasets:
    """One comparison over the data sets that have both strategies."""
    both = [found for found in every if {strategy, against} <= set(found.naubc["strategy"])]
    each = {found.dataset: share_of(found, strategy, against) for found in both}
    shares = tuple(one for one in each.values() if isinstance(one, Share))
    enough = len(shares) > 1
    mean = random_effects([s.share for s in shares], [s.error for s in shares]) if enough else None
    why = {dataset: one for dataset, one in each.items() if isinstance(one, str)}
    return OverDatasets(strategy, against, shares, why, mean)


def every_strategy(every: Sequence[DatasetStatistics]) -> list[OverDatasets]:
    """Every strategy against random, those that two data sets or more have; corrected for their number.

    From the lowest mean on, those without one last. References are no strategies.
    """
    names = [name for found in every for name in found.order[0]]
    several = sorted({name for name in names if names.count(name) > 1} - {RANDOM})
    plain = [over_datasets(every, name, RANDOM) for name in several]
    p = holm([one.found.p if one.found else math.nan for one in plain])
    corrected = [replace(one, corrected=value) for one, value in zip(plain, p, strict=True)]
    return sorted(corrected, key=lambda one: (one.found is None, one.found.mean if one.found else 0.0))


def share_of(found: DatasetStatistics, strategy: str, against: str) -> Share | str:
    """The share of one data set, or why there is none.

    A ratio of two means over the seeds that have both; its error is that of the ratio, so how sure the gap
    is, and that it is of the same seeds, is in it (linearised: Cochran 1977, section 6.4).
    """
    if not found.gap.mean > 0:
        return "no gap to full data"
    one, other = (_areas(found, name) for name in (strategy, against))
    table = pd.DataFrame(
        {"difference": one - other, "gap": pd.Series(found.gap.by_seed, dtype=float)}
    ).dropna()
    if len(table) < SEEDS_FOR_A_TEST:
        return f"fewer than {SEEDS_FOR_A_TEST} seeds that have both strategies and full data"
    share, gap = table["difference"].mean() / table["gap"].mean(), table["gap"].mean()
    left = (table["difference"] - share * table["gap"]) / gap
    error = float(left.std(ddof=1)) / math.sqrt(len(table))
    if not (gap > 0 and error > 0 and np.isfinite(error)):
        return "its seeds do not differ"
    return Share(found.dataset, len(table), float(share), error)


def _areas(found: DatasetStatistics, name: str) -> pd.Series:
    rows = found.naubc[found.naubc["strategy"] == name]
    return rows.set_index("seed")["naubc"].dropna()
