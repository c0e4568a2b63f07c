"""How figures look: sizes and fonts; ``looks`` has colours, dashes and markers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import matplotlib.style

Columns = Literal[1, 2]
#: Inches, of one and of two columns of a paper.
WIDTH: dict[Columns, float] = {1: 3.3, 2: 6.9}

#: Small multiples take finer marks.
FINER: dict[str, Any] = {"lines.linewidth": 1.0, "lines.markersize": 3.2}
RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 3.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "figure.dpi": 300,  # text is measured as it is drawn
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "mtal",
    "text.usetex": False,
    "text.parse_math": False,  # a "$" in a strategy's name is a "$"
}

FULL_DATA_COLOUR, FULL_DATA_DASH = "#7f7f7f", (0, (6, 2))
#: Of curves that are only there to compare with.
FIELD_COLOUR = "#c4c4c4"
MARKER_EDGE = 0.5


@dataclass(frozen=True)
class Paper:
    """What figures are drawn for: how many columns wide with one panel, and whether with captions."""

    columns: Columns = 1
    captions: bool = True

    def over(self, columns: Columns) -> Paper:
        """The same for a figure of so many columns."""
        return replace(self, columns=columns)


@contextmanager
def paper_style(columns: Columns, height: float, fine: bool = False) -> Iterator[None]:
    """Figures of one or two columns, ``height`` in inches, whatever the user's own settings are.

    ``fine`` is for small multiples. The user's settings come back afterwards.
    """
    size = {"figure.figsize": (WIDTH[columns], height)}
    with matplotlib.style.context(["default", RC | (FINER if fine else {}) | size]):
        yield
