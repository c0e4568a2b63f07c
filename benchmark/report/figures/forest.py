"""Figure: what each strategy gains over random on each data set and over all of them (a forest plot).

Lewis and Clarke, BMJ 2001: a square and its interval for each, and a diamond as wide as the mean's interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from benchmark.report.drawing.canvas import close_up, picture
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.drawing.strategy_rows import AXIS, FONT, GAP, LINE, TALLEST, in_lines
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study
from benchmark.report.statistics.over_datasets.gap_shares import OverDatasets, Share
from benchmark.report.statistics.over_datasets.random_effects import RandomEffects
from benchmark.report.strategy_styles import Look, looks
from benchmark.report.tables.over_datasets_table import METHOD, effects_of, summaries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points of the widest square, and of the smallest that can still be seen.
LARGEST, SMALLEST = 5.5, 2.0
#: Half the height of a diamond, in lines.
DIAMOND = 0.3
#: Inches from one line to the next.
LINE_APART = LINE + GAP / 2
#: Lines between two strategies.
APART = 0.6


@dataclass(frozen=True)
class Row:
    """What stands beside a place, which is counted in lines from the top, and what is drawn there."""

    place: float
    name: str
    shown: Share | RandomEffects
    size: float
    look: Look


def render(study: Study, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none where no strategy has a mean over data sets."""
    told = [one for one in summaries(study) if one.found]
    if not told:
        return {}
    rows = list(_rows(told, study.results.strategies))

    def draw(figure: Figure) -> None:
        _forest(figure.subplots(), rows)

    return picture(effects_of(told), paper, min(_natural(rows), TALLEST) + AXIS, draw, caption(told))


def caption(told: Sequence[OverDatasets]) -> str:
    """What is drawn, and by which method."""
    further = any(one.found and not math.isnan(one.found.further_low) for one in told)
    thin = "; the thin line is the 95 % interval of a further data set, cut at the axes" if further else ""
    return (
        f"{METHOD[0].upper()}{METHOD[1:]}. Squares: a data set, larger for more weight, with its 95 % t "
        f"interval; diamonds: the mean with its 95 % interval{thin}. Left of 0 a strategy is better than "
        f"{RANDOM}"
    )


def _rows(told: Sequence[OverDatasets], strategies: Sequence[str]) -> Iterator[Row]:
    """Of each strategy its mean, and below it the data sets."""
    look, top = looks(strategies), 0.0
    for one in told:
        if one.found is None:
            continue
        every: Sequence[Share | RandomEffects] = (one.found, *one.shares)
        for size, shown in zip((0.0, *_sizes(one.shares, one.found)), every, strict=True):
            name = in_lines(shown.dataset if isinstance(shown, Share) else one.strategy)
            lines = name.count("\n") + 1
            yield Row(top + (lines - 1) / 2, name, shown, size, look[one.strategy])
            top += lines
        top += APART


def _sizes(shares: Sequence[Share], found: RandomEffects) -> list[float]:
    """Points of the squares' sides, whose areas are as the weights in the mean."""
    weights = [1 / (share.error**2 + found.tau**2) for share in shares]
    return [max(SMALLEST, LARGEST * math.sqrt(weight / max(weights))) for weight in weights]


def _natural(rows: Sequence[Row]) -> float:
    """Inches that the rows take where nothing makes them smaller."""
    return (rows[-1].place + 1) * LINE_APART


def _forest(ax: Axes, rows: Sequence[Row]) -> None:
    ax.axvline(0, color="black", linewidth=0.8, zorder=1.5)
    for row in rows:
        _data_set(ax, row, row.shown) if isinstance(row.shown, Share) else _mean(ax, row, row.shown)
    size = FONT * min(1.0, TALLEST / _natural(rows))
    ax.set_yticks([row.place for row in rows], [row.name for row in rows], fontsize=size)
    for label, row in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if isinstance(row.shown, Share) else "bold")
    ax.set_ylim(rows[-1].place + 0.6, -0.6)
    close_up(ax, "x", [0.0, *(end for row in rows for end in _ends(row.shown))])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"NAUBC minus {RANDOM}'s (% of gap) ↓")


def _data_set(ax: Axes, row: Row, share: Share) -> None:
    ax.plot(_ends(share), [row.place] * 2, color=row.look.colour, linewidth=0.8)
    ax.plot([100 * share.share], [row.place], "s", color=row.look.colour, markersize=row.size)


def _mean(ax: Axes, row: Row, found: RandomEffects) -> None:
    ends = [100 * end for end in (found.further_low, found.further_high)]
    ax.plot(ends, [row.place] * 2, color=row.look.colour, linewidth=0.8)  # nothing where there is none
    low, mean, high = (100 * value for value in (found.low, found.mean, found.high))
    up, down = row.place - DIAMOND, row.place + DIAMOND
    ax.fill(
        [low, mean, high, mean], [row.place, up, row.place, down], facecolor=row.look.colour, edgecolor="none"
    )


def _ends(shown: Share | RandomEffects) -> list[float]:
    """The ends of the interval of a data set, or of the mean, in per cent."""
    ends = shown.interval if isinstance(shown, Share) else (shown.low, shown.high)
    return [100 * end for end in ends]
