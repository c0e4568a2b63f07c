"""Figures of strategies against strategies: who beats whom, and who chooses the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.statistics.penalty_matrix import MEAN
from benchmark.report.tables.matrix_tables import Matrix, overlaps, penalties

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More strategies take two columns of a paper.
IN_ONE_COLUMN = 8
#: Inches between rows, and of the numbers of the columns.
ROW_GAP, AXIS = 0.11, 0.25


def penalty(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the penalty matrix by their ending; none with too little to compare."""
    return _render(penalties(subject), subject, paper)


def overlap(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the overlap of selections by their ending; none without two selections."""
    return _render(overlaps(subject), subject, paper)


def _render(found: Matrix | None, subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    if found is None:
        return {}
    paper = paper.over(2) if len(found.names) > IN_ONE_COLUMN else paper

    def draw(figure: Figure) -> None:
        _heat(figure.subplots(), found, subject)

    lines = max(label.count("\n") + 1 for label in strategy_rows.labels(subject, found.names))
    height = len(found.values) * (strategy_rows.LINE * lines + ROW_GAP) + AXIS
    return picture(found.long(), paper, height, draw, found.short)


def _heat(ax: Axes, found: Matrix, subject: DatasetResults) -> None:
    import seaborn

    labels, numbers = strategy_rows.labels(subject, found.names), list(found.numbers.values())
    numbered = [f"{label} {number}" for label, number in zip(labels, numbers, strict=True)]
    seaborn.heatmap(
        found.values,
        annot=True,
        fmt=".2f",
        annot_kws={"fontsize": 6 if len(labels) <= 2 * IN_ONE_COLUMN else 4},
        cmap="Blues",
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=0.5,
        linecolor="white",
        xticklabels=numbers,
        yticklabels=[*numbered, "mean"][: len(found.values)],
        ax=ax,
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0, rotation=0)
    ax.grid(visible=False)
    if found.values.index[-1] == MEAN:
        ax.axhline(len(labels), color="white", linewidth=3)
