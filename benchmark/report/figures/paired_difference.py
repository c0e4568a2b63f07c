"""Figure: what each strategy gains over random at every budget, paired by seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import close_up, picture
from benchmark.report.figures.curves import ALONE, budget_ticks, few, line, with_means
from benchmark.report.legend import Legend
from benchmark.report.load import FULL_DATA
from benchmark.report.reference import RANDOM
from benchmark.report.statistics import CELL
from benchmark.report.style import Columns, Look
from benchmark.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR = ["dataset", "seed", "labelled"]
#: What the strategies take of the way from one budget to the next, side by side.
SPREAD = 0.5


def render(subject: Subject, columns: Columns) -> dict[str, bytes]:
    """The files of the figure by their ending; none without random, or without another strategy."""
    rows = minus_random(subject.losses)
    if rows.empty:
        return {}
    numbers = with_means(rows)
    look = {name: subject.look[name] for name in subject.order if name in set(rows["strategy"])}
    legend = Legend(rows, look, columns, subject.results.references)

    def draw(figure: Figure) -> None:
        _panel(figure.subplots(), numbers, look)
        legend.draw(figure)

    return picture(numbers, columns, ALONE[columns] + legend.height, draw)


def minus_random(losses: pd.DataFrame) -> pd.DataFrame:
    """The same rows with what each loss is above random's of the same data set, seed and budget.

    Rows without such a loss of random are left out, as are random and the network trained on everything.
    """
    is_random = losses["strategy"] == RANDOM
    random = losses[is_random].set_index(PAIR)["value"].rename("of_random")
    others = losses[~is_random & (losses["strategy"] != FULL_DATA)]
    paired = others.join(random, on=PAIR, how="inner")
    return paired.assign(value=paired["value"] - paired["of_random"]).drop(columns="of_random")


def _panel(ax: Axes, numbers: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Side by side at every budget: intervals of several strategies would hide each other."""
    ax.axhline(0, color="black", linewidth=0.8, zorder=1.5)
    budgets = sorted(set(100 * numbers["share"]))
    for (name, one), shift in zip(look.items(), _shifts(budgets, len(look)), strict=True):
        rows = numbers[numbers["strategy"] == name]
        _strategy(ax, rows.assign(percent=100 * rows["share"] + shift), one, few(numbers))
    if few(numbers):
        close_up(ax, "y", [0.0, *numbers["value"]])
    budget_ticks(ax, budgets)
    ax.set_ylabel("Total validation loss\nminus that of random ↓")


def _shifts(budgets: list[float], strategies: int) -> list[float]:
    """Percent of labels by which each strategy stands beside the budget."""
    step = SPREAD * float(min(np.diff(budgets), default=1.0)) / max(strategies - 1, 1)
    return [step * (place - (strategies - 1) / 2) for place in range(strategies)]


def _strategy(ax: Axes, rows: pd.DataFrame, look: Look, single_seeds: bool) -> None:
    cells = rows.drop_duplicates(CELL)
    ax.vlines(cells["percent"], cells["low"], cells["high"], color=look.colour, linewidth=0.9, alpha=0.7)
    line(ax, cells, look, linewidth=0.8)
    if single_seeds and rows["seed"].nunique() > 1:
        ax.scatter(rows["percent"], rows["value"], s=20, marker="_", color=look.colour, linewidth=0.8)
