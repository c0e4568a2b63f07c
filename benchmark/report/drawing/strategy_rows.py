"""Axes with one row a strategy, best on top, references below a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.canvas import close_up
from benchmark.report.drawing.legend import FEW_SEEDS
from benchmark.report.drawing.paper_style import MARKER_EDGE
from benchmark.report.formats.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Letters of a name in one line.
LETTERS = 26
#: Inches of a line of a name, between rows, and of the axis with its label.
LINE, GAP, AXIS = 0.1, 0.08, 0.45
#: Inches of all rows of a figure: with its caption it fits a page, however many strategies there are.
TALLEST = 6.5
FONT = 6.5
#: Rows by which two things stand above and below the middle of their row.
SHIFT = 0.17


def labels(subject: DatasetResults, names: Sequence[str]) -> list[str]:
    """Names as they stand beside an axis."""
    return [in_lines(subject.label(name)) for name in names]


def in_lines(name: str) -> str:
    """A name in lines short enough to stand beside an axis."""
    return "\n".join(wrapped(name, LETTERS))


def height(subject: DatasetResults, names: Sequence[str], lines: int = 1) -> float:
    """Inches that the rows need with their axis, in one of so many ``lines`` of panels."""
    return _shrunk(subject, names, lines) * _natural(subject, names) + AXIS


def set_rows(
    ax: Axes, subject: DatasetResults, names: Sequence[str], named: bool = True, lines: int = 1
) -> None:
    """One row a strategy; their names only if ``named``, for panels beside each other."""
    size = FONT * _shrunk(subject, names, lines)
    ax.set_yticks(range(len(names)), labels(subject, names) if named else [""] * len(names), fontsize=size)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ranked = sum(name in subject.ranked for name in names)
    if 0 < ranked < len(names):
        ax.axhline(ranked - 0.5, color="#bbbbbb", linewidth=0.6)


def _natural(subject: DatasetResults, names: Sequence[str]) -> float:
    """Inches of the rows with names of the usual size."""
    most = max((label.count("\n") + 1 for label in labels(subject, names)), default=1)
    return len(names) * (LINE * most + GAP)


def _shrunk(subject: DatasetResults, names: Sequence[str], lines: int) -> float:
    """By what factor the rows are smaller than usual, for all to fit a page."""
    return min(1.0, (TALLEST / lines - AXIS) / max(_natural(subject, names), LINE))


def dots(
    ax: Axes, numbers: pd.DataFrame, subject: DatasetResults, names: Sequence[str], also: Sequence[float] = ()
) -> None:
    """Every seed as a tick, above them their mean on its t interval; ``also`` is what few seeds must show.

    ``numbers`` hold ``strategy``, ``seed``, ``value`` and the ``mean``, ``low`` and ``high`` of the strategy.
    """
    import seaborn

    colours = {name: subject.look[name].colour for name in names}
    ticks = {"marker": "|", "size": 4, "linewidth": 0.8, "jitter": False}
    seaborn.stripplot(
        numbers,
        x="value",
        y="strategy",
        hue="strategy",
        order=names,
        palette=colours,
        legend=False,
        ax=ax,
        **ticks,
    )
    for seeds in ax.collections:
        seeds.set_offsets(np.add(seeds.get_offsets(), [0, SHIFT]))
    cells = numbers.drop_duplicates("strategy").set_index("strategy").reindex(names)
    levels = np.arange(len(names)) - SHIFT
    ax.hlines(levels, cells["low"], cells["high"], colors=list(colours.values()), linewidth=1.0)
    for level, name in zip(levels, names, strict=True):
        mark(ax, cells["mean"][name], level, subject, name)
    if numbers["seed"].nunique() <= FEW_SEEDS:
        close_up(ax, "x", [*also, *numbers["value"]])
    ax.set_ylabel("")


def mark(
    ax: Axes,
    x: float,
    y: float,
    subject: DatasetResults,
    name: str,
    marker: str | None = None,
    hollow: bool = False,
) -> None:
    """A strategy's own marker, or another one in its colour."""
    one = subject.look[name]
    face, edge, width = ("white", one.colour, 0.9) if hollow else (one.colour, "white", MARKER_EDGE)
    (point,) = ax.plot([x], [y], marker or one.marker, zorder=4)
    point.set(markerfacecolor=face, markeredgecolor=edge, markeredgewidth=width)
