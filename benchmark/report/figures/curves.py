"""Figures of curves: loss and metrics over the share of labelled images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import close_up, file_name, picture
from benchmark.report.legend import FEW_SEEDS, Legend
from benchmark.report.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.metrics import in_order, metric
from benchmark.report.statistics import CELL, summarise, t_interval
from benchmark.report.style import FULL_DATA_COLOUR, FULL_DATA_DASH, MARKER_EDGE, Columns, Look
from benchmark.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS_PER_ROW = 4
#: Inches of a panel alone in one and in two columns, and beside others.
ALONE: dict[Columns, float] = {1: 2.1, 2: 2.8}
BESIDE_OTHERS = 1.6
#: Inches of a letter beside an axis.
TICK_LETTER = 0.06
CSV_COLUMNS = ["dataset", "strategy", "seed", "labelled", "share", "task", "metric", "value"]


def render(subject: Subject, columns: Columns) -> dict[str, dict[str, bytes]]:
    """The files of the total loss and of each task, by figure and ending."""
    rows = subject.results.of(subject.dataset).dropna(subset="value")
    references = subject.results.references
    return {name: _figure(part, subject.look, references, columns) for name, part in _parts(rows).items()}


def _parts(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each figure by its name: the total loss, then a figure a task."""
    task, loss = TOTAL_LOSS
    is_headline = (rows["task"] == task) & (rows["metric"] == loss)
    tasks = {f"task_{file_name(str(name))}": part for name, part in rows[~is_headline].groupby("task")}
    headline = {"total_loss": rows[is_headline]} if is_headline.any() else {}
    return headline | tasks


def _figure(
    rows: pd.DataFrame, look: Mapping[str, Look], references: AbstractSet[str], columns: Columns
) -> dict[str, bytes]:
    """One panel a metric, the legend below."""
    numbers = with_means(rows)
    panels = in_order(set(rows["metric"]))
    if len(panels) > 1:
        columns = 2
    lines = math.ceil(len(panels) / PANELS_PER_ROW)
    legend = Legend(rows, shown(look, rows), columns, references)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(lines, math.ceil(len(panels) / lines), squeeze=False).flatten()
        for ax, name in zip(axes, panels, strict=False):
            panel(ax, numbers[numbers["metric"] == name], legend.look)
        for ax in axes[len(panels) :]:
            ax.remove()
        legend.draw(figure)

    height = BESIDE_OTHERS if len(panels) > 1 else ALONE[columns]
    return picture(numbers, columns, lines * height + legend.height, draw, fine=len(panels) > 1)


def with_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Every seed's value beside the mean of its cell and its interval: what a panel draws."""
    return rows[CSV_COLUMNS].merge(summarise(rows), on=CELL)


def shown(look: Mapping[str, Look], rows: pd.DataFrame) -> dict[str, Look]:
    """The looks of the strategies that these rows hold."""
    names = set(rows["strategy"])
    return {name: one for name, one in look.items() if name in names}


def panel(ax: Axes, numbers: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Curves of one metric with their intervals, and the line of the network trained on everything."""
    is_full = numbers["strategy"] == FULL_DATA
    curves = numbers.assign(percent=100 * numbers["share"])[~is_full]
    if not curves.empty:
        _curves(ax, curves.drop_duplicates(CELL), look, _band_alpha(numbers))
    _full_data_line(ax, list(numbers.loc[is_full, "value"]), _band_alpha(numbers))
    if few(numbers) and numbers["seed"].nunique() > 1:
        _single_seeds(ax, curves, look)
    _axes(ax, numbers)


def _curves(ax: Axes, cells: pd.DataFrame, look: Mapping[str, Look], alpha: float) -> None:
    for name, curve in cells.groupby("strategy"):
        one, band = look[str(name)], curve.dropna(subset="low")
        line(ax, curve, one)
        ax.fill_between(
            band["percent"], band["low"], band["high"], color=one.colour, alpha=alpha, linewidth=0
        )


def line(ax: Axes, curve: pd.DataFrame, look: Look, **more: Any) -> None:
    """Means over percent of labels; seaborn's lineplot takes ten times as long for the same line."""
    (drawn,) = ax.plot(curve["percent"], curve["mean"], color=look.colour, marker=look.marker, **more)
    drawn.set(dashes=look.dash, markeredgecolor="white", markeredgewidth=MARKER_EDGE)


def few(rows: pd.DataFrame) -> bool:
    """Whether each seed is drawn, and the axes show the seeds rather than their wide intervals."""
    return int(rows["seed"].nunique()) <= FEW_SEEDS


def _band_alpha(rows: pd.DataFrame) -> float:
    """Intervals of few seeds are so wide that they lie over each other."""
    return 0.06 if few(rows) else 0.13


def _full_data_line(ax: Axes, values: list[float], alpha: float) -> None:
    if not values:
        return
    mean, low, high = t_interval(values)
    ax.axhline(mean, color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, zorder=1.5)
    if math.isfinite(low):
        ax.axhspan(low, high, color=FULL_DATA_COLOUR, alpha=alpha, linewidth=0, zorder=1)


def _single_seeds(ax: Axes, curves: pd.DataFrame, look: Mapping[str, Look]) -> None:
    for name, rows in curves.groupby("strategy"):
        ax.scatter(
            rows["percent"], rows["value"], s=40, marker="_", color=look[str(name)].colour, linewidth=0.6
        )


def _axes(ax: Axes, rows: pd.DataFrame) -> None:
    task, name = rows[["task", "metric"]].iloc[0]
    label = "Total validation loss" if (task, name) == TOTAL_LOSS else metric(name).label
    ax.set_ylabel(label + metric(name).arrow)
    budget_ticks(ax, sorted(set(100 * rows.loc[rows["strategy"] != FULL_DATA, "share"])))
    if few(rows):
        close_up(ax, "y", list(rows["value"]))


def budget_ticks(ax: Axes, budgets: list[float]) -> None:
    """A tick at every budget (%), and as many of them labelled as there is room for."""
    ax.set_xlabel("Labelled images (%)")
    inches = ax.get_window_extent().width / ax.figure.dpi
    labels = [f"{share:.3g}" for share in budgets]
    step = max(1, math.ceil(sum(TICK_LETTER * (len(label) + 1) for label in labels) / inches))
    ax.set_xticks(budgets, [label if place % step == 0 else "" for place, label in enumerate(labels)])
