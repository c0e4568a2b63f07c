"""Colour, dash and marker of a strategy: its own in every figure, page and study, now and later.

A look depends on the strategy's name alone. Built-in strategies and published variants have fixed places;
every other name, a variant or somebody's own, has what its hash says, drawn from looks that none of them has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

#: Okabe & Ito 2008, for the strategies that nearly every figure shows.
FIXED = {
    "random": "#000000",
    "consistency-diversity": "#D55E00",
    "entropy": "#0072B2",
    "core-set": "#009E73",
    "learning-loss": "#CC79A7",
}
#: Tol's muted scheme (2021), its sand darkened to be seen on white.
MUTED = ("#332288", "#DDAA33", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#117733", "#CC6677")
#: What is not built in has these too; nobody has those of ``FIXED`` but who they were given to.
MORE = ("#7A4A12", "#EE3377", "#5E8C31", "#6B6ECF")
#: The other built-in strategies and the published variants of the method, each by its place here. Append;
#: never insert, move or take out a name: a figure of last year must look like one of today.
OTHERS = (
    "margin",
    "least-confidence",
    "mc-dropout",
    "flip-consistency",
    "badge",
    "k-means",
    "typiclust",
    "probcover",
    "max-herding",
    "cdal",
    "core-gcn",
    "vaal",
    "inconsistency",
    "cluster-random",
    "density",
    "maximum",
    "minimum",
    "pareto",
    "power",
    "reciprocal-rank-fusion",
    "round-robin",
    "softmax",
    "soft-rank",
    "true-loss",
    "replay",
    "constant",
    *(
        f"consistency-diversity[{options}]"
        for options in (
            "weighting=none",
            "select=random",
            "select=filter",
            "representation=concat",
            "measure=loss,power=0.5,weighting=none",
            "power=0",
            "representation=pca",
            "normalise=zscore",
            "normalise=minmax",
            "measure=loss",
            "pooling=inconsistency",
            "measure=loss,weighting=none",
            "power=0,weighting=none",
            "power=0.5,weighting=none",
        )
    ),
    "known-groups",
    "known-classes",
    "class-stratified",
    "foreground-random",
    "cover",
    "consistency-diversity[select=cover]",
    "cross-task",
    "stratified",
    "drop-query",
    "noris",
    "lcmd",
    "boss",
    "subsample",
    "ensemble",
    "committee",
    "partial",
    "random-pairs",
    "random-split",
    "one-task",
    "consistency-diversity-pairs",
)

PLAIN: tuple[tuple[float, ...], ...] = ((), (4, 1.5), (1, 1), (5, 1.2, 1, 1.2), (2.5, 1))
#: Dashes that no built-in strategy has: long and short strokes in every order that repeats differently.
STROKES = ("lls", "lss", "llls", "llss", "lsss", "lllls", "lllss", "llsls", "llsss", "lslss", "lssss")
LONG, SHORT, GAPS = 4.0, 1.0, (1.0, 1.8)
MARKERS = ("o", "D", "s", "^", "v", "p", "<", ">", "P", "X", "h", "d")


@dataclass(frozen=True)
class Look:
    """How one strategy is drawn: colour, dash (points on and off; none is a solid line) and marker."""

    colour: str
    dash: tuple[float, ...]
    marker: str


@cache
def look_of(name: str) -> Look:
    """The look of a strategy by its full name, whatever else is shown.

    Those with a place always differ. Two other names agree in colour, dash and marker about once in 3,400
    pairs; where they do, names beside the curves tell them apart.
    """
    if name in FIXED:
        place = list(FIXED).index(name)
        return Look(FIXED[name], PLAIN[place], MARKERS[place])
    if name in OTHERS:
        return _built_in(OTHERS.index(name))
    return _hashed(name)


def looks(names: Iterable[str]) -> dict[str, Look]:
    """The look of each of these strategies."""
    return {name: look_of(name) for name in names}


def _built_in(place: int) -> Look:
    lap, colour = divmod(place, len(MUTED))
    # After six laps colour, dash and marker would come round together: the marker goes on by one more.
    marker = (place + 5 * lap + lap // 6) % len(MARKERS)
    return Look(MUTED[colour], PLAIN[(place + lap) % len(PLAIN)], MARKERS[marker])


def _hashed(name: str) -> Look:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    colours = (*MUTED, *MORE)
    number, colour = divmod(number, len(colours))
    number, marker = divmod(number, len(MARKERS))
    number, strokes = divmod(number, len(STROKES))
    return Look(colours[colour], _dash(STROKES[strokes], GAPS[number % len(GAPS)]), MARKERS[marker])


def _dash(strokes: str, gap: float) -> tuple[float, ...]:
    return tuple(length for stroke in strokes for length in (LONG if stroke == "l" else SHORT, gap))
