"""Figure of many strategies: a panel for each before the grey field of all others, and random in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import curve_panels
from benchmark.report.drawing.axis_range import said
from benchmark.report.drawing.canvas import Picture
from benchmark.report.drawing.emphasis import Emphasis
from benchmark.report.drawing.legend import spread_in_words
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.formats.text import wrapped
from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.random_draws import RANDOM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Panels side by side; of more strategies than ``MANY`` the larger number.
ACROSS, MANY = (4, 6), 16
#: Inches of a panel without its title, and of a line of that; letters of a line beside so many others.
PANEL, LINE, LETTERS = 1.15, 0.11, {4: 30, 6: 19}


def figure(subject: DatasetResults, numbers: pd.DataFrame, shown: Emphasis, paper: Paper) -> Picture:
    """The figure; ``numbers`` are of one metric."""
    del shown  # each strategy shows its spread in its own panel
    names = [name for name in subject.order if name in set(numbers["strategy"])]
    numbers = numbers.assign(drawn=numbers["drawn"].max())  # that of random, and of all that differ
    across = ACROSS[len(names) > MANY]
    titles = [wrapped(subject.label(name), LETTERS[across]) for name in names]
    lines = math.ceil(len(names) / across)

    def draw(drawn: Figure) -> None:
        grid = drawn.subplots(lines, across, squeeze=False, sharex=True, sharey=True)
        axes = list(grid.flatten())
        for ax, name, title in zip(axes, names, titles, strict=False):
            _panel(ax, numbers, subject, name)
            ax.set_title("\n".join(title), loc="left", fontsize=6)
        _tidy(axes, len(names), across)

    height = lines * (PANEL + LINE * max(map(len, titles)))
    return Picture(numbers, paper.over(2), height, draw, _caption(subject, numbers), fine=True)


def _panel(ax: Axes, numbers: pd.DataFrame, subject: DatasetResults, name: str) -> None:
    learned = numbers[numbers["strategy"] != FULL_DATA].assign(percent=100 * numbers["share"])
    for other, rows in learned.groupby("strategy"):
        if other not in (name, RANDOM):
            curve_panels.field_line(ax, rows)
    own, reference = (learned[learned["strategy"] == strategy] for strategy in (name, RANDOM))
    paired = reference[reference["seed"].isin(own["seed"])]  # means over other seeds do not compare
    if name != RANDOM and not paired.empty:
        means = paired.groupby("percent")["value"].mean()
        ax.plot(means.index, means, color=subject.look[RANDOM].colour, linewidth=0.7, zorder=1.9)
    curve_panels.line(ax, own.drop_duplicates("labelled"), subject.look[name], zorder=2.5)
    if own["drawn"].any():
        curve_panels.spread(ax, own, subject.look[name])
    curve_panels.full_data_line(ax, numbers[numbers["strategy"] == FULL_DATA])
    curve_panels.axes(ax, numbers, subject.results.metrics, name)
    ax.set_xlabel(subject.budget_axis)


def _tidy(axes: Sequence[Axes], count: int, across: int) -> None:
    """Labels at the outer panels alone; places without a strategy are empty."""
    for place, ax in enumerate(axes):
        if place >= count:
            ax.remove()
            continue
        ax.set_ylabel(ax.get_ylabel() if place % across == 0 else "")
        is_lowest = place + across >= count
        ax.set_xlabel(ax.get_xlabel() if is_lowest else "")
        ax.tick_params(axis="x", labelbottom=is_lowest)


def _caption(subject: DatasetResults, numbers: pd.DataFrame) -> str:
    cut = "".join(f"; {words}" for words in said([numbers]))
    return (
        f"{subject.dataset}: {spread_in_words(numbers)}, a strategy a panel, best NAUBC "
        f"first; black: {RANDOM}{_of_its_seeds(numbers)}; grey: all others; dashed: {FULL_DATA}{cut}"
    )


def _of_its_seeds(numbers: pd.DataFrame) -> str:
    seeds = numbers[numbers["strategy"] != FULL_DATA].groupby("strategy")["seed"].nunique()
    return " in the panel's seeds" if seeds.nunique() > 1 else ""
