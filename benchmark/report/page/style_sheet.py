"""The looks of strategies, those of the figures, as style sheet and marker outlines: by number, not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmark.report.strategy_styles import Look

LINE = 1.8  # width of a curve; dashes are in units of it, as matplotlib has them
#: What stands out from a dark page (as text in WCAG 2.2, 1.4.3); style.css has its colour too.
CONTRAST, DARK_PAGE = 4.5, "#15181d"
#: Outlines about the origin, 6 to 7 units across.
SHAPES = {
    "o": "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0z",
    "D": "M0,-3.7L3.7,0L0,3.7L-3.7,0z",
    "s": "M-2.7,-2.7h5.4v5.4h-5.4z",
    "^": "M0,-3.6L3.5,2.7H-3.5z",
    "v": "M0,3.6L3.5,-2.7H-3.5z",
    "p": "M0,-3.4L3.2,-1.05L2,2.75H-2L-3.2,-1.05z",
    "<": "M-3.6,0L2.7,-3.5V3.5z",
    ">": "M3.6,0L-2.7,-3.5V3.5z",
    "P": "M-1.2,-3.4h2.4v2.2h2.2v2.4h-2.2v2.2h-2.4v-2.2h-2.2v-2.4h2.2z",
    "X": "M-2,-3.4L0,-1.4L2,-3.4L3.4,-2L1.4,0L3.4,2L2,3.4L0,1.4L-2,3.4L-3.4,2L-1.4,0L-3.4,-2z",
    "h": "M0,-3.4L2.9,-1.7V1.7L0,3.4L-2.9,1.7V-1.7z",
    "d": "M0,-3.7L2.2,0L0,3.7L-2.2,0z",
}


@dataclass(frozen=True)
class Mark:
    """One strategy in the legend: its number, its name, the outline of its marker."""

    number: int
    name: str
    #: What tables and legends call it.
    label: str
    shape: str
    #: Whether it is a reference, told what no strategy may know.
    reference: bool


def rules(looks: Sequence[Look]) -> str:
    """The part of the style sheet that depends on the strategies: colours, dashes, markers, switches.

    Switches hide on the screen only: a print shows everything.
    """
    light = "".join(_look(number, look) for number, look in enumerate(looks))
    dark = "".join(f".c{number}{{--ink:{on_dark(look.colour)}}}" for number, look in enumerate(looks))
    off = "".join(_switch(number) for number in range(len(looks)))
    return f"{light}\n@media screen and (prefers-color-scheme:dark){{{dark}}}\n@media screen{{{off}}}\n"


def on_dark(colour: str) -> str:
    """A colour (#rrggbb) as light as it takes to be seen on the dark page; black becomes white."""
    channels = _channels(colour)
    if len(set(channels)) == 1:
        return _hex([255 - channel for channel in channels])
    steps = ([round(c + (255 - c) * step / 20) for c in channels] for step in range(21))
    return _hex(next(mixed for mixed in steps if contrast(_hex(mixed), DARK_PAGE) >= CONTRAST))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _look(number: int, look: Look) -> str:
    dash = " ".join(f"{length * LINE:g}" for length in look.dash) or "none"
    return f".c{number}{{--ink:{look.colour};--dash:{dash}}}.line.c{number}{{marker:url(#m{number})}}"


def _switch(number: int) -> str:
    return f"body:has(#on{number}:not(:checked)) .s{number}{{display:none}}"


def _channels(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))


def _hex(channels: Sequence[int]) -> str:
    return f"#{bytes(channels).hex()}"


def _luminance(colour: str) -> float:
    return sum(share * light for share, light in zip((0.2126, 0.7152, 0.0722), _linear(colour), strict=True))


def _linear(colour: str) -> Iterator[float]:
    for channel in _channels(colour):
        value = channel / 255
        yield value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
