"""Figure: seconds a round, all of it and what choosing adds to the training that every strategy needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.tables.cost_table import STAGE_NAMES, caption, costs_of, is_of_processor
from benchmark.report.tables.costs import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Not those of any strategy.
COLOURS = {"train": "#c8c8c8", "evaluate": "#8f8f8f", "observe": "#77aadd", "select": "#ee8866"}
CHOOSING = ("observe", "select")
LEGEND_HEIGHT = 0.3


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none where no round says what it cost."""
    spent = costs_of(subject)
    names = [name for name in subject.order if name in set(spent["strategy"])]
    if not names:
        return {}
    means = spent.groupby("strategy")[list(STAGES)].mean().loc[names].fillna(0)

    def draw(figure: Figure) -> None:
        whole, choosing = figure.subplots(1, 2)
        _bars(whole, means, STAGES, subject)
        _bars(choosing, means, CHOOSING, subject, named=False)
        figure.legend(*whole.get_legend_handles_labels(), loc="outside upper center", ncols=4, handlelength=1)

    height = strategy_rows.height(subject, names) + LEGEND_HEIGHT
    return picture(_numbers(spent), paper, height, draw, caption(subject))


def _bars(
    ax: Axes, means: pd.DataFrame, stages: Sequence[str], subject: DatasetResults, named: bool = True
) -> None:
    """Stages on end to end, on a linear scale: lengths on a logarithmic one would not add up."""
    left = pd.Series(0.0, index=means.index)
    for stage in stages:
        name, colour = STAGE_NAMES[stage], COLOURS[stage]
        ax.barh(range(len(means)), means[stage], left=left, height=0.65, color=colour, label=name)
        left = left + means[stage]
    for row, total in enumerate(left):
        ax.annotate(f"{total:.3g}", (total, row), (2, 0), textcoords="offset points", va="center", fontsize=6)
    ax.margins(x=0.3)
    strategy_rows.set_rows(ax, subject, list(means.index), named)
    kind = "Processor seconds" if is_of_processor(subject) else "Seconds"
    ax.set_xlabel(f"{kind} a round" if named else "for choosing")


def _numbers(spent: pd.DataFrame) -> pd.DataFrame:
    """Every round's seconds beside the mean that is drawn."""
    key = [column for column in spent if column not in (*STAGES, "peak_memory_mb")]
    long = spent.melt(key, list(STAGES), var_name="stage", value_name="seconds").dropna(subset="seconds")
    mean = long.groupby(["strategy", "stage"])["seconds"].transform("mean")
    return long.assign(mean=mean)
