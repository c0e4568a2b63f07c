"""How figures look: sizes, fonts, and one colour, dash and marker per strategy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
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

#: Okabe & Ito 2008, for the strategies that nearly every figure shows.
FIXED = {
    "random": "#000000",
    "consistency-diversity": "#D55E00",
    "entropy": "#0072B2",
    "core-set": "#009E73",
    "learning-loss": "#CC79A7",
}
#: Tol's muted scheme (2021), its sand darkened to be seen on white, for all others.
MUTED = ("#332288", "#DDAA33", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#117733", "#CC6677")
FULL_DATA_COLOUR, FULL_DATA_DASH = "#7f7f7f", (0, (6, 2))

DASHES: tuple[tuple[float, ...], ...] = ((), (4, 1.5), (1, 1), (5, 1.2, 1, 1.2), (2.5, 1))
MARKERS = ("o", "D", "s", "^", "v", "p", "<", ">")
MARKER_EDGE = 0.5


@dataclass(frozen=True)
class Look:
    """How one strategy is drawn: colour, dash (points on and off; none is a solid line) and marker."""

    colour: str
    dash: tuple[float, ...]
    marker: str


def looks(strategies: Iterable[str]) -> dict[str, Look]:
    """A different look for each strategy; those of ``FIXED`` always have the same one.

    Any other name starts from a colour of its own hash and takes the next where another name already has
    it, so that adding a strategy changes nobody's look but that of a name after it with the same choice.
    """
    names = sorted(set(strategies))
    fixed = {name: _look(slot, colour) for slot, (name, colour) in enumerate(FIXED.items()) if name in names}
    slots: dict[int, str] = {}
    for name in (name for name in names if name not in FIXED):
        slots[next(slot for slot in _choices(name) if slot not in slots)] = name
    free = {name: _look(slot + len(FIXED), MUTED[slot % len(MUTED)]) for slot, name in slots.items()}
    return fixed | dict(sorted(free.items()))


def _look(slot: int, colour: str) -> Look:
    return Look(colour, DASHES[slot % len(DASHES)], MARKERS[slot % len(MARKERS)])


def _choices(name: str) -> Iterator[int]:
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % len(MUTED)
    for lap in count():
        yield from (lap * len(MUTED) + (first + step) % len(MUTED) for step in range(len(MUTED)))


@contextmanager
def paper_style(columns: Columns, height: float, fine: bool = False) -> Iterator[None]:
    """Figures of one or two columns, ``height`` in inches, whatever the user's own settings are.

    ``fine`` is for small multiples. The user's settings come back afterwards.
    """
    size = {"figure.figsize": (WIDTH[columns], height)}
    with matplotlib.style.context(["default", RC | (FINER if fine else {}) | size]):
        yield
