"""Who beats whom, and how often: the pairwise penalty matrix (Ash et al., ICLR 2020, section 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.paired_tests import BLOCK

#: The row of the means; no strategy can have this name.
MEAN = "(mean)"


def penalty_matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of (data set, budget) pairs at which the strategy of the row beats that of the column.

    ``rows`` are of one metric that is better when lower, without references. A strategy beats another at a
    budget where the t interval of their differences, paired by seed, lies below 0; of two seeds or more.
    Descriptive: many comparisons, none corrected. The last row, ``MEAN``, says how often each is beaten.
    """
    names = sorted(set(rows["strategy"]))
    cells = [cell for _, cell in rows.groupby(["dataset", "labelled"])]
    shares = np.mean([_beats(cell, names) for cell in cells], axis=0)
    matrix = pd.DataFrame(shares, index=names, columns=names)
    matrix.loc[MEAN] = matrix.sum() / max(len(names) - 1, 1)
    return matrix


def _beats(cell: pd.DataFrame, names: list[str]) -> NDArray[np.bool_]:
    """Which strategy (rows) beats which (columns) at one budget; a seed that one of them lacks is no pair."""
    wide = cell.pivot_table(index=BLOCK, columns="strategy", values="value").reindex(columns=names)
    values = wide.to_numpy(float)
    differences = values[:, :, None] - values[:, None, :]
    seeds = np.isfinite(differences).sum(axis=0)
    pairs = np.maximum(seeds, 2)  # fewer have no interval, and are taken out below
    mean = np.nansum(differences, axis=0) / pairs
    variance = np.nansum((differences - mean) ** 2, axis=0) / (pairs - 1)
    half = stdtrit(pairs - 1, 1 - LEVEL / 2) * np.sqrt(variance / pairs)
    return np.asarray((mean + half < 0) & (seeds > 1))
