"""The legend below a figure, where it covers no data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.lines import Line2D

from benchmark.report.drawing.paper_style import (
    FIELD_COLOUR,
    FULL_DATA_COLOUR,
    FULL_DATA_DASH,
    MARKER_EDGE,
    WIDTH,
    Paper,
)
from benchmark.report.formats.text import wrapped
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.strategy_styles import Look
from benchmark.words import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Up to so many seeds, each is drawn and no band: the t interval of three is 4.3 standard errors to either
#: side, that of two 12.7, and a few of them cover the whole panel.
FEW_SEEDS = 3
#: Points, of a line that shows one seed, or a strategy without its spread.
THIN = 0.5
#: Letters of a name in one line.
LETTERS = 42
#: Inches, at the legend's font size.
LINE, HANDLE, LETTER = 0.135, 0.47, 0.052


@dataclass(frozen=True)
class Legend:
    """What the curves of ``rows`` mean, in a figure of so many columns of a paper."""

    rows: pd.DataFrame
    look: Mapping[str, Look]
    paper: Paper
    #: References, which are told what no strategy may know.
    references: AbstractSet[str] = frozenset()
    #: Strategies whose spread is drawn, by bands or thin lines.
    spread: AbstractSet[str] = frozenset()
    #: The others are a grey field.
    field: bool = False
    #: More that the title says, a line each.
    more: Sequence[str] = ()
    #: What a strategy is called.
    label: Callable[[str], str] = str

    @property
    def height(self) -> float:
        """Inches that it needs, its title included."""
        lines = sum(line.count("\n") for line in self._labels) + math.ceil(len(self._labels) / self._across)
        return LINE * (lines + 1 + len(self._title()))

    def draw(self, figure: Figure) -> None:
        """Put it under the panels."""
        figure.legend(
            handles=[
                self._handle(name, label) for name, label in zip(self._names, self._labels, strict=True)
            ],
            title="\n".join(self._title()) or None,
            loc="outside lower center",
            ncols=self._across,
            columnspacing=1.2,
        )

    @cached_property
    def _names(self) -> list[str]:
        full = [FULL_DATA] if (self.rows["strategy"] == FULL_DATA).any() else []
        named = [name for name in self.look if not self.field or name in self.spread]
        others = [f"{len(self.look) - len(named)} others"] if len(named) < len(self.look) else []
        return [*named, *others, *full]

    @cached_property
    def _labels(self) -> list[str]:
        return ["\n".join(wrapped(self._label(name), LETTERS)) for name in self._names]

    def _label(self, name: str) -> str:
        label = self.label(name)
        return f"{label} (reference)" if name in self.references else label

    @cached_property
    def _across(self) -> int:
        """As many columns as fit, and no more than fill their lines."""
        longest = max(len(line) for label in self._labels for line in label.split("\n"))
        fit = max(1, int(WIDTH[self.paper.columns] / (HANDLE + LETTER * longest)))
        return math.ceil(len(self._labels) / math.ceil(len(self._labels) / fit))

    def _handle(self, name: str, label: str) -> Line2D:
        if name == FULL_DATA:
            return Line2D(
                [], [], color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, label=label
            )
        if name not in self.look:
            return Line2D([], [], color=FIELD_COLOUR, linewidth=0.8, label=label)
        one = self.look[name]
        line = Line2D([], [], color=one.colour, marker=one.marker, label=label)
        if self._several and name not in self.spread:
            line.set(linewidth=THIN, markersize=2.0)
        line.set(dashes=one.dash, markeredgecolor="white", markeredgewidth=MARKER_EDGE)
        return line

    def _title(self) -> list[str]:
        """What the lines are; nothing where the paper has its own captions."""
        if not self.paper.captions:
            return []
        dataset, task = self.rows["dataset"].iloc[0], self.rows["task"].iloc[0]
        subject = dataset if task == TOTAL_LOSS[0] else f"{dataset}, {task}"
        broad = int(WIDTH[self.paper.columns] / LETTER)
        said = [f"{subject}: {spread_in_words(self.rows)}", *self.more]
        return [line for one in said for line in textwrap.wrap(printable(one), broad, break_on_hyphens=False)]

    @property
    def _several(self) -> bool:
        return bool(self.rows["seed"].nunique() > 1)


def spread_in_words(rows: pd.DataFrame) -> str:
    """What is drawn beside a mean, and of how many seeds: of the strategy with the fewest and of all."""
    seeds, fewest = rows["seed"].nunique(), rows.groupby("strategy")["seed"].nunique().min()
    if seeds == 1:
        return "one seed, no interval"
    if seeds <= FEW_SEEDS:
        return f"mean, and each of {seeds} seeds as a thin line"
    return f"mean and 95 % t interval of {seeds if fewest == seeds else f'{fewest} to {seeds}'} seeds"
