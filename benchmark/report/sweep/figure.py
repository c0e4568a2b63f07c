"""Figure of a sweep: the total loss, a panel a variant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.curve_panels import panel, with_drawn, with_means
from benchmark.report.drawing.emphasis import Emphasis, emphasis
from benchmark.report.drawing.legend import Legend
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.formats.text import wrapped
from benchmark.report.strategy_styles import looks
from benchmark.report.sweep.table import Found

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS_PER_ROW, HEIGHT, LETTERS = 3, 1.8, 36


def render(found: Found, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their path within the folder of the sweep."""
    parts = [_numbers(DatasetResults(study, study.results.datasets[0])) for _, study in found]
    labels = [variant.label for variant, _ in found]
    results, names = found[0][1].results, {name for _, study in found for name in study.results.strategies}
    look = looks(names)
    paper = paper.over(2)
    every = pd.concat([part.assign(variant=label) for label, (part, _) in zip(labels, parts, strict=True)])
    spread = frozenset[str]().union(*(shown.spread for _, shown in parts))
    field = any(shown.field for _, shown in parts)
    legend = Legend(every, look, paper, results.references, spread, field, (), results.label)
    lines = math.ceil(len(parts) / PANELS_PER_ROW)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(lines, math.ceil(len(parts) / lines), squeeze=False).flatten()
        for ax, label, (part, shown) in zip(axes, labels, parts, strict=False):
            panel(ax, part, look, shown, results.metrics)
            ax.set_title("\n".join(wrapped(label, LETTERS)), loc="left")
        for ax in axes[len(parts) :]:
            ax.remove()
        legend.draw(figure)

    files = picture(every, paper, lines * HEIGHT + legend.height, draw, fine=True)
    return {f"figures/sweep.{kind}": content for kind, content in files.items()}


def _numbers(subject: DatasetResults) -> tuple[pd.DataFrame, Emphasis]:
    shown = emphasis(subject)
    return with_drawn(with_means(subject.losses), shown), shown
