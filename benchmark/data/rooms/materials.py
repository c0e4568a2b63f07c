"""Random materials by family. Families overlap in colour, so that colour alone does not give the class."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.data.rooms.draws import Draws
from benchmark.data.rooms.scene import Material, Pattern, Vector

Patterns = Sequence[tuple[Pattern, float]]
_PAINTED: Patterns = [(Pattern.PLAIN, 8), (Pattern.CHECKER, 1), (Pattern.MARBLE, 2), (Pattern.MOSAIC, 1)]
_WOODEN: Patterns = [(Pattern.WOOD, 7), (Pattern.PLAIN, 2), (Pattern.MOSAIC, 1)]
_WOVEN: Patterns = [(Pattern.PLAIN, 7), (Pattern.CHECKER, 3), (Pattern.MARBLE, 1), (Pattern.MOSAIC, 1)]
_LEAFY: Patterns = [(Pattern.PLAIN, 1), (Pattern.MARBLE, 2), (Pattern.MOSAIC, 1)]


class Family(NamedTuple):
    """Ranges of hue, saturation and value, and the patterns that come in them."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    patterns: Patterns


FAMILIES = {
    "paint": Family((0.0, 1.0), (0.05, 0.4), (0.5, 0.9), _PAINTED),
    "pale": Family((0.0, 1.0), (0.0, 0.12), (0.8, 0.98), _PAINTED),
    "dark": Family((0.0, 1.0), (0.0, 0.3), (0.15, 0.4), _PAINTED),
    "bright": Family((0.0, 1.0), (0.6, 1.0), (0.6, 1.0), _PAINTED),
    "wood": Family((0.04, 0.13), (0.3, 0.7), (0.3, 0.85), _WOODEN),
    "fabric": Family((0.0, 1.0), (0.15, 0.7), (0.3, 0.9), _WOVEN),
    "warm": Family((0.94, 1.06), (0.4, 0.85), (0.35, 0.85), _WOVEN),
    "cool": Family((0.52, 0.75), (0.25, 0.7), (0.3, 0.8), _WOVEN),
    "leaf": Family((0.18, 0.42), (0.4, 0.85), (0.3, 0.75), _LEAFY),
    "sky": Family((0.5, 0.65), (0.05, 0.4), (0.85, 1.0), _LEAFY),
}
#: Which families a kind of surface comes in, with weights: a habit of its class, never a rule.
KINDS: dict[str, Sequence[tuple[str, float]]] = {
    "wall": [("paint", 6), ("pale", 4), ("fabric", 1)],
    "floor": [("wood", 6), ("dark", 2), ("fabric", 2)],
    "ceiling": [("pale", 9), ("paint", 1)],
    "door": [("wood", 5), ("pale", 4), ("paint", 2)],
    "pane": [("sky", 9), ("pale", 2)],
    "frame": [("pale", 4), ("wood", 3), ("dark", 3)],
    "canvas": [("bright", 5), ("fabric", 3), ("leaf", 1), ("sky", 1)],
    "carpet": [("fabric", 6), ("warm", 2), ("cool", 2)],
    "table": [("wood", 7), ("dark", 1), ("pale", 2), ("paint", 1)],
    "chair": [("warm", 7), ("dark", 3), ("wood", 2), ("fabric", 1)],
    "sofa": [("cool", 8), ("fabric", 3), ("dark", 1)],
    "bedstead": [("wood", 6), ("dark", 2), ("paint", 2)],
    "linen": [("pale", 6), ("fabric", 4)],
    "cabinet": [("paint", 3), ("pale", 4), ("wood", 4)],
    "lamp": [("pale", 6), ("warm", 1), ("fabric", 2)],
    "foliage": [("leaf", 9), ("fabric", 1)],
    "ware": [("bright", 7), ("fabric", 3), ("pale", 1)],
}


def material(draws: Draws, kind: str, glow: float = 0.0) -> Material:
    """A random material for a kind of surface (a key of ``KINDS``)."""
    family = FAMILIES[draws.pick_weighted(KINDS[kind])]
    pattern = draws.pick_weighted(family.patterns)
    hue, saturation, value = (draws.uniform(*bounds) for bounds in family[:3])
    second = _second(draws, pattern, hue, saturation, value)
    phase = (draws.unit(), draws.unit(), draws.unit())
    return Material(pattern, _linear(hue, saturation, value), second, _frequency(draws, pattern), phase, glow)


def _second(draws: Draws, pattern: Pattern, hue: float, saturation: float, value: float) -> Vector:
    """The colour that the pattern mixes in: another shade, in checkers and cells often another hue."""
    if pattern in (Pattern.CHECKER, Pattern.MOSAIC) and draws.chance(0.4):
        hue = draws.unit()
    return _linear(hue, saturation, value * draws.uniform(0.5, 0.85))


def _frequency(draws: Draws, pattern: Pattern) -> Vector:
    """Cycles per metre and axis; an axis at zero turns a checker into stripes and cells into planks."""
    base = draws.uniform(1.2, 3.5) if pattern is not Pattern.MARBLE else draws.uniform(0.6, 1.8)
    if pattern is Pattern.WOOD:
        return (base, 0.4 * base, 0.3 * base)
    if pattern in (Pattern.CHECKER, Pattern.MOSAIC) and draws.chance(0.4):
        return (base, 0.0, 0.0) if draws.chance(0.6) else (0.0, base, base)
    return (base, base, base)


def _linear(hue: float, saturation: float, value: float) -> Vector:
    """HSV to linear RGB, with the gamma of 2 that the sensor undoes."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (red * red, green * green, blue * blue)
