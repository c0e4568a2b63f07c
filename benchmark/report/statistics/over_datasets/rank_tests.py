"""Several data sets: mean ranks, and which of them differ (Demsar, JMLR 2006)."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd

#: Fewer independent blocks say nothing about which ranks differ.
BLOCKS_FOR_A_TEST = 6


@dataclass(frozen=True)
class Ranks:
    """Mean ranks, 1 is best, over data sets (blocks); strategies in one of ``cliques`` do not differ.

    ``ranked`` is how many were ranked, those too that are not shown.
    ``p`` is of the Friedman test and ``critical`` the Nemenyi difference at 5 %; both NaN, and no clique
    given, with fewer than six blocks or three strategies.
    """

    mean: pd.Series
    blocks: int
    p: float
    critical: float
    cliques: tuple[tuple[str, ...], ...]
    ranked: int

    def shown(self, names: Collection[str]) -> Ranks:
        """The same ranks and groups of these strategies alone: neither depends on what is shown."""
        groups = (tuple(name for name in clique if name in names) for clique in self.cliques)
        cliques = tuple(dict.fromkeys(group for group in groups if len(group) > 1))
        return replace(self, mean=self.mean[self.mean.index.isin(list(names))], cliques=cliques)


def ranks_over(values: pd.DataFrame) -> Ranks:
    """Ranks from one value per data set (rows) and strategy (columns), lower is better.

    Seeds are no blocks: average over them first. Data sets that lack a strategy are left out.
    """
    complete = values.dropna()
    mean = complete.rank(axis="columns").mean().sort_index().sort_values(kind="stable")
    blocks, strategies = complete.shape
    if blocks < BLOCKS_FOR_A_TEST or strategies < 3:
        return Ranks(mean, blocks, math.nan, math.nan, (), strategies)
    from scipy import stats  # half a second, for the few who have so many data sets

    p = float(stats.friedmanchisquare(*(complete[name] for name in complete)).pvalue)
    critical = critical_difference(strategies, blocks)
    return Ranks(mean, blocks, p, critical, _cliques(mean, critical), strategies)


def critical_difference(strategies: int, blocks: int, level: float = 0.05) -> float:
    """The Nemenyi difference of mean ranks (Demsar 2006, section 3.2.2)."""
    from scipy import stats

    quantile = stats.studentized_range.ppf(1 - level, strategies, math.inf) / math.sqrt(2)
    return float(quantile * math.sqrt(strategies * (strategies + 1) / (6 * blocks)))


def _cliques(mean: pd.Series, critical: float) -> tuple[tuple[str, ...], ...]:
    """The longest runs of neighbours in rank whose ends are nearer than the critical difference."""
    names = [str(name) for name in mean.index]
    runs = [tuple(n for n in names[at:] if mean[n] - mean[names[at]] < critical) for at in range(len(names))]
    return tuple(
        run for at, run in enumerate(runs) if len(run) > 1 and (at == 0 or run[-1] != runs[at - 1][-1])
    )
