"""Which values a panel of curves shows: what tells strategies apart, and not the network that all share."""

from __future__ import annotations

import pandas as pd

from benchmark.report.legend import FEW_SEEDS
from benchmark.report.load import FULL_DATA

#: A range that the shared first budget makes so many times as large is spent on it.
WASTED = 1.2
CUT = "the first budget, whose network all share, is beyond the axes where a number stands"


def window(numbers: pd.DataFrame) -> tuple[list[float], tuple[float, float] | None]:
    """The values that the vertical axis must show, of one metric's rows as ``curves`` draws them.

    Beside them the share (%) and the mean of the first budget, where that is left out: if all strategies
    share it and showing it would waste the axis; else None.
    """
    learned = numbers[numbers["strategy"] != FULL_DATA]
    first = learned["labelled"].min()
    later = numbers[(numbers["labelled"] > first) | (numbers["strategy"] == FULL_DATA)]
    whole, part = _values(numbers), _values(later)
    if not _is_shared(learned, first) or _extent(whole) <= WASTED * _extent(part):
        return whole, None
    shared = learned[learned["labelled"] == first]
    return part, (100 * float(shared["share"].iloc[0]), float(shared["mean"].iloc[0]))


def _is_shared(learned: pd.DataFrame, first: int) -> bool:
    """Whether several strategies have one network at the first budget, and something after it."""
    at_first = learned[learned["labelled"] == first]
    alike = bool((at_first.groupby("seed")["value"].nunique() == 1).all())
    return alike and at_first["strategy"].nunique() > 1 and learned["labelled"].nunique() > 2


def _values(numbers: pd.DataFrame) -> list[float]:
    """Means, intervals that are drawn, and the seeds where there are few: their intervals are cut off."""
    if numbers["seed"].nunique() <= FEW_SEEDS:
        return [float(value) for value in numbers["value"]]
    drawn = numbers[numbers["drawn"] != ""]
    every = pd.concat([numbers["mean"], drawn["low"], drawn["high"]]).dropna()
    return [float(value) for value in every]


def _extent(values: list[float]) -> float:
    return max(values) - min(values) if values else 0.0
