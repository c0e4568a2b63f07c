"""Which strategies of a table's column are the best: those that the study does not tell from the lowest."""

from __future__ import annotations

import pandas as pd

from benchmark.report.family import LEVEL, holm
from benchmark.report.paired import paired_differences, paired_t


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
