"""Who beats whom, and how often: the pairwise penalty matrix (Ash et al., ICLR 2020, section 4)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.report.paired import paired_differences

LEVEL = 0.05


def penalty_matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of (data set, budget) pairs at which the strategy of the row beats that of the column.

    ``rows`` are of one metric that is better when lower, without references. A strategy beats another at a
    budget where the t interval of their differences, paired by seed, lies below 0; of two seeds or more.
    Descriptive: many comparisons, none corrected. The last row, ``mean``, says how often each is beaten.
    """
    names = sorted(set(rows["strategy"]))
    cells = [cell for _, cell in rows.groupby(["dataset", "labelled"])]
    matrix = pd.DataFrame(0.0, index=[*names, "mean"], columns=names)
    for one in names:
        for other in names:
            matrix.loc[one, other] = np.mean([_beats(cell, one, other) for cell in cells])
    matrix.loc["mean"] = matrix.loc[names].sum() / max(len(names) - 1, 1)
    return matrix


def _beats(cell: pd.DataFrame, one: str, other: str) -> bool:
    differences = paired_differences(cell, one, other)
    if one == other or len(differences) < 2:
        return False
    half = stats.t.ppf(1 - LEVEL / 2, len(differences) - 1) * differences.std(ddof=1)
    return bool(differences.mean() + half / math.sqrt(len(differences)) < 0)
