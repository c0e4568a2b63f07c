"""From numbers to places in a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Width of a letter of a tick's label, in the drawing's units, and what it keeps from the next.
LETTER, APART = 10, 12
#: Labels of the vertical axis, about.
LEVELS = 7


@dataclass(frozen=True)
class Frame:
    """A drawing of ``width`` x ``height`` and where in it the curves are."""

    width: int
    height: int
    left: int = 58
    right: int = 14
    top: int = 12
    bottom: int = 46

    @property
    def end(self) -> int:
        """The right edge of the curves."""
        return self.width - self.right

    @property
    def floor(self) -> int:
        """Their lower edge."""
        return self.height - self.bottom


@dataclass(frozen=True)
class Tick:
    """A place on an axis; the label is empty where there is no room for it."""

    at: str
    label: str


@dataclass(frozen=True)
class Axes:
    """Shares of labelled images (0..1) from left to right, values from the floor to the top."""

    frame: Frame
    across: tuple[float, float]
    upwards: tuple[float, float]

    def x(self, share: float) -> float:
        """Where a share is."""
        first, last = self.across
        return self.frame.left + (self.frame.end - self.frame.left) * (share - first) / (last - first)

    def y(self, value: float) -> float:
        """Where a value is; the drawing's heights grow downwards."""
        low, high = self.upwards
        return self.frame.floor - (self.frame.floor - self.frame.top) * (value - low) / (high - low)

    def point(self, share: float, value: float) -> str:
        """Both, as SVG writes a point."""
        return f"{self.x(share):.1f},{self.y(value):.1f}"

    def budgets(self, shares: Iterable[float]) -> list[Tick]:
        """A tick at every share, in %, with a label wherever it does not run into the one before."""
        ticks, free = [], -math.inf
        for share in sorted(set(shares)):
            label, at = f"{100 * share:.3g}", self.x(share)
            half = LETTER * len(label) / 2
            shown = at - half >= free
            free = at + half + APART if shown else free
            ticks.append(Tick(f"{at:.1f}", label if shown else ""))
        return ticks

    def levels(self) -> list[Tick]:
        """Round values on the vertical axis."""
        low, high = self.upwards
        step = round_step((high - low) / LEVELS)
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return [Tick(f"{self.y(value):.1f}", f"{value:.{places}f}") for value in values]


def axes_of(frame: Frame, shares: Iterable[float], values: Iterable[float]) -> Axes:
    """Axes that show all these, with a margin; one value alone is in the middle."""
    return Axes(frame, _around(list(shares), 0.03), _around(list(values), 0.06))


def round_step(rough: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten that is at least this."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))


def _around(values: Sequence[float], margin: float) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = margin * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room
