"""Figures of curves: loss and metrics over the share of labelled images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import close_up, file_name, picture
from benchmark.report.figures.emphasis import emphasised
from benchmark.report.legend import FEW_SEEDS, SEEDS_FOR_A_BAND, THIN, Legend
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
    spread = emphasised(subject)
    return {
        name: _figure(part, subject.look, references, spread, columns) for name, part in _parts(rows).items()
    }


def _parts(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each figure by its name: the total loss, then a figure a task."""
    task, loss = TOTAL_LOSS
    is_headline = (rows["task"] == task) & (rows["metric"] == loss)
    tasks = {f"task_{file_name(str(name))}": part for name, part in rows[~is_headline].groupby("task")}
    headline = {"total_loss": rows[is_headline]} if is_headline.any() else {}
    return headline | tasks


def _figure(
    rows: pd.DataFrame,
    look: Mapping[str, Look],
    references: AbstractSet[str],
    spread: AbstractSet[str],
    columns: Columns,
) -> dict[str, bytes]:
    """One panel a metric, the legend below."""
    numbers = _with_drawn(with_means(rows), spread)
    panels = in_order(set(rows["metric"]))
    if len(panels) > 1:
        columns = 2
    lines = math.ceil(len(panels) / PANELS_PER_ROW)
    legend = Legend(rows, shown(look, rows), columns, references, spread)

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


def _with_drawn(numbers: pd.DataFrame, spread: AbstractSet[str]) -> pd.DataFrame:
    """With what is drawn of each strategy beside its mean: the interval, its seeds, both, or nothing."""
    seeds = int(numbers["seed"].nunique())
    what = "" if seeds == 1 else "seeds" if seeds < SEEDS_FOR_A_BAND else "interval"
    if seeds == SEEDS_FOR_A_BAND:
        what = "interval and seeds"
    return numbers.assign(drawn=[what if n in {*spread, FULL_DATA} else "" for n in numbers["strategy"]])


def shown(look: Mapping[str, Look], rows: pd.DataFrame) -> dict[str, Look]:
    """The looks of the strategies that these rows hold."""
    names = set(rows["strategy"])
    return {name: one for name, one in look.items() if name in names}


def panel(ax: Axes, numbers: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Curves of one metric with what ``drawn`` says, and the line of the network trained on everything."""
    is_full = numbers["strategy"] == FULL_DATA
    curves = numbers.assign(percent=100 * numbers["share"])[~is_full]
    for name, rows in curves.groupby("strategy"):
        _curve(ax, rows, look[str(name)], thin=not rows["drawn"].any() and curves["drawn"].any())
    for name, rows in curves[curves["drawn"] != ""].groupby("strategy"):
        _spread(ax, rows, look[str(name)])
    _full_data_line(ax, numbers[is_full])
    _axes(ax, numbers)


def _curve(ax: Axes, rows: pd.DataFrame, look: Look, thin: bool) -> None:
    style: dict[str, Any] = {"linewidth": THIN, "markersize": 2.0, "zorder": 1.8} if thin else {}
    line(ax, rows.drop_duplicates(CELL), look, **style)


def _spread(ax: Axes, rows: pd.DataFrame, look: Look) -> None:
    """The interval as a band; every seed where there are few."""
    drawn = rows["drawn"].iloc[0]
    if "interval" in drawn:
        band = rows.drop_duplicates(CELL).dropna(subset="low")
        limits = band["percent"], band["low"], band["high"]
        ax.fill_between(*limits, color=look.colour, alpha=_band_alpha(drawn), linewidth=0)
    if drawn == "seeds":
        for _, curve in rows.groupby("seed"):
            ax.plot(
                curve["percent"], curve["value"], color=look.colour, linewidth=THIN, alpha=0.6, zorder=1.7
            )
    elif "seeds" in drawn:
        ax.scatter(rows["percent"], rows["value"], s=40, marker="_", color=look.colour, linewidth=0.6)


def line(ax: Axes, curve: pd.DataFrame, look: Look, **more: Any) -> None:
    """Means over percent of labels; seaborn's lineplot takes ten times as long for the same line."""
    (drawn,) = ax.plot(curve["percent"], curve["mean"], color=look.colour, marker=look.marker, **more)
    drawn.set(dashes=look.dash, markeredgecolor="white", markeredgewidth=MARKER_EDGE)


def few(rows: pd.DataFrame) -> bool:
    """Whether each seed is drawn, and the axes show the seeds rather than their wide intervals."""
    return int(rows["seed"].nunique()) <= FEW_SEEDS


def _band_alpha(drawn: str) -> float:
    """Intervals of few seeds are so wide that they lie over each other."""
    return 0.06 if "seeds" in drawn else 0.13


def _full_data_line(ax: Axes, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    mean, low, high = t_interval(list(rows["value"]))
    drawn = str(rows["drawn"].iloc[0])
    ax.axhline(mean, color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, zorder=1.5)
    if "interval" in drawn and math.isfinite(low):
        ax.axhspan(low, high, color=FULL_DATA_COLOUR, alpha=_band_alpha(drawn), linewidth=0, zorder=1)
    for value in rows["value"] if drawn == "seeds" else ():
        ax.axhline(value, color=FULL_DATA_COLOUR, linewidth=THIN, alpha=0.6, zorder=1.4)


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
