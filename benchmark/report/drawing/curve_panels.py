"""What panels of curves are made of: means over labelled images, their spread, the full-data line, axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.report.drawing.axis_range import window
from benchmark.report.drawing.emphasis import Emphasis
from benchmark.report.drawing.legend import FEW_SEEDS, THIN
from benchmark.report.drawing.paper_style import FIELD_COLOUR, FULL_DATA_COLOUR, FULL_DATA_DASH, MARKER_EDGE
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.results.metrics import Metrics
from benchmark.report.statistics.intervals import CELL, summarise, t_interval
from benchmark.report.strategy_styles import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Opacity of an interval.
BAND = 0.13
#: Inches of a letter beside an axis.
TICK_LETTER = 0.06
#: The share of an axis that its first and last value stand apart: the rest is margin.
INSIDE = 0.9
#: What budgets are shares of, as an axis says it.
IMAGES = "Labelled images (%)"
CSV_COLUMNS = ["dataset", "strategy", "seed", "labelled", "share", "task", "metric", "value"]


def with_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Every seed's value beside the mean of its cell and its interval: what a panel draws."""
    return rows[CSV_COLUMNS].merge(summarise(rows), on=CELL)


def with_drawn(numbers: pd.DataFrame, shown: Emphasis) -> pd.DataFrame:
    """With what is drawn of each strategy beside its mean: the interval, its seeds, or nothing."""
    seeds = int(numbers["seed"].nunique())
    what = "" if seeds == 1 else "seeds" if seeds <= FEW_SEEDS else "interval"
    spread = {*shown.spread, FULL_DATA}
    return numbers.assign(drawn=[what if name in spread else "" for name in numbers["strategy"]])


def panel(
    ax: Axes, numbers: pd.DataFrame, look: Mapping[str, Look], shown: Emphasis, metrics: Metrics
) -> None:
    """Curves of one metric with what ``drawn`` says, and the line of the network trained on everything."""
    is_full = numbers["strategy"] == FULL_DATA
    curves = numbers.assign(percent=100 * numbers["share"])[~is_full]
    several = curves["seed"].nunique() > 1
    for name, rows in curves.groupby("strategy"):
        plain = name not in shown.spread
        if plain and shown.field:
            field_line(ax, rows)
        else:
            _curve(ax, rows, look[str(name)], thin=plain and several)
    for name, rows in curves[curves["drawn"] != ""].groupby("strategy"):
        spread(ax, rows, look[str(name)])
    full_data_line(ax, numbers[is_full])
    axes(ax, numbers, metrics)


def field_line(ax: Axes, rows: pd.DataFrame) -> None:
    """A strategy's means as part of a grey field that others stand before."""
    cells = rows.drop_duplicates(CELL)
    ax.plot(cells["percent"], cells["mean"], color=FIELD_COLOUR, linewidth=0.8, marker="", zorder=1.6)


def _curve(ax: Axes, rows: pd.DataFrame, look: Look, thin: bool) -> None:
    style: dict[str, Any] = {"linewidth": THIN, "markersize": 2.0, "zorder": 1.8} if thin else {}
    line(ax, rows.drop_duplicates(CELL), look, **style)


def spread(ax: Axes, rows: pd.DataFrame, look: Look) -> None:
    """The interval as a band; every seed where there are few."""
    drawn = rows["drawn"].iloc[0]
    if drawn == "interval":
        band = rows.drop_duplicates(CELL).dropna(subset="low")
        limits = band["percent"], band["low"], band["high"]
        ax.fill_between(*limits, color=look.colour, alpha=BAND, linewidth=0)
    if drawn == "seeds":
        for _, curve in rows.groupby("seed"):
            ax.plot(
                curve["percent"], curve["value"], color=look.colour, linewidth=THIN, alpha=0.6, zorder=1.7
            )


def line(ax: Axes, curve: pd.DataFrame, look: Look, **more: Any) -> None:
    """Means over percent of labels; seaborn's lineplot takes ten times as long for the same line."""
    (drawn,) = ax.plot(curve["percent"], curve["mean"], color=look.colour, marker=look.marker, **more)
    drawn.set(dashes=look.dash, markeredgecolor="white", markeredgewidth=MARKER_EDGE)


def full_data_line(ax: Axes, rows: pd.DataFrame) -> None:
    """The mean of the network trained on everything, and its interval or seeds if they are drawn."""
    if rows.empty:
        return
    mean, low, high = t_interval(list(rows["value"]))
    drawn = str(rows["drawn"].iloc[0])
    ax.axhline(mean, color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, zorder=1.5)
    if drawn == "interval" and math.isfinite(low):
        ax.axhspan(low, high, color=FULL_DATA_COLOUR, alpha=BAND, linewidth=0, zorder=1)
    for value in rows["value"] if drawn == "seeds" else ():
        ax.axhline(value, color=FULL_DATA_COLOUR, linewidth=THIN, alpha=0.6, zorder=1.4)


def axes(ax: Axes, numbers: pd.DataFrame, metrics: Metrics, of: str | None = None) -> None:
    """Labels, budgets, and the range of values of what is drawn; ``of`` is the strategy of a panel of one."""
    task, name = numbers[["task", "metric"]].iloc[0]
    label = "Total validation loss" if (task, name) == TOTAL_LOSS else metrics[name].label
    ax.set_ylabel(label + metrics[name].arrow)
    budget_ticks(ax, sorted(set(100 * numbers.loc[numbers["strategy"] != FULL_DATA, "share"])))
    shown = window(numbers, of)
    if shown.values:
        ax.set_ylim(shown.limits)
    if shown.beyond:
        _note_of_first(ax, *shown.beyond)


def _note_of_first(ax: Axes, percent: float, mean: float) -> None:
    """Where the shared first budget is beyond the axes, its value stands at their edge."""
    low, high = ax.get_ylim()
    up = mean > high
    ax.annotate(
        f"{mean:.3g} {'↑' if up else '↓'}",
        (percent, high if up else low),
        (2, -1 if up else 1),
        textcoords="offset points",
        ha="left",
        va="top" if up else "bottom",
        fontsize=5.5,
        color="#555555",
        bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 0.5},  # curves may pass behind it
    )


def budget_ticks(ax: Axes, budgets: list[float], of: str = IMAGES) -> None:
    """A tick at every budget (%), and as many of them labelled as there is room for."""
    ax.set_xlabel(of)
    inches = ax.get_window_extent().width / ax.figure.dpi
    ax.set_xticks(budgets, list(_labels_with_room(budgets, inches)))


def _labels_with_room(budgets: Sequence[float], inches: float) -> Iterator[str]:
    """The labels of ticks in rising order; empty where one would touch the last before it."""
    apart = INSIDE * inches / (max(budgets, default=0) - min(budgets, default=0) or 1)
    free = -math.inf
    for share in budgets:
        label = f"{share:.3g}"
        half, at = TICK_LETTER * (len(label) + 1) / 2, apart * share
        fits = at - half >= free
        free = at + half if fits else free
        yield label if fits else ""
