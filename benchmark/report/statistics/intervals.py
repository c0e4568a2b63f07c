"""Means and intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

#: With fewer seeds a difference is described and never tested.
SEEDS_FOR_A_TEST = 4
CELL = ["dataset", "strategy", "task", "metric", "labelled", "share"]


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean and the limits of its two-sided Student t interval (Student 1908), of n independent values.

    One value has no interval: both limits are NaN. Raises ValueError without any value or for a ``level``
    that is not between 0 and 1.
    """
    sample = np.asarray(values, float)
    if not sample.size or not 0 < level < 1:
        raise ValueError(
            f"a t interval needs values ({sample.size} given) and a level in (0, 1), not {level}"
        )
    mean = float(sample.mean())
    if sample.size == 1:
        return mean, math.nan, math.nan
    quantile = float(stdtrit(sample.size - 1, (1 + level) / 2))
    half = quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return mean, mean - half, mean + half


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Per cell (data set, strategy, task, metric, budget): number of ``seeds``, ``mean``, ``low``, ``high``.

    Missing values count for nothing; a cell that has none but missing values is left out.
    """
    return over_seeds(rows, CELL)


def over_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """``summarise`` for groups by other columns; ``rows`` have a ``value`` per seed."""
    groups = rows.dropna(subset="value").groupby(list(by))["value"]
    cells = [(*key, len(values), *t_interval(values.to_numpy())) for key, values in groups]
    kinds = {**rows[list(by)].dtypes, "seeds": int, **dict.fromkeys(("mean", "low", "high"), float)}
    return pd.DataFrame(cells, columns=list(kinds)).astype(kinds)  # also where there is no cell


def ranking(means: pd.DataFrame) -> list[str]:
    """Strategies (rows) by their mean over the budgets (columns) that all of them have, ascending.

    A strategy without any mean comes last; ties, and everything where no budget is common, go by name.
    """
    common = means.dropna(how="all").dropna(axis="columns").columns
    key = means[common].mean(axis="columns")
    return [str(name) for name in key.sort_index().sort_values(kind="stable", na_position="last").index]


def missing_seeds(rows: pd.DataFrame, budgets: Sequence[int], seeds: Sequence[int]) -> dict[int, list[int]]:
    """Which of ``budgets`` each seed has no value for, of one strategy's rows, complete seeds left out."""
    there = {
        (int(seed), int(size)) for seed, size in rows.dropna(subset="value")[["seed", "labelled"]].to_numpy()
    }
    gaps = {seed: [size for size in budgets if (seed, size) not in there] for seed in seeds}
    return {seed: sizes for seed, sizes in gaps.items() if sizes}
