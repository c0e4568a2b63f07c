"""Figure: delta MTL of every task, and of their mean, at the last budget."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.paper_style import FULL_DATA_COLOUR, FULL_DATA_DASH, Paper
from benchmark.report.statistics.intervals import over_seeds
from benchmark.report.tables.delta_mtl_table import CELL, at_last_budget, caption, tasks_of

#: Few strategies leave room for panels below each other.
FEW, PANELS_PER_ROW = 6, 3


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none where delta MTL is not defined."""
    values = at_last_budget(subject)
    if values.empty:
        return {}
    numbers = values.merge(over_seeds(values, CELL), on=CELL)
    names = [name for name in subject.order if name in set(numbers["strategy"])]
    lines = math.ceil(len(tasks_of(subject)) / PANELS_PER_ROW) if len(names) <= FEW else 1

    def draw(figure: Figure) -> None:
        _panels(figure, numbers, subject, names, lines)

    height = lines * strategy_rows.height(subject, names, lines)
    return picture(numbers, paper.over(2), height, draw, caption(subject), fine=True)


def _panels(
    figure: Figure, numbers: pd.DataFrame, subject: DatasetResults, names: list[str], lines: int
) -> None:
    tasks = tasks_of(subject)
    grid = figure.subplots(lines, math.ceil(len(tasks) / lines), squeeze=False)
    axes = grid.flatten()
    for ax, task in zip(axes, tasks, strict=False):
        of_task = numbers[numbers["task"] == task]
        ax.axvline(0, color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, zorder=1.5)
        if not of_task.empty:
            strategy_rows.dots(ax, of_task, subject, names, also=[0.0])
        strategy_rows.set_rows(ax, subject, names, named=ax in grid[:, 0], lines=lines)
        ax.locator_params(axis="x", nbins=4 if lines > 1 else 3)
        ax.set_xlabel(f"{task} (%) ↑")
    for ax in axes[len(tasks) :]:
        ax.remove()
