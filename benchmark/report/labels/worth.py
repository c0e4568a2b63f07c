"""What labels were worth: how much loss their price bought, and what whole images cost for the same."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.labels.bought import bought
from benchmark.report.results.load import TOTAL_LOSS
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.labels_needed import Curves, curves

#: The least that counts as spent, of an image: what is below is rounding.
NOTHING = 1e-9
WORTH = ["dataset", "strategy", "task", "seed", "value"]
EXCHANGE = ["dataset", "strategy", "labelled", "seeds", "mean", "low", "high", "factor"]


def worth(subject: DatasetResults) -> pd.DataFrame:
    """``WORTH``: by how much a task's loss fell, over what its labels cost after the first set, by seed.

    From the first to the last budget. Of the total loss, by what all labels cost. Missing where no label of
    the task was bought.
    """
    budgets = subject.evidence.budgets
    if len(budgets) < 2:
        return pd.DataFrame(columns=WORTH)
    fell = _change(_losses(subject), budgets, "value")
    spent = -_change(_with_total(bought(subject)), budgets, "price")
    ratio = (fell / spent.where(spent > NOTHING)).rename("value").reset_index()
    return ratio.assign(dataset=subject.dataset)[WORTH]


def _losses(subject: DatasetResults) -> pd.DataFrame:
    rows = subject.results.of(subject.dataset)
    return rows[(rows["metric"] == TOTAL_LOSS[1]) & rows["strategy"].isin(subject.order)]


def _with_total(table: pd.DataFrame) -> pd.DataFrame:
    whole = table.groupby(["dataset", "strategy", "seed", "labelled"], as_index=False)["price"].sum()
    return pd.concat([table, whole.assign(task=TOTAL_LOSS[0])])


def _change(rows: pd.DataFrame, budgets: tuple[int, ...], column: str) -> pd.Series:
    """The first budget's value minus the last one's, by strategy, task and seed that have both."""
    wide = rows.pivot_table(index=["strategy", "task", "seed"], columns="labelled", values=column)
    wide = wide.reindex(columns=[budgets[0], budgets[-1]]).dropna()
    return wide[budgets[0]] - wide[budgets[-1]]


def exchange(subject: DatasetResults) -> pd.DataFrame:
    """``EXCHANGE``: a strategy's total loss minus that of random whole images at equal price, and a factor.

    ``factor`` is the price of random whole images for the same loss, over the strategy's: infinite where
    random does not have it within the budgets. Empty without random.
    """
    every = curves(subject.losses)
    if RANDOM not in every.by_name:
        return pd.DataFrame(columns=EXCHANGE)
    rows = [
        _exchanged(subject.dataset, every, name, size)
        for name, curve in every.by_name.items()
        for size in subject.evidence.budgets[1:]
        if name != RANDOM and size in curve and size in every.by_name[RANDOM]
    ]
    return pd.DataFrame(rows, columns=EXCHANGE)


def _exchanged(dataset: str, every: Curves, name: str, size: int) -> list[object]:
    difference = (every.by_name[name][size] - every.by_name[RANDOM][size]).dropna()
    mean, low, high = t_interval(difference.tolist()) if len(difference) else (math.nan,) * 3
    needed = every.needed(RANDOM, every.loss_of(name, size)).over(size)
    return [dataset, name, size, len(difference), mean, low, high, needed.needed]
