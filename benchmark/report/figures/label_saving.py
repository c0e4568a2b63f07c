"""Figure: the labels that each strategy needs for the full-data loss, and for the last loss of random."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.report.figures import rows
from benchmark.report.figures.canvas import note, note_height, picture
from benchmark.report.figures.curves import budget_ticks
from benchmark.report.reference import RANDOM
from benchmark.report.saving import Labels
from benchmark.report.style import Columns
from benchmark.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches.
LEGEND_HEIGHT = 0.35


@dataclass(frozen=True)
class Target:
    """A loss to be reached, and the labels that strategies need for it as shares of the pool."""

    name: str
    needed: Mapping[str, Labels]
    shift: float
    hollow: bool


def render(subject: Subject, columns: Columns) -> dict[str, bytes]:
    """The files of the figure by their ending; none where neither target is known."""
    targets = _targets(subject)
    names = [name for name in subject.order if any(_known(target, name) for target in targets)]
    if not names:
        return {}
    text = _caption(subject)

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        _panel(ax, subject, targets, names)
        figure.legend(handles=_handles(targets), loc="outside upper center", ncols=2, handlelength=1)
        note(figure, columns, text)

    height = rows.height(subject, names) + LEGEND_HEIGHT + note_height(columns, text)
    return picture(_numbers(subject, targets), columns, height, draw)


def _targets(subject: Subject) -> list[Target]:
    found = subject.evidence
    matching = {name: labels for name, labels in found.matching.items() if name != RANDOM}
    last = 100 * max(found.budgets, default=0) / found.pool
    both = [
        Target("full-data loss", found.needed, -rows.SHIFT, False),
        Target(f"loss of random at {last:.3g} %", matching, rows.SHIFT, True),
    ]
    return [target for target in both if any(_known(target, name) for name in target.needed)]


def _known(target: Target, name: str) -> bool:
    return name in target.needed and not math.isnan(target.needed[name].needed)


def _panel(ax: Axes, subject: Subject, targets: Sequence[Target], names: Sequence[str]) -> None:
    budgets = [100 * size / subject.evidence.pool for size in subject.evidence.budgets]
    rows.set_rows(ax, subject, names)
    margin = 0.06 * (budgets[-1] - budgets[0]) or 0.06 * budgets[0]
    ax.set_xlim(budgets[0] - margin, budgets[-1] + margin)
    for target in targets:
        for row, name in enumerate(names):
            if _known(target, name):
                _labels(ax, target.needed[name].over(0.01), row + target.shift, subject, name, target)
    budget_ticks(ax, budgets)


def _labels(ax: Axes, labels: Labels, y: float, subject: Subject, name: str, target: Target) -> None:
    """A marker on its interval, up to the axes where that is open; an arrow where nothing is reached."""
    left, right = ax.get_xlim()
    if math.isfinite(labels.low):
        ends = max(labels.low, left), min(labels.high, right)
        ax.hlines(y, *ends, color=subject.look[name].colour, linewidth=1.0)
    reached = math.isfinite(labels.needed)
    x = labels.needed if reached else 100 * subject.evidence.budgets[-1] / subject.evidence.pool
    rows.mark(ax, x, y, subject, name, "o" if reached else ">", target.hollow)


def _handles(targets: Sequence[Target]) -> list[Line2D]:
    """In grey: each strategy has a colour of its own."""
    handles = [Line2D([], [], label=t.name, color="#555555", marker="o", linewidth=1.0) for t in targets]
    for handle, target in zip(handles, targets, strict=True):
        handle.set_markerfacecolor("white" if target.hollow else "#555555")
    return handles


def _caption(subject: Subject) -> str:
    return (
        f"{subject.dataset}, {subject.seeds}: labels needed for a loss, 95 % intervals (open at the axes); "
        "arrows: not reached"
    )


def _numbers(subject: Subject, targets: Sequence[Target]) -> pd.DataFrame:
    table = [
        {"dataset": subject.dataset, "target": target.name, "strategy": name, "seeds": labels.seeds}
        | {"needed": labels.needed, "low": labels.low, "high": labels.high}
        for target in targets
        for name, labels in target.needed.items()
    ]
    return pd.DataFrame(table)
