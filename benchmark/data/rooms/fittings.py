"""What hangs on walls and ceilings: doors, windows, pictures, pendant lamps, and pillars.

A wall thing's frame has its origin at the foot of the wall, x along the wall and z into the room.
"""

from __future__ import annotations

from benchmark.data.rooms.draws import Draws
from benchmark.data.rooms.furniture import CYLINDER, ELLIPSOID, RELIEF, Piece, box, upright
from benchmark.data.rooms.materials import material
from benchmark.data.rooms.scene import Material, Part, Shape, Thing


def _slab(w: float, low: float, high: float, depth: float, stuff: Material) -> Part:
    """A slab on the wall: from -w to w, between two heights."""
    return box((-w, low, 0), (w, high, depth), stuff)


def door(draws: Draws) -> Piece:
    """A leaf in its frame, with a knob; some have two sunk panels."""
    w, height = draws.uniform(0.38, 0.5), draws.uniform(1.95, 2.1)
    leaf, frame = material(draws, "door"), material(draws, "door")
    parts = [_slab(w, 0, height, 0.03, frame), _slab(w - 0.07, 0, height - 0.07, 0.03 + RELIEF, leaf)]
    parts.append(Part(ELLIPSOID, (w - 0.15, 1.0, 0.06), (0.04, 0.04, 0.04), frame))
    if draws.chance(0.4):
        for y, half in ((0.5, 0.3), (1.45, 0.35)):
            parts.append(_slab(0.6 * w, y - half, y + half, 0.03 + 2 * RELIEF, frame))
    return Piece(Thing("door", tuple(parts), casts_shadow=False), w, 0.05, height)


def window(draws: Draws, glow: float) -> Piece:
    """Panes behind a cross of bars, with curtains at the sides of some."""
    w, half, middle = draws.uniform(0.35, 0.9), draws.uniform(0.35, 0.6), draws.uniform(1.35, 1.6)
    frame, pane = material(draws, "frame"), material(draws, "pane", glow)
    parts = [
        _slab(w, middle - half, middle + half, 0.03, frame),
        _slab(w - 0.06, middle - half + 0.06, middle + half - 0.06, 0.03 + RELIEF, pane),
        _slab(0.03, middle - half, middle + half, 0.03 + 2 * RELIEF, frame),
    ]
    if draws.chance(0.5):
        parts.append(_slab(w, middle - 0.03, middle + 0.03, 0.03 + 2 * RELIEF, frame))
    if draws.chance(0.35):
        cloth, low = material(draws, "carpet"), draws.uniform(0.1, middle - half)
        sides = [(-w - 0.15, -0.6 * w), (0.6 * w, w + 0.15)]
        parts += [box((left, low, 0), (right, middle + half + 0.1, 0.09), cloth) for left, right in sides]
    return Piece(Thing("window", tuple(parts), casts_shadow=False), w + 0.15, 0.09, middle + half)


def picture(draws: Draws) -> Piece:
    """A canvas in a frame."""
    w, half, middle = draws.uniform(0.18, 0.6), draws.uniform(0.18, 0.4), draws.uniform(1.35, 1.65)
    rim, thick = draws.uniform(0.03, 0.07), 0.03
    parts = (
        _slab(w, middle - half, middle + half, thick, material(draws, "frame")),
        _slab(w - rim, middle + rim - half, middle + half - rim, thick + RELIEF, material(draws, "canvas")),
    )
    return Piece(Thing("picture", parts, casts_shadow=False), w, 0.04, middle + half)


def pendant(draws: Draws, ceiling: float) -> Piece:
    """A lamp hanging from the ceiling, in the room's height coordinates."""
    bottom, radius, shade = (
        ceiling - draws.uniform(0.5, 1.0),
        draws.uniform(0.15, 0.28),
        draws.uniform(0.18, 0.35),
    )
    cover = material(draws, "lamp", glow=draws.uniform(0.5, 1.5) if draws.chance(0.7) else 0.0)
    shape: Shape = draws.pick((CYLINDER, ELLIPSOID))
    cord = upright(bottom + shade, ceiling, 0.02, material(draws, "frame"))
    parts = (cord, upright(bottom, bottom + shade, radius, cover, shape))
    return Piece(Thing("lamp", parts, casts_shadow=False), radius, radius, ceiling, solid=False)


def pillar(draws: Draws, ceiling: float) -> Piece:
    """A column or a piece of wall that stands in the room: class wall."""
    w, d = draws.uniform(0.15, 0.6), draws.uniform(0.15, 0.4)
    part = box((-w, 0, -d), (w, ceiling, d), material(draws, "wall"))
    return Piece(Thing("wall", (part,)), w, d, ceiling)
