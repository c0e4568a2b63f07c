"""How many labels a strategy needs to reach a loss, and what that saves.

Everything rests on one number: the labels at which a curve first reaches a target that is given per seed, so
that differences stay paired. Curves are means over seeds. The loss of the first budget is taken as it is, and
is the same for all strategies, over all seeds: they share its network, so none can reach there what another
one does not. Later budgets are made monotone. Where the target is not reached within the budgets, the answer
is censored: infinite, and never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.report.results.load import FULL_DATA
from benchmark.report.statistics.intervals import t_interval

#: Values of a strategy: seeds (rows) at rising numbers of labelled images (columns).
Curve: TypeAlias = pd.DataFrame
#: What is fitted, for captions and the protocol.
FITTED = (
    "curves are means over seeds: as they are at the first budget, which all strategies share, and after it "
    "made monotone (isotonic regression); straight between budgets"
)
#: Differences that rounding makes, as a share of the largest.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Labels:
    """Labels needed, with their interval: ``inf`` is not within the budgets, NaN unknown.

    A ``low`` of 0 says that the first budget may have been enough: fewer labels were not tried. ``below`` is
    the first budget whose mean is at most the target before anything is fitted: finite where ``needed`` is,
    and also where later budgets are so high that the fit does not believe it.
    """

    needed: float
    low: float
    high: float
    seeds: int
    below: float = math.nan

    def over(self, labels: float) -> Labels:
        """The same as a share or a factor of a number of labels."""
        return Labels(
            self.needed / labels, self.low / labels, self.high / labels, self.seeds, self.below / labels
        )

    @property
    def dips(self) -> bool:
        """Whether a mean is at most the target and the fitted curve never is."""
        return math.isinf(self.needed) and math.isfinite(self.below)


@dataclass(frozen=True)
class Curves:
    """The curves of one data set by strategy, and the loss of the first budget by seed, which they share."""

    by_name: dict[str, Curve]
    first: pd.Series

    def needed(self, name: str, target: pd.Series) -> Labels:
        """Labels at which a strategy first is at most a target that is given by seed."""
        return labels_to_reach(self.by_name[name], target, self.first)

    def loss_of(self, name: str, size: int) -> pd.Series:
        """The loss of a strategy at one of its budgets as a target by seed; its mean is the fitted curve's.

        So a strategy needs no more than its own labels for what it has itself. The labels that one strategy
        needs for the loss of another one, divided by those that the other one used, are the other's speed-up.
        """
        curve = self.by_name[name]
        mean = curve.mean()
        fitted = pd.Series(monotone(mean.to_numpy()), mean.index)
        return curve[size] + (fitted[size] - mean[size])

    def over(self, seeds: Sequence[int]) -> Curves:
        """The same of these seeds alone."""
        kept = {name: curve[curve.index.isin(seeds)] for name, curve in self.by_name.items()}
        return Curves(kept, self.first[self.first.index.isin(seeds)])


UNKNOWN = Labels(math.nan, math.nan, math.nan, 0)


def curves(rows: pd.DataFrame) -> Curves:
    """The curves of all strategies from the total losses of one data set; seeds with gaps are left out.

    The first budget is set to the median of its strategies in each seed, which is the value of all where they
    share its network.
    """
    learned = rows[rows["strategy"] != FULL_DATA].dropna(subset="value")
    if learned.empty:
        return Curves({}, pd.Series(dtype=float))
    wide = learned.pivot_table(index=["strategy", "seed"], columns="labelled", values="value")
    first = wide[wide.columns[0]].groupby("seed").median().dropna()
    by_name = {str(name): _with_first(part.droplevel(0), first) for name, part in wide.groupby(level=0)}
    return Curves(by_name, first)


def full_data(rows: pd.DataFrame) -> pd.Series:
    """The loss of the network trained on everything, by seed."""
    return rows[rows["strategy"] == FULL_DATA].dropna(subset="value").set_index("seed")["value"]


def labels_to_reach(curve: Curve, target: pd.Series, first: pd.Series) -> Labels:
    """Labels at which a curve first is at most the target, over the seeds that both have.

    ``first`` is the shared loss of the first budget by seed. It counts for every strategy over all seeds that
    have a target, those too that this curve lacks: what is reached there is the same for all.

    The interval inverts the band of 95 % t intervals of the paired difference (as Fieller 1954 inverts a
    test): from where the band's lower edge reaches 0 to where its upper edge does. It is conservative: in
    simulations with 3 to 10 seeds it covers 97 to 99 %.
    """
    seeds = curve.index.intersection(target.index)
    if not len(seeds):
        return UNKNOWN
    later = curve.loc[seeds].sub(target.loc[seeds], axis="index").iloc[:, 1:]
    columns = [first.sub(target).dropna(), *(later[size] for size in later)]
    bands = np.array([t_interval(column.tolist()) for column in columns], np.float64).T
    # Equal losses differ by their rounding, which is small beside them and not beside other such differences.
    bands[np.abs(bands) <= ROUNDING * target.abs().max()] = 0.0
    budgets = np.asarray(curve.columns, np.float64)
    needed, low, high = (first_reached(budgets, band) for band in bands)
    below = budgets[_at_most_zero(bands[0])]
    return Labels(
        needed, 0.0 if low == budgets[0] else low, high, len(seeds), float(min(below, default=math.inf))
    )


def bounds(labels: Labels, write: Callable[[float], str]) -> str:
    """The interval in brackets, open where it leaves the budgets; empty without one."""
    if not math.isfinite(labels.low):
        return ""
    if not math.isfinite(labels.high):
        return f" (from {write(labels.low)})" if labels.low else " (no bound)"
    return (
        f" ({write(labels.low)} to {write(labels.high)})" if labels.low else f" (up to {write(labels.high)})"
    )


def first_reached(budgets: NDArray[np.float64], differences: NDArray[np.float64]) -> float:
    """Where the monotone curve, straight between budgets, first is at most 0; inf if never, NaN of NaN."""
    if np.isnan(differences).any():
        return math.nan
    curve = monotone(differences)
    reached = np.flatnonzero(_at_most_zero(curve))
    if not len(reached):
        return math.inf
    after = int(reached[0])
    if after == 0:
        return float(budgets[0])
    share = min(curve[after - 1] / (curve[after - 1] - curve[after]), 1.0)
    return float(budgets[after - 1] + share * (budgets[after] - budgets[after - 1]))


def monotone(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first value, and after it the nearest curve (least squares) that never rises.

    The second is isotonic regression (Barlow et al. 1972). The first is no strategy's own, so its later
    losses do not change it.
    """
    from scipy.optimize import isotonic_regression

    if len(values) < 2:
        return values
    later = np.asarray(isotonic_regression(values[1:], increasing=False).x)
    return np.concatenate([values[:1], later])


def _with_first(curve: Curve, first: pd.Series) -> Curve:
    """The seeds that have every budget, with the shared loss of the first one."""
    whole = curve.dropna()
    whole[whole.columns[0]] = first.loc[whole.index]
    return whole


def _at_most_zero(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(values <= ROUNDING * np.abs(values).max(initial=0))
