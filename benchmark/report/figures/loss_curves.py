"""Figures of curves: loss and metrics over the share of labelled images."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.axis_range import said
from benchmark.report.drawing.canvas import file_name, picture
from benchmark.report.drawing.constant_line import constant_line, constant_rows
from benchmark.report.drawing.curve_panels import panel, with_drawn, with_means
from benchmark.report.drawing.emphasis import Emphasis, emphasis
from benchmark.report.drawing.legend import Legend
from benchmark.report.drawing.paper_style import Columns, Paper
from benchmark.report.figures import small_multiples
from benchmark.report.results.load import TOTAL_LOSS
from benchmark.report.results.metrics import in_order
from benchmark.report.strategy_styles import Look

TOTAL = "total_loss"
PANELS_PER_ROW = 4
#: Inches of a panel alone in one and in two columns, and beside others.
ALONE: dict[Columns, float] = {1: 2.1, 2: 2.8}
BESIDE_OTHERS = 1.6


def render(subject: DatasetResults, paper: Paper) -> dict[str, dict[str, bytes]]:
    """The files of the total loss and of each task, by figure and ending."""
    rows = subject.results.of(subject.dataset).dropna(subset="value")
    shown = emphasis(subject)
    figures = {}
    for name, part in _parts(rows).items():
        draw = small_multiples.figure if shown.field and name == TOTAL else _figure
        figures[name] = draw(subject, with_drawn(with_means(part), shown), shown, paper)
    return figures


def _parts(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each figure by its name: the total loss, then a figure a task."""
    task, loss = TOTAL_LOSS
    is_headline = (rows["task"] == task) & (rows["metric"] == loss)
    tasks = {f"task_{file_name(str(name))}": part for name, part in rows[~is_headline].groupby("task")}
    headline = {TOTAL: rows[is_headline]} if is_headline.any() else {}
    return headline | tasks


def _figure(
    subject: DatasetResults, numbers: pd.DataFrame, shown: Emphasis, paper: Paper
) -> dict[str, bytes]:
    """One panel a metric, the legend below."""
    panels = in_order(set(numbers["metric"]))
    if len(panels) > 1:
        paper = paper.over(2)
    lines = math.ceil(len(panels) / PANELS_PER_ROW)
    of_metric = {name: numbers[numbers["metric"] == name] for name in panels}
    more = [words for words in (shown.words, *said(of_metric.values())) if words]
    look, constants = look_of_shown(subject, numbers), constant_rows(subject, numbers)
    results = subject.results
    legend = Legend(numbers, look, paper, results.references, shown.spread, shown.field, more, results.label)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(lines, math.ceil(len(panels) / lines), squeeze=False).flatten()
        for ax, (name, part) in zip(axes, of_metric.items(), strict=False):
            panel(ax, part, look, shown, results.metrics)
            constant_line(ax, constants[constants["metric"] == name])
        for ax in axes[len(panels) :]:
            ax.remove()
        legend.draw(figure)

    height = BESIDE_OTHERS if len(panels) > 1 else ALONE[paper.columns]
    every = numbers if constants.empty else pd.concat([numbers, constants])
    return picture(every, paper, lines * height + legend.height, draw, fine=len(panels) > 1)


def look_of_shown(subject: DatasetResults, numbers: pd.DataFrame) -> dict[str, Look]:
    """The looks of the strategies that these rows hold, by name."""
    names = set(numbers["strategy"])
    return {name: one for name, one in sorted(subject.look.items()) if name in names}
