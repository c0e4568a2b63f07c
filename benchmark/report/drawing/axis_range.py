"""Which values a panel of curves shows: what tells strategies apart, and not the network that all share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from benchmark.report.drawing.legend import FEW_SEEDS
from benchmark.report.results.load import FULL_DATA

#: A range that the shared first budget makes so many times as large is spent on it.
WASTED = 1.2
#: What one network's losses differ by, as a share, where another processor trained it again.
ROUNDING = 1e-3
#: Of the range of what is shown, what the axis shows beyond it.
MARGIN = 0.08
BEYOND = "the first budget, whose network all share, is beyond the axes where a number stands"
CUT = "the spread of the first budget, whose network all share, is cut off at the axes"


@dataclass(frozen=True)
class Window:
    """The values that the vertical axis must show, and what it does without.

    ``beyond`` is the share (%) and the mean of the first budget where that is not shown; ``cut`` whether
    that, or its spread, is not.
    """

    values: list[float]
    beyond: tuple[float, float] | None = None
    cut: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis."""
        low, high = min(self.values), max(self.values)
        margin = MARGIN * (high - low) or MARGIN * abs(high) or 1.0
        return low - margin, high + margin


def window(numbers: pd.DataFrame, of: str | None = None) -> Window:
    """What a panel shows of one metric's rows as ``curves`` draws them.

    Where all strategies share the network of the first budget and showing it would waste the axis, it is
    left out. What it is then is the mean of the strategy that the panel is ``of``, or of one of most seeds.
    """
    learned = numbers[numbers["strategy"] != FULL_DATA]
    first = learned["labelled"].min()
    later = numbers[(numbers["labelled"] > first) | (numbers["strategy"] == FULL_DATA)]
    whole, part = _values(numbers), _values(later)
    if not _is_shared(learned, first) or _extent(whole) <= WASTED * _extent(part):
        return Window(whole)
    shared = _first_of(learned[learned["labelled"] == first], of)
    low, high = Window(part).limits
    is_shown = low <= shared["mean"] <= high
    beyond = None if is_shown else (100 * float(shared["share"]), float(shared["mean"]))
    return Window(part, beyond, cut=True)


def _first_of(at_first: pd.DataFrame, name: str | None) -> pd.Series:
    own = at_first[at_first["strategy"] == name]
    if own.empty:
        seeds = at_first.groupby("strategy")["seed"].transform("nunique")
        own = at_first[seeds == seeds.max()]
    return own.iloc[0]


def said(panels: Iterable[pd.DataFrame]) -> list[str]:
    """What these panels do without, in words; nothing if they show all."""
    windows = [window(part) for part in panels]
    if any(one.beyond for one in windows):
        return [BEYOND]
    return [CUT] if any(one.cut for one in windows) else []


def _is_shared(learned: pd.DataFrame, first: int) -> bool:
    """Whether several strategies have one network at the first budget, and something after it."""
    at_first = learned[learned["labelled"] == first]
    of_seeds = at_first.groupby("seed")["value"]
    alike = bool((of_seeds.max() - of_seeds.min() <= ROUNDING * of_seeds.max().abs()).all())
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
