"""The pre-declared headline: one number per trajectory, its mean loss over the budgets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

TRAJECTORY = ["dataset", "strategy", "seed", "task", "metric"]


def naubc(labelled: Sequence[float], values: Sequence[float]) -> float:
    """Normalised area under the budget curve: trapezoid over labelled images, divided by their range.

    It has the unit of the values; lower is better for a loss (Zhan et al. 2022, section 4, for accuracies).
    NaN with fewer than two budgets or with a value that is missing.

    Raises ValueError where budgets do not rise or the lengths differ.

    >>> naubc([10, 20, 40], [2.0, 1.0, 0.5])
    1.0
    """
    x, y = np.asarray(labelled, float), np.asarray(values, float)
    if x.shape != y.shape or x.ndim != 1 or (np.diff(x) <= 0).any():
        raise ValueError("an area needs one value for each of some rising budgets")
    return float(np.trapezoid(y, x) / (x[-1] - x[0])) if len(x) > 1 else math.nan


def naubc_of(rows: pd.DataFrame, budgets: Sequence[int]) -> pd.DataFrame:
    """``TRAJECTORY`` and ``naubc``, one row per trajectory of the rows of one data set.

    A trajectory without a value at each of ``budgets`` (all images labelled, in rising order) has NaN: an
    area over another range does not compare.
    """
    wanted = rows[rows["labelled"].isin(budgets)]
    # Unlike a pivot table this keeps a trajectory of which no value exists: it has no area, and is there.
    wide = wanted.set_index([*TRAJECTORY, "labelled"])["value"].unstack("labelled")
    wide = wide.reindex(columns=list(budgets))
    areas = [naubc(budgets, row) for row in wide.to_numpy()]
    return wide.index.to_frame(index=False).assign(naubc=areas)
