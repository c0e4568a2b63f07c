"""How many labels a strategy needs to reach a loss, and what that saves.

Everything rests on one number: the labels at which a curve first reaches a target that is given per seed, so
that differences stay paired. Curves are means over seeds, made monotone. Where the target is not reached
within the budgets, the answer is censored: infinite, and never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.report.load import FULL_DATA
from benchmark.report.statistics import t_interval

#: Values of a strategy: seeds (rows) at rising numbers of labelled images (columns).
Curve: TypeAlias = pd.DataFrame


@dataclass(frozen=True)
class Labels:
    """Labels needed, with their interval: ``inf`` is not within the budgets, NaN unknown.

    A ``low`` of 0 says that the first budget may have been enough: fewer labels were not tried.
    """

    needed: float
    low: float
    high: float
    seeds: int

    def over(self, labels: float) -> Labels:
        """The same as a share or a factor of a number of labels."""
        return Labels(self.needed / labels, self.low / labels, self.high / labels, self.seeds)


def curves(rows: pd.DataFrame) -> dict[str, Curve]:
    """The curve of every strategy from the total losses of one data set; seeds with gaps are left out."""
    learned = rows[rows["strategy"] != FULL_DATA]
    wide = learned.pivot_table(index=["strategy", "seed"], columns="labelled", values="value")
    return {str(name): part.droplevel(0).dropna() for name, part in wide.groupby(level=0)}


def full_data(rows: pd.DataFrame) -> pd.Series:
    """The loss of the network trained on everything, by seed."""
    return rows[rows["strategy"] == FULL_DATA].dropna(subset="value").set_index("seed")["value"]


def labels_to_reach(curve: Curve, target: pd.Series) -> Labels:
    """Labels at which a curve first is at most the target, over the seeds that both have.

    The interval inverts the band of 95 % t intervals of the paired difference (as Fieller 1954 inverts a
    test): from where the band's lower edge reaches 0 to where its upper edge does. It is conservative: in
    simulations with 3 to 10 seeds it covers 97 to 99 %.
    """
    seeds = curve.index.intersection(target.index)
    if not len(seeds):
        return Labels(math.nan, math.nan, math.nan, 0)
    differences = curve.loc[seeds].sub(target.loc[seeds], axis="index")
    bands = np.array([t_interval(differences[size].tolist()) for size in differences], np.float64).T
    budgets = np.asarray(curve.columns, np.float64)
    needed, low, high = (first_reached(budgets, band) for band in bands)
    return Labels(needed, 0.0 if low == budgets[0] else low, high, len(seeds))


def first_reached(budgets: NDArray[np.float64], differences: NDArray[np.float64]) -> float:
    """Where the monotone curve, straight between budgets, first is at most 0; inf if never, NaN of NaN."""
    if np.isnan(differences).any():
        return math.nan
    curve = monotone(differences)
    reached = np.flatnonzero(curve <= 0)
    if not len(reached):
        return math.inf
    after = int(reached[0])
    if after == 0:
        return float(budgets[0])
    share = curve[after - 1] / (curve[after - 1] - curve[after])
    return float(budgets[after - 1] + share * (budgets[after] - budgets[after - 1]))


def monotone(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest curve (least squares) that never rises: isotonic regression (Barlow et al. 1972)."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values, increasing=False).x)


def labels_to_match(all_curves: Mapping[str, Curve], strategy: str, against: str) -> dict[int, Labels]:
    """Labels that a strategy needs for the loss that another one has at each of its budgets.

    The other's labels divided by these are the speed-up factor, and one minus the inverse of that the saving.
    """
    own, other = all_curves[strategy], all_curves[against]
    return {int(size): labels_to_reach(own, other[size]) for size in other.columns}
