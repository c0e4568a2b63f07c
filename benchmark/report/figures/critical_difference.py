"""Figure: the critical-difference diagram of several data sets (Demsar, JMLR 2006, section 3.2.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from benchmark.report.drawing.canvas import picture
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.drawing.strategy_rows import AXIS, GAP, LINE, in_lines
from benchmark.report.results.study import Study
from benchmark.report.statistics.over_datasets.rank_tests import Ranks
from benchmark.report.strategy_styles import Look, looks
from benchmark.report.tables.mean_ranks_table import caption, numbers, ranks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def render(study: Study, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none with fewer than six data sets or three strategies."""
    found = ranks_of(study)
    if found is None:
        return {}
    look = looks(study.results.strategies)
    labels = [in_lines(str(name)) for name in found.mean.index]

    def draw(figure: Figure) -> None:
        _diagram(figure.subplots(), found, look, labels)

    lines = max(label.count("\n") + 1 for label in labels)
    height = (len(labels) + len(found.cliques)) * (LINE * lines + GAP) + AXIS
    return picture(numbers(found), paper, height, draw, caption(found))


def _diagram(ax: Axes, found: Ranks, look: Mapping[str, Look], labels: Sequence[str]) -> None:
    """Each strategy at its rank, and above them the groups as bars from the first to the last rank."""
    groups, last = len(found.cliques), len(found.cliques) + len(labels)
    for row, clique in enumerate(found.cliques):
        ends = [found.mean[name] for name in (clique[0], clique[-1])]
        ax.plot(ends, [row, row], color="black", linewidth=2.5, solid_capstyle="butt")
    for row, (name, rank) in enumerate(found.mean.items(), start=groups):
        one = look[str(name)]
        ax.vlines(rank, -0.5, row, color=one.colour, linewidth=0.8)
        ax.plot([rank], [row], one.marker, color=one.colour)
    ax.set_yticks(range(groups, last), labels)
    ax.set_ylim(last - 0.5, -0.5)
    ax.set_xlim(0.9, found.ranked + 0.1)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("Mean rank ↓")
