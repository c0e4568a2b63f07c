"""Figures of curves: loss and metrics over the share of labelled images."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from benchmark.errors import UserError
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.axis_range import said
from benchmark.report.drawing.canvas import Picture, file_name
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
    return {_name(task): curves_of(subject, task, paper).files() for task in _parts(subject)}


def curves_of(subject: DatasetResults, task: str, paper: Paper) -> Picture:
    """The figure of a task's metrics, or of the total loss. Raises UserError for a task that is not there."""
    parts, shown = _parts(subject), emphasis(subject)
    if task not in parts:
        raise UserError(f"{subject.dataset} has no curves of a task {task!r}; it has: {', '.join(parts)}.")
    draw = small_multiples.figure if shown.field and task == TOTAL_LOSS[0] else _figure
    return draw(subject, with_drawn(with_means(parts[task]), shown), shown, paper)


def _name(task: str) -> str:
    """Of the figure's files."""
    return TOTAL if task == TOTAL_LOSS[0] else f"task_{file_name(task)}"


def _parts(subject: DatasetResults) -> dict[str, pd.DataFrame]:
    """The rows of each figure by its task: the total loss, then a figure a task."""
    rows = subject.results.of(subject.dataset).dropna(subset="value")
    task, loss = TOTAL_LOSS
    is_headline = (rows["task"] == task) & (rows["metric"] == loss)
    tasks = {str(name): part for name, part in rows[~is_headline].groupby("task")}
    headline = {task: rows[is_headline]} if is_headline.any() else {}
    return headline | tasks


def _figure(subject: DatasetResults, numbers: pd.DataFrame, shown: Emphasis, paper: Paper) -> Picture:
    """One panel a metric, the legend below."""
    panels = in_order(set(numbers["metric"]))
    if len(panels) > 1:
        paper = paper.over(2)
    lines = math.ceil(len(panels) / PANELS_PER_ROW)
    of_metric = {name: numbers[numbers["metric"] == name] for name in panels}
    more = [words for words in (shown.words, *said(of_metric.values())) if words]
    look, constants = look_of_shown(subject, numbers), constant_rows(subject, numbers)
    results, label = subject.results, subject.results.label_in(subject.dataset)
    legend = Legend(numbers, look, paper, results.references, shown.spread, shown.field, more, label)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(lines, math.ceil(len(panels) / lines), squeeze=False).flatten()
        for ax, (name, part) in zip(axes, of_metric.items(), strict=False):
            panel(ax, part, look, shown, results.metrics)
            ax.set_xlabel(subject.budget_axis)
            constant_line(ax, constants[constants["metric"] == name])
        for ax in axes[len(panels) :]:
            ax.remove()
        legend.draw(figure)

    height = BESIDE_OTHERS if len(panels) > 1 else ALONE[paper.columns]
    every = numbers if constants.empty else pd.concat([numbers, constants])
    return Picture(every, paper, lines * height + legend.height, draw, fine=len(panels) > 1)


def look_of_shown(subject: DatasetResults, numbers: pd.DataFrame) -> dict[str, Look]:
    """The looks of the strategies that these rows hold, by name."""
    names = set(numbers["strategy"])
    return {name: one for name, one in sorted(subject.look.items()) if name in names}
