"""The best constant prediction in a panel of curves: a dotted line, or a note where it is beyond the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from benchmark.records.round_store import CONSTANT
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.curve_panels import with_means
from benchmark.report.drawing.paper_style import FULL_DATA_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def constant_rows(subject: DatasetResults, numbers: pd.DataFrame) -> pd.DataFrame:
    """The constant's values of the metrics that a figure's numbers hold, and what is drawn of them."""
    rows = subject.results.constants(subject.dataset).dropna(subset="value")
    shown = numbers[["task", "metric"]].drop_duplicates()
    return with_means(rows.merge(shown, on=list(shown))).assign(drawn="line")


def constant_line(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean of one metric's rows within the axes as they are; nothing without rows."""
    if rows.empty:
        return
    mean, (low, high) = float(rows["mean"].iloc[0]), ax.get_ylim()
    if low <= mean <= high:
        ax.axhline(mean, color=FULL_DATA_COLOUR, linewidth=0.8, linestyle=":", zorder=1.5)
    level, above = min(max(mean, low), high), mean > (low + high) / 2
    arrow = "" if low <= mean <= high else " ↑" if above else " ↓"
    ax.annotate(
        f"{CONSTANT} {mean:.3g}{arrow}",
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(0, -1.5 if above else 1.5),
        textcoords="offset points",
        ha="right",
        va="top" if above else "bottom",
        fontsize=5.5,
        color=FULL_DATA_COLOUR,
    )
