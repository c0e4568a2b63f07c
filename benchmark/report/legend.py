"""The legend below a figure, where it covers no data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.lines import Line2D

from benchmark.report.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.style import FULL_DATA_COLOUR, FULL_DATA_DASH, MARKER_EDGE, WIDTH, Columns, Look
from benchmark.report.text import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Up to so many seeds, each is drawn too, and the axes show the seeds rather than their wide intervals.
FEW_SEEDS = 3
#: Fewer have no band: the t interval of two is 12.7 standard errors to either side.
SEEDS_FOR_A_BAND = 3
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
    columns: Columns
    #: Strategies that saw labels.
    references: AbstractSet[str] = frozenset()
    #: Strategies whose spread is drawn, by bands or thin lines; None for intervals of all.
    spread: AbstractSet[str] | None = None

    @property
    def height(self) -> float:
        """Inches that it needs, its title included."""
        lines = sum(line.count("\n") for line in self._labels) + math.ceil(len(self._labels) / self._across)
        return LINE * (lines + 2 + self._title().count("\n"))

    def draw(self, figure: Figure) -> None:
        """Put it under the panels."""
        figure.legend(
            handles=[
                self._handle(name, label) for name, label in zip(self._names, self._labels, strict=True)
            ],
            title=self._title(),
            loc="outside lower center",
            ncols=self._across,
            columnspacing=1.2,
        )

    @cached_property
    def _names(self) -> list[str]:
        full = [FULL_DATA] if (self.rows["strategy"] == FULL_DATA).any() else []
        return [*self.look, *full]

    @cached_property
    def _labels(self) -> list[str]:
        return ["\n".join(wrapped(self._label(name), LETTERS)) for name in self._names]

    def _label(self, name: str) -> str:
        return f"{name} (saw labels)" if name in self.references else name

    @cached_property
    def _across(self) -> int:
        """As many columns as fit, and no more than fill their lines."""
        longest = max(len(line) for label in self._labels for line in label.split("\n"))
        fit = max(1, int(WIDTH[self.columns] / (HANDLE + LETTER * longest)))
        return math.ceil(len(self._labels) / math.ceil(len(self._labels) / fit))

    def _handle(self, name: str, label: str) -> Line2D:
        if name == FULL_DATA:
            return Line2D(
                [], [], color=FULL_DATA_COLOUR, linewidth=1.0, linestyle=FULL_DATA_DASH, label=label
            )
        one = self.look[name]
        line = Line2D([], [], color=one.colour, marker=one.marker, label=label)
        if self._partly and name not in (self.spread or ()):
            line.set(linewidth=THIN, markersize=2.0)
        line.set(dashes=one.dash, markeredgecolor="white", markeredgewidth=MARKER_EDGE)
        return line

    def _title(self) -> str:
        dataset, task, seeds = (
            self.rows["dataset"].iloc[0],
            self.rows["task"].iloc[0],
            self.rows["seed"].nunique(),
        )
        subject = dataset if task == TOTAL_LOSS[0] else f"{dataset}, {task}"
        if seeds == 1:
            return f"{subject}: one seed, no interval"
        partly = "\nof the thick lines; the others are means alone" if self._partly else ""
        if self.spread is not None and seeds < SEEDS_FOR_A_BAND:
            return f"{subject}: mean, and each of {seeds} seeds as a thin line{partly}"
        cut = ", cut off at the axes" if seeds <= FEW_SEEDS else ""
        return f"{subject}: mean and 95 % t interval of {seeds} seeds{cut}{partly}"

    @property
    def _partly(self) -> bool:
        """Whether some strategies are shown without their spread."""
        several = self.rows["seed"].nunique() > 1
        return bool(several and self.spread is not None and set(self.look) - self.spread)
