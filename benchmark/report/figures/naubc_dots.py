"""Figure: the headline number of every trajectory, strategies sorted by its mean."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.legend import FEW_SEEDS
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.statistics.intervals import over_seeds


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none without a trajectory that has all budgets."""
    numbers = areas(subject)
    if numbers.empty:
        return {}
    names = [name for name in subject.order if name in set(numbers["strategy"])]

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        strategy_rows.dots(ax, numbers, subject, names)
        strategy_rows.set_rows(ax, subject, names)
        ax.set_xlabel("NAUBC of the total validation loss ↓")

    return picture(numbers, paper, strategy_rows.height(subject, names), draw, caption(subject))


def areas(subject: DatasetResults) -> pd.DataFrame:
    """The area of every whole trajectory beside its strategy's mean and t interval."""
    values = subject.evidence.naubc.rename(columns={"naubc": "value"}).dropna(subset="value")
    return values.merge(over_seeds(values, ["dataset", "strategy"]), on=["dataset", "strategy"])


def caption(subject: DatasetResults) -> str:
    """What the marks are."""
    seeds = len(subject.evidence.seeds)
    if seeds == 1:
        return f"{subject.dataset}: one seed, no interval"
    cut = ", cut at the axes" if seeds <= FEW_SEEDS else ""
    return f"{subject.dataset}: {seeds} seeds (ticks), mean and 95 % t interval{cut}"
