"""Figures: loss and metrics over the share of labelled images, each with the numbers it was drawn from."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.legend import FEW_SEEDS, Legend
from benchmark.report.load import FULL_DATA, TOTAL_LOSS, Results
from benchmark.report.metrics import in_order, metric
from benchmark.report.statistics import CELL, summarise, t_interval
from benchmark.report.style import (
    FULL_DATA_COLOUR,
    FULL_DATA_DASH,
    MARKER_EDGE,
    Columns,
    Look,
    looks,
    paper_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS_PER_ROW = 4
#: Inches, in a figure of one and of two columns.
PANEL_HEIGHT: dict[Columns, float] = {1: 2.1, 2: 1.6}
#: Inches of a letter beside an axis.
TICK_LETTER = 0.06
#: Without dates, or no file would be the same twice.
METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}
CSV_COLUMNS = ["dataset", "strategy", "seed", "labelled", "share", "task", "metric", "value"]


def render(results: Results) -> dict[str, bytes]:
    """The files of all figures by their path within the results folder."""
    look = looks(results.strategies)
    files: dict[str, bytes] = {}
    for dataset in results.datasets:
        suffix = f"@{file_name(dataset)}" if len(results.datasets) > 1 else ""
        for name, rows in _subjects(results.of(dataset).dropna(subset="value")).items():
            for kind, content in _figure(rows, look, results.references).items():
                files[f"figures/{name}{suffix}.{kind}"] = content
    return files


def file_name(name: str) -> str:
    """A name as a part of a file name: different names stay different, none leaves its folder."""
    return quote(name, safe="").replace(".", "%2E")


def _subjects(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each figure by its name: the total loss, then a figure a task."""
    task, loss = TOTAL_LOSS
    is_headline = (rows["task"] == task) & (rows["metric"] == loss)
    tasks = {f"task_{file_name(str(name))}": part for name, part in rows[~is_headline].groupby("task")}
    headline = {"total_loss": rows[is_headline]} if is_headline.any() else {}
    return headline | tasks


def _figure(rows: pd.DataFrame, look: Mapping[str, Look], references: AbstractSet[str]) -> dict[str, bytes]:
    figure_csv = rows[CSV_COLUMNS].merge(summarise(rows), on=CELL)
    return {
        "csv": figure_csv.to_csv(index=False, lineterminator="\n").encode(),
        **_drawn(rows, look, references),
    }


def _drawn(rows: pd.DataFrame, look: Mapping[str, Look], references: AbstractSet[str]) -> dict[str, bytes]:
    """The figure in all formats: one panel a metric, the legend below."""
    shown = {name: one for name, one in look.items() if name in set(rows["strategy"])}
    panels = in_order(set(rows["metric"]))
    columns: Columns = 1 if len(panels) == 1 else 2
    lines = math.ceil(len(panels) / PANELS_PER_ROW)
    legend = Legend(rows, shown, columns, references)
    with paper_style(columns, lines * PANEL_HEIGHT[columns] + legend.height):
        figure = Figure()
        axes = figure.subplots(lines, math.ceil(len(panels) / lines), squeeze=False).flatten()
        for ax, name in zip(axes, panels, strict=False):
            _panel(ax, rows[rows["metric"] == name], shown)
        for ax in axes[len(panels) :]:
            ax.remove()
        legend.draw(figure)
        return {kind: _saved(figure, kind) for kind in METADATA}


def _panel(ax: Axes, rows: pd.DataFrame, look: Mapping[str, Look]) -> None:
    is_full = rows["strategy"] == FULL_DATA
    curves = rows.assign(percent=100 * rows["share"])[~is_full]
    if not curves.empty:
        _curves(ax, curves, look)
    _full_data_line(ax, list(rows.loc[is_full, "value"]), _band_alpha(rows))
    if _few(rows) and rows["seed"].nunique() > 1:
        _single_seeds(ax, curves, look)
    _axes(ax, rows)


def _curves(ax: Axes, curves: pd.DataFrame, look: Mapping[str, Look]) -> None:
    import seaborn

    seaborn.lineplot(
        curves,
        x="percent",
        y="value",
        hue="strategy",
        style="strategy",
        hue_order=list(look),
        style_order=list(look),
        palette={name: one.colour for name, one in look.items()},
        dashes={name: one.dash for name, one in look.items()},
        markers={name: one.marker for name, one in look.items()},
        markeredgewidth=MARKER_EDGE,
        errorbar=_limits,
        err_kws={"alpha": _band_alpha(curves), "linewidth": 0},
        legend=False,
        ax=ax,
    )


def _limits(values: Sequence[float]) -> tuple[float, float]:
    return t_interval(values)[1:]


def _few(rows: pd.DataFrame) -> bool:
    return int(rows["seed"].nunique()) <= FEW_SEEDS


def _band_alpha(rows: pd.DataFrame) -> float:
    """Intervals of few seeds are so wide that they lie over each other."""
    return 0.06 if _few(rows) else 0.13


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
    ax.set_xlabel("Labelled images (%)")
    _budget_ticks(ax, sorted(set(100 * rows.loc[rows["strategy"] != FULL_DATA, "share"])))
    if _few(rows):
        low, high = rows["value"].min(), rows["value"].max()
        margin = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
        ax.set_ylim(low - margin, high + margin)


def _budget_ticks(ax: Axes, budgets: list[float]) -> None:
    """A tick at every budget, and as many of them labelled as there is room for."""
    inches = ax.get_window_extent().width / ax.figure.dpi
    labels = [f"{share:.3g}" for share in budgets]
    step = max(1, math.ceil(sum(TICK_LETTER * (len(label) + 1) for label in labels) / inches))
    ax.set_xticks(budgets, [label if place % step == 0 else "" for place, label in enumerate(labels)])


def _saved(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=METADATA[kind])
    return buffer.getvalue()
