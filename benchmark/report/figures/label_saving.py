"""Figure: the labels that each strategy needs for the full-data loss, and for the last loss of random."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.curve_panels import budget_ticks
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.labels_needed import FITTED, Labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches.
LEGEND_HEIGHT = 0.35
#: Of the budgets' range, what the axis shows below the first one and beyond the last.
BEFORE, BEYOND = 0.06, 0.16


class Room(NamedTuple):
    """Percent of labels: the ends of the axis, and the first and the last budget between them."""

    left: float
    first: float
    last: float
    right: float


@dataclass(frozen=True)
class Target:
    """A loss to be reached, and the labels that strategies need for it as shares of the pool."""

    name: str
    needed: Mapping[str, Labels]
    shift: float
    hollow: bool


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none where neither target is known."""
    targets = _targets(subject)
    names = [name for name in subject.order if any(_known(target, name) for target in targets)]
    if not names:
        return {}

    def draw(figure: Figure) -> None:
        _panel(figure.subplots(), subject, targets, names)
        figure.legend(handles=_handles(targets), loc="outside upper center", ncols=2, handlelength=1)

    height = strategy_rows.height(subject, names) + LEGEND_HEIGHT
    return picture(_numbers(subject, targets), paper, height, draw, _caption(subject))


def _targets(subject: DatasetResults) -> list[Target]:
    found = subject.evidence
    matching = {name: labels for name, labels in found.matching.items() if name != RANDOM}
    last = 100 * max(found.budgets, default=0) / found.pool
    both = [
        Target("full-data loss", found.needed, -strategy_rows.SHIFT, False),
        Target(f"loss of random at {last:.3g} %", matching, strategy_rows.SHIFT, True),
    ]
    return [target for target in both if any(_known(target, name) for name in target.needed)]


def _known(target: Target, name: str) -> bool:
    return name in target.needed and not math.isnan(target.needed[name].needed)


def _panel(ax: Axes, subject: DatasetResults, targets: Sequence[Target], names: Sequence[str]) -> None:
    budgets = [100 * size / subject.evidence.pool for size in subject.evidence.budgets]
    room = _room(budgets[0], budgets[-1])
    strategy_rows.set_rows(ax, subject, names)
    ax.set_xlim(room.left, room.right)
    _unknown(ax, room)
    for target in targets:
        for row, name in enumerate(names):
            if _known(target, name):
                _labels(ax, target.needed[name].over(0.01), row + target.shift, subject, name, target, room)
    budget_ticks(ax, budgets, subject.budget_axis)


def _room(first: float, last: float) -> Room:
    span = (last - first) or first
    return Room(first - BEFORE * span, first, last, last + BEYOND * span)


def _unknown(ax: Axes, room: Room) -> None:
    """What was not tried: fewer labels than the first budget, more than the last."""
    for ends in ((room.left, room.first), (room.last, room.right)):
        ax.axvspan(*ends, facecolor="#f1f1f1", edgecolor="#cccccc", hatch="////", linewidth=0, zorder=0.5)


def _labels(
    ax: Axes, labels: Labels, y: float, subject: DatasetResults, name: str, target: Target, room: Room
) -> None:
    """A marker on its interval; what lies beyond the budgets ends with an arrow in what was not tried."""
    colour, reached = subject.look[name].colour, math.isfinite(labels.needed)
    x = labels.needed if reached else (room.last + room.right) / 2
    if not math.isnan(labels.low):
        start, end = _ends(labels, room)
        ax.hlines(y, start, end, color=colour, linewidth=1.0)
        if not math.isfinite(labels.high):
            _arrow(ax, room.last, room.right, y, colour)
        if not labels.low:
            _arrow(ax, room.first, room.left, y, colour)
    strategy_rows.mark(ax, x, y, subject, name, "o" if reached else ">", target.hollow)


def _ends(labels: Labels, room: Room) -> tuple[float, float]:
    """Of the interval within the budgets; where all of it lies beyond them, their end."""
    low = min(max(labels.low, room.first), room.last)
    return low, min(labels.high, room.last)


def _arrow(ax: Axes, start: float, end: float, y: float, colour: str) -> None:
    style = {"arrowstyle": "->,head_width=0.18,head_length=0.25", "color": colour, "linewidth": 1.0}
    style |= {"shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (end, y), (start, y), arrowprops=style, zorder=3)


def _handles(targets: Sequence[Target]) -> list[Line2D]:
    """In grey: each strategy has a colour of its own."""
    handles = [Line2D([], [], label=t.name, color="#555555", marker="o", linewidth=1.0) for t in targets]
    for handle, target in zip(handles, targets, strict=True):
        handle.set_markerfacecolor("white" if target.hollow else "#555555")
    return handles


def _caption(subject: DatasetResults) -> str:
    return (
        f"{subject.dataset}, {subject.seeds}: labels needed for a loss, 95 % intervals; hatched: not tried; "
        "arrows: the interval has no end there; triangles: not reached within the budgets; "
        f"{FITTED}"
    )


def _numbers(subject: DatasetResults, targets: Sequence[Target]) -> pd.DataFrame:
    table = [
        {"dataset": subject.dataset, "target": target.name, "strategy": name, "seeds": labels.seeds}
        | {"needed": labels.needed, "low": labels.low, "high": labels.high}
        for target in targets
        for name, labels in target.needed.items()
    ]
    return pd.DataFrame(table)
