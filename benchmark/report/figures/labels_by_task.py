"""Figure: how many labels of each task every strategy had bought at each price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.curve_panels import budget_ticks, line
from benchmark.report.drawing.legend import LINE
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures.loss_curves import BESIDE_OTHERS, PANELS_PER_ROW
from benchmark.report.labels.bought import bought, tasks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Names side by side in the legend.
COLUMNS = 3


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none of a study without prices."""
    if not subject.is_priced or not subject.evidence.budgets:
        return {}
    table, tasks = bought(subject), tasks_of(subject)
    table = table[table["strategy"].isin(subject.order)]
    numbers = table.groupby(["dataset", "strategy", "task", "labelled"], as_index=False)["labels"].mean()
    numbers = numbers.rename(columns={"labels": "mean"})
    numbers = numbers.assign(percent=100 * numbers["labelled"] / subject.evidence.pool)
    rows, across = math.ceil(len(tasks) / PANELS_PER_ROW), math.ceil(numbers["strategy"].nunique() / COLUMNS)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(rows, math.ceil(len(tasks) / rows), squeeze=False).flatten()
        for ax, task in zip(axes, tasks, strict=False):
            _panel(ax, numbers[numbers["task"] == task], subject, task)
        for ax in axes[len(tasks) :]:
            ax.remove()
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=COLUMNS)

    height = rows * BESIDE_OTHERS + across * LINE
    return picture(numbers, paper.over(2), height, draw, _caption(subject), fine=True)


def _panel(ax: Axes, numbers: pd.DataFrame, subject: DatasetResults, task: str) -> None:
    for name, curve in numbers.groupby("strategy"):
        line(ax, curve, subject.look[str(name)], label=subject.label(str(name)))
    budget_ticks(ax, sorted(set(numbers["percent"])), subject.budget_axis)
    ax.set_title(task)
    ax.set_ylabel("Labels")


def _caption(subject: DatasetResults) -> str:
    return f"{subject.dataset}: labels of each task that were bought, mean over {subject.seeds}"
