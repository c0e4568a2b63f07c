"""The grammar of things that stand on the floor: each function draws one thing in its own frame.

A thing's frame has its origin on the floor under its centre, x to the side and z to its front.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin, tau

from benchmark.data.rooms.draws import Draws
from benchmark.data.rooms.materials import material
from benchmark.data.rooms.scene import Material, Part, Shape, Thing, Vector

BOX, CYLINDER, ELLIPSOID = Shape.BOX, Shape.CYLINDER, Shape.ELLIPSOID
#: How far panels and fronts stand out, in metres: a step of a centimetre would be a crease that only a few
#: pixels happen to hit.
RELIEF = 0.0005


@dataclass(frozen=True)
class Piece:
    """A thing before it is placed: half its width and depth on the floor, its height and what fits on top."""

    thing: Thing
    half_width: float
    half_depth: float
    height: float
    #: Height of the top surface if other things can stand on it.
    top: float | None = None
    #: False for what lies flat and does not stand in anything's way.
    solid: bool = True


def box(low: Vector, high: Vector, stuff: Material) -> Part:
    """A box between two corners."""
    return _between(BOX, low, high, stuff)


def _between(shape: Shape, low: Vector, high: Vector, stuff: Material) -> Part:
    centre = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2)
    half = ((high[0] - low[0]) / 2, (high[1] - low[1]) / 2, (high[2] - low[2]) / 2)
    return Part(shape, centre, half, stuff)


def upright(low: float, high: float, radius: float, stuff: Material, shape: Shape = CYLINDER) -> Part:
    """A cylinder (or ellipsoid) on the thing's axis between two heights."""
    return Part(shape, (0.0, (low + high) / 2, 0.0), (radius, (high - low) / 2, radius), stuff)


def _legs(w: float, d: float, top: float, radius: float, stuff: Material, shape: Shape) -> list[Part]:
    corners = [(x, z) for x in (-w + radius, w - radius) for z in (-d + radius, d - radius)]
    return [Part(shape, (x, top / 2, z), (radius, top / 2, radius), stuff) for x, z in corners]


def table(draws: Draws) -> Piece:
    """Dining table or desk: a slab on four legs, on two panels, or round on a pedestal."""
    w, d, top = draws.uniform(0.5, 0.95), draws.uniform(0.35, 0.5), draws.uniform(0.68, 0.8)
    return _table(draws, w, d, top)


def low_table(draws: Draws) -> Piece:
    """A sofa table."""
    return _table(draws, draws.uniform(0.35, 0.65), draws.uniform(0.25, 0.4), draws.uniform(0.35, 0.48))


def _table(draws: Draws, w: float, d: float, top: float) -> Piece:
    # Drawn in a fixed order: one draw more or less, and all that is drawn after it is another.
    slab, base = material(draws, "table"), material(draws, "table")
    under, style = top - draws.uniform(0.03, 0.07), draws.integer(0, 3)
    if style == 0:
        w = d = (w + d) / 2
        parts = [
            upright(under, top, w, slab),
            upright(0.03, under, 0.06, base),
            upright(0, 0.03, 0.5 * w, base),
        ]
    elif style == 1:
        sides = [box((x - 0.03, 0, -d), (x + 0.03, under, d), base) for x in (0.05 - w, w - 0.05)]
        parts = [box((-w, under, -d), (w, top, d), slab), *sides]
    else:
        legs = _legs(w, d, under, draws.uniform(0.03, 0.05), base, draws.pick((BOX, CYLINDER)))
        parts = [box((-w, under, -d), (w, top, d), slab), *legs]
    return Piece(Thing("table", tuple(parts)), w, d, top, top)


def chair(draws: Draws) -> Piece:
    """Seat, back, and four legs or a pedestal; some with arms."""
    w, d, seat = draws.uniform(0.2, 0.26), draws.uniform(0.2, 0.26), draws.uniform(0.42, 0.48)
    height = seat + draws.uniform(0.35, 0.6)
    frame = material(draws, "chair")
    cover = material(draws, "chair") if draws.chance(0.6) else frame
    thick = draws.uniform(0.04, 0.09)
    parts = [
        box((-w, seat - thick, -d), (w, seat, d), cover),
        box((-w, seat, -d), (w, height, 0.05 - d), cover),
    ]
    if draws.chance(0.3):
        parts += [upright(0.05, seat - thick, 0.04, frame), upright(0, 0.05, 0.9 * w, frame)]
    else:
        parts += _legs(w, d, seat - thick, draws.uniform(0.02, 0.03), frame, draws.pick((BOX, CYLINDER)))
    if draws.chance(0.25):
        parts += [
            box((x - 0.03, seat, -d), (x + 0.03, seat + 0.2, 0.6 * d), frame) for x in (0.03 - w, w - 0.03)
        ]
    return Piece(Thing("chair", tuple(parts)), w, d, height)


def sofa(draws: Draws) -> Piece:
    """Base, back and arms with a cushion a seat: one to three seats."""
    seats, d, arm = draws.integer(1, 3), draws.uniform(0.38, 0.48), draws.uniform(0.1, 0.2)
    w, seat, height = 0.3 * seats + arm, draws.uniform(0.3, 0.38), draws.uniform(0.7, 0.95)
    cover, cushion = material(draws, "sofa"), material(draws, "sofa")
    back, armrest = 0.22 - d, seat + draws.uniform(0.15, 0.28)
    parts = [box((-w, 0.06, -d), (w, seat, d), cover), box((-w, seat, -d), (w, height, back), cover)]
    parts += [
        box((x - arm / 2, 0.06, -d), (x + arm / 2, armrest, d), cover) for x in (arm / 2 - w, w - arm / 2)
    ]
    for k in range(seats):
        left = arm - w + 0.6 * k
        parts.append(box((left + RELIEF, seat, back), (left + 0.6 - RELIEF, seat + 0.12, d + 0.01), cushion))
    return Piece(Thing("sofa", tuple(parts)), w, d, height)


def bed(draws: Draws) -> Piece:
    """Frame, mattress, headboard, blanket and one or two pillows."""
    w, d, top = draws.uniform(0.45, 0.9), draws.uniform(0.95, 1.05), draws.uniform(0.4, 0.6)
    frame, sheet, cover = (material(draws, kind) for kind in ("bedstead", "linen", "linen"))
    fold = draws.uniform(-0.4, 0.2)
    parts = [
        box((-w, 0.08, -d), (w, top - 0.2, d), frame),
        box((0.03 - w, top - 0.2, -d), (w - 0.03, top, d - 0.03), sheet),
        box((-w, top - 0.18, fold), (w, top + 0.03, d - 0.02), cover),
        box((-w, 0, -d - 0.06), (w, top + draws.uniform(0.15, 0.6), -d), frame),
    ]
    places = (0.0,) if w < 0.6 else (-w / 2, w / 2)
    parts += [Part(ELLIPSOID, (x, top + 0.06, 0.3 - d), (0.28, 0.1, 0.2), sheet, tilt=-0.3) for x in places]
    return Piece(Thing("bed", tuple(parts)), w, d + 0.06, top, top)


def cabinet(draws: Draws) -> Piece:
    """A carcass with doors or drawers: sideboard, chest or wardrobe."""
    w, d = draws.uniform(0.3, 0.8), draws.uniform(0.2, 0.3)
    height = draws.uniform(0.5, 1.1) if draws.chance(0.65) else draws.uniform(1.5, 2.1)
    body = material(draws, "cabinet")
    front = material(draws, "cabinet") if draws.chance(0.7) else body
    columns, rows = (1, draws.integer(2, 4)) if draws.chance(0.5) else (draws.integer(2, 3), 1)
    parts = [box((-w, 0, -d), (w, height, d - RELIEF), body)]
    for x, y, half_x, half_y in _grid(w, 0.06, height - 0.03, columns, rows):
        parts.append(box((x - half_x, y - half_y, 0), (x + half_x, y + half_y, d), front))
        parts.append(Part(ELLIPSOID, (x, y + 0.5 * half_y, d + 0.02), (0.04, 0.025, 0.03), body))
    return Piece(Thing("cabinet", tuple(parts)), w, d, height, height if height < 1.2 else None)


def shelf(draws: Draws) -> Piece:
    """An open bookcase: a back, two sides and boards (a cabinet, as far as the classes go)."""
    w, d, height = draws.uniform(0.35, 0.7), draws.uniform(0.14, 0.2), draws.uniform(0.9, 2.1)
    body, back = material(draws, "cabinet"), material(draws, "cabinet")
    boards, t = draws.integer(3, 5), 0.025
    parts = [box((-w, 0, -d), (w, height, 0.02 - d), back)]
    parts += [box((x - t, 0, -d), (x + t, height, d), body) for x in (t - w, w - t)]
    for k in range(boards):
        y = 0.05 + k * (height - 0.08) / (boards - 1)
        parts.append(box((-w, y - t, -d), (w, y + t, d), body))
    return Piece(Thing("cabinet", tuple(parts)), w, d, height, height if height < 1.3 else None)


def _grid(
    w: float, low: float, high: float, columns: int, rows: int
) -> list[tuple[float, float, float, float]]:
    half_x, half_y = w / columns, (high - low) / 2 / rows
    return [
        (-w + half_x * (2 * i + 1), low + half_y * (2 * j + 1), half_x - 0.015, half_y - 0.015)
        for i in range(columns)
        for j in range(rows)
    ]


def floor_lamp(draws: Draws) -> Piece:
    """Foot, pole and shade."""
    return _lamp(draws, draws.uniform(1.3, 1.7), draws.uniform(0.14, 0.24), draws.uniform(0.22, 0.4))


def table_lamp(draws: Draws) -> Piece:
    """A small lamp, to stand on something."""
    return _lamp(draws, draws.uniform(0.4, 0.6), draws.uniform(0.1, 0.16), draws.uniform(0.15, 0.25))


def _lamp(draws: Draws, height: float, radius: float, shade: float) -> Piece:
    pole = material(draws, "frame")
    cover = material(draws, "lamp", glow=draws.uniform(0.5, 1.5) if draws.chance(0.7) else 0.0)
    shape = CYLINDER if draws.chance(0.7) else ELLIPSOID
    parts = (
        upright(0, 0.03, 0.8 * radius, pole),
        upright(0.03, height - shade, 0.03, pole),
        upright(height - shade, height, radius, cover, shape),
    )
    return Piece(Thing("lamp", parts, casts_shadow=False), radius, radius, height)


def plant(draws: Draws) -> Piece:
    """A pot and a bush of leaves, each leaf a thin tilted ellipsoid."""
    radius, pot = draws.uniform(0.12, 0.2), draws.uniform(0.18, 0.4)
    leaf, length = material(draws, "foliage"), draws.uniform(0.25, 0.5)
    parts = [upright(0, pot, radius, material(draws, "ware"))]
    count = draws.integer(5, 8)
    for k in range(count):
        tilt, yaw = draws.uniform(0.15, 0.9), tau * k / count + draws.around_zero(0.4)
        parts.append(_leaf(pot - 0.05, length * draws.uniform(0.7, 1.1), tilt, yaw, leaf))
    spread = max(radius, 0.9 * length)
    return Piece(Thing("plant", tuple(parts), casts_shadow=False), spread, spread, pot + 2 * length)


def _leaf(base: float, length: float, tilt: float, yaw: float, leaf: Material) -> Part:
    """An upright ellipsoid of half height ``length`` whose lower end stays at the pot."""
    out = length * sin(tilt)
    centre = (out * sin(yaw), base + length * cos(tilt), out * cos(yaw))
    return Part(ELLIPSOID, centre, (0.28 * length, length, 0.12 * length), leaf, yaw, tilt)


def rug(draws: Draws) -> Piece:
    """A mat or an oval carpet. It belongs to the floor's class, as in NYUD's 13 classes, but has edges."""
    w, d, shape = draws.uniform(0.5, 1.2), draws.uniform(0.4, 0.9), draws.pick((BOX, BOX, CYLINDER))
    part = Part(shape, (0.0, 0.01, 0.0), (w, 0.01, d), material(draws, "carpet"))
    return Piece(Thing("floor", (part,), casts_shadow=False), w, d, 0.02, solid=False)


def clutter(draws: Draws) -> Piece:
    """A ball, a bin, a cardboard box, or a pile of boxes on the floor."""
    stuff, size = material(draws, "ware"), draws.uniform(0.12, 0.24)
    style = draws.integer(0, 3)
    if style == 0:
        parts = [upright(0, 2 * size, size, stuff, ELLIPSOID)]
    elif style == 1:
        parts = [upright(0, 2.4 * size, size, stuff)]
    else:
        parts = [box((-size, 0, -0.8 * size), (size, 1.4 * size, 0.8 * size), stuff)]
        if style == 3:
            upper = Part(
                BOX, (0.0, 1.9 * size, 0.0), (0.8 * size, 0.5 * size, 0.6 * size), material(draws, "ware")
            )
            parts.append(upper._replace(yaw=draws.uniform(0, pi)))
    return Piece(Thing("clutter", tuple(parts)), size, size, 2.4 * size)


def small_clutter(draws: Draws) -> Piece:
    """Something for a table or a shelf: books, a vase, a bowl, a screen."""
    stuff, size = material(draws, "ware"), draws.uniform(0.08, 0.14)
    style = draws.integer(0, 3)
    if style == 0:
        parts = [
            box((-size, 0.05 * k, -0.7 * size), (size, 0.05 * k + 0.045, 0.7 * size), stuff) for k in range(3)
        ]
    elif style == 1:
        parts = [
            upright(0, 2 * size, 0.7 * size, stuff, ELLIPSOID),
            upright(1.7 * size, 2.6 * size, 0.3 * size, stuff),
        ]
    elif style == 2:
        parts = [upright(0, 1.2 * size, 1.1 * size, stuff)]
    else:
        parts = [
            upright(0, 0.12, 0.05, stuff),
            box((-2 * size, 0.1, -0.02), (2 * size, 0.1 + 2.4 * size, 0.02), stuff),
        ]
    return Piece(Thing("clutter", tuple(parts), casts_shadow=False), 1.1 * size, size, 3 * size)


MAKERS: dict[str, Callable[[Draws], Piece]] = {
    function.__name__: function
    for function in (table, low_table, chair, sofa, bed, cabinet, shelf, floor_lamp, plant, rug, clutter)
}
