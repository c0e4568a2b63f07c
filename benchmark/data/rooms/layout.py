"""Placing: a recipe's things are drawn, find room on the floor and the walls, and become a scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, hypot, pi, sin

from benchmark.data.rooms import fittings
from benchmark.data.rooms.draws import Draws
from benchmark.data.rooms.furniture import MAKERS, Piece, chair, small_clutter, table_lamp
from benchmark.data.rooms.materials import material
from benchmark.data.rooms.recipes import Copies, Recipe, Variant, draw_recipe
from benchmark.data.rooms.scene import Light, Part, Scene, Thing, Vector

TRIES = 8
#: Things that stand with their back to a wall; the others stand free.
AGAINST_WALL = {
    "sofa": 0.75,
    "bed": 0.95,
    "cabinet": 1.0,
    "shelf": 1.0,
    "table": 0.4,
    "floor_lamp": 0.6,
    "plant": 0.5,
}


@dataclass(frozen=True)
class Place:
    """Where a piece stands: floor coordinates, height above the floor, yaw."""

    x: float
    z: float
    yaw: float
    y: float = 0.0

    def beside(self, x: float, z: float, yaw: float = 0.0, y: float = 0.0) -> Place:
        """The place at (x, z) in the frame of this one, turned further by ``yaw``."""
        c, s = cos(self.yaw), sin(self.yaw)
        return Place(self.x + c * x + s * z, self.z - s * x + c * z, self.yaw + yaw, self.y + y)

    def put(self, thing: Thing) -> Thing:
        """The thing in the world."""
        return Thing(thing.semantic, tuple(map(self._part, thing.parts)), thing.casts_shadow)

    def _part(self, part: Part) -> Part:
        x, y, z = part.centre
        at = self.beside(x, z)
        return part._replace(centre=(at.x, y + self.y, at.z), yaw=part.yaw + self.yaw)


@dataclass
class Plan:
    """A room being furnished: what stands in it and which floor and wall space is taken."""

    size: Vector
    things: list[Thing] = field(default_factory=list)
    #: (x, z, half x, half z) of what stands on the floor.
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)
    #: (wall, from, to) of what hangs on the walls.
    hung: list[tuple[int, float, float]] = field(default_factory=list)
    #: Where windows let light in.
    lights: list[Vector] = field(default_factory=list)

    def wall(self, number: int) -> tuple[float, float]:
        """Half its length and its distance from the centre; wall k faces the yaw k * 90 degrees."""
        width, _, length = self.size
        return (width / 2, length / 2) if number % 2 == 0 else (length / 2, width / 2)

    def inside(self, x: float, z: float, half_x: float, half_z: float) -> bool:
        """Whether a rectangle lies in the room."""
        return abs(x) + half_x <= self.size[0] / 2 and abs(z) + half_z <= self.size[2] / 2

    def free(self, x: float, z: float, half_x: float, half_z: float) -> bool:
        """Whether a rectangle lies in the room and on free floor."""
        # Rectangles along the axes: things that stand turned take the rectangle around them.
        return self.inside(x, z, half_x, half_z) and all(
            abs(x - u) >= half_x + a or abs(z - w) >= half_z + b for u, w, a, b in self.taken
        )

    def stand(self, piece: Piece, place: Place) -> bool:
        """Put a piece on the floor if there is room for it."""
        c, s = abs(cos(place.yaw)), abs(sin(place.yaw))
        half_x = c * piece.half_width + s * piece.half_depth
        half_z = s * piece.half_width + c * piece.half_depth
        if piece.solid:
            if not self.free(place.x, place.z, half_x, half_z):
                return False
            self.taken.append((place.x, place.z, half_x, half_z))
        self.things.append(place.put(piece.thing))
        return True


def furnish(variant: Variant, draws: Draws) -> Plan:
    """Draw a room of the variant and everything in it."""
    recipe = draw_recipe(variant, draws)
    size = (draws.uniform(*recipe.sides), draws.uniform(2.3, 3.0), draws.uniform(*recipe.sides))
    plan = Plan(size)
    _fit_walls(plan, recipe, draws)
    _furnish(plan, recipe, draws)
    if draws.chance(recipe.pendant):
        at = Place(draws.around_zero(size[0] / 3), draws.around_zero(size[2] / 3), draws.uniform(0, pi))
        plan.stand(fittings.pendant(draws, size[1]), at)
    return plan


def _count(draws: Draws, copies: Copies) -> int:
    return sum(draws.chance(probability) for probability in copies)


def _fit_walls(plan: Plan, recipe: Recipe, draws: Draws) -> None:
    glow = draws.pick((0.0, 0.3, 1.0))
    for _ in range(_count(draws, recipe.doors)):
        place = _hang(plan, draws, fittings.door(draws))
        if place is not None:  # nothing stands in the way of a door
            ahead = place.beside(0.0, 0.4)
            plan.taken.append((ahead.x, ahead.z, 0.45, 0.45))
    for _ in range(_count(draws, recipe.windows)):
        place = _hang(plan, draws, fittings.window(draws, glow))
        if place is not None and glow:
            ahead = place.beside(0.0, 0.3)
            plan.lights.append((ahead.x, 1.5, ahead.z))
    for _ in range(_count(draws, recipe.pictures)):
        _hang(plan, draws, fittings.picture(draws))
    if draws.chance(recipe.pillar):
        _stand_free(plan, draws, fittings.pillar(draws, plan.size[1]), turned=False)


def _hang(plan: Plan, draws: Draws, piece: Piece) -> Place | None:
    """Hang a piece where a wall is free; None if no try found such a place."""
    for _ in range(TRIES):
        number = draws.integer(0, 3)
        along, away = plan.wall(number)
        reach = along - piece.half_width - 0.05
        at = draws.uniform(-reach, reach)
        span = (number, at - piece.half_width - 0.05, at + piece.half_width + 0.05)
        if reach > 0 and not any(span[0] == k and span[1] < b and a < span[2] for k, a, b in plan.hung):
            plan.hung.append(span)
            place = Place(0, 0, number * pi / 2).beside(at, -away)
            plan.things.append(place.put(piece.thing))
            return place
    return None


def _furnish(plan: Plan, recipe: Recipe, draws: Draws) -> None:
    for kind, copies in recipe.things.items():
        for _ in range(_count(draws, copies)):
            piece = MAKERS[kind](draws)
            by_wall = draws.chance(AGAINST_WALL.get(kind, 0.0))
            place = _stand_by_wall(plan, draws, piece) if by_wall else _stand_free(plan, draws, piece)
            if place is not None:
                _serve(plan, recipe, draws, piece, place)


def _stand_by_wall(plan: Plan, draws: Draws, piece: Piece) -> Place | None:
    gap = draws.uniform(0.0, 0.06)
    for _ in range(TRIES):
        number = draws.integer(0, 3)
        along, away = plan.wall(number)
        at = draws.uniform(-1, 1) * (along - piece.half_width)
        place = Place(0, 0, number * pi / 2).beside(at, piece.half_depth + gap + 0.001 - away)
        if plan.stand(piece, place):
            return place
    return None


def _stand_free(plan: Plan, draws: Draws, piece: Piece, turned: bool = True) -> Place | None:
    yaw = draws.integer(0, 3) * pi / 2
    yaw += draws.uniform(-0.5, 0.5) if turned and draws.chance(0.5) else 0.0
    for _ in range(TRIES):
        x, z = (draws.uniform(-0.5, 0.5) * (side - 0.2) for side in (plan.size[0], plan.size[2]))
        if plan.stand(piece, Place(x, z, yaw)):
            return Place(x, z, yaw)
    return None


def _serve(plan: Plan, recipe: Recipe, draws: Draws, piece: Piece, place: Place) -> None:
    """Chairs around a table, small things on a top."""
    if piece.thing.semantic == "table" and piece.height > 0.6:
        _seat(plan, draws, piece, place, recipe.seats)
    if piece.top is not None and piece.thing.semantic != "bed" and draws.chance(recipe.ware):
        for side in (-0.5, 0.5)[: draws.integer(1, 2)]:
            ware = table_lamp(draws) if _lamp_wanted(recipe, draws) else small_clutter(draws)
            at = place.beside(side * piece.half_width, draws.around_zero(0.4) * piece.half_depth, y=piece.top)
            plan.things.append(at.beside(0, 0, draws.around_zero(0.6)).put(ware.thing))


def _lamp_wanted(recipe: Recipe, draws: Draws) -> bool:
    """Table lamps belong to rooms that know lamps: in the long tail they would spoil the tail."""
    return "floor_lamp" in recipe.things and draws.chance(0.3)


def _seat(plan: Plan, draws: Draws, piece: Piece, place: Place, seats: int) -> None:
    model = chair(draws)
    sides = [(0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0)]
    for x, z in sides[: draws.integer(min(seats, 1), seats)]:
        out = model.half_depth + draws.uniform(0.02, 0.2)
        reach_x, reach_z = piece.half_width + out, piece.half_depth + out
        turn = (pi if z > 0 else 0.0) + x * -pi / 2 + draws.around_zero(0.3)
        at = place.beside(x * reach_x, z * reach_z, turn)
        if plan.inside(at.x, at.z, 0.3, 0.3) and plan.free(at.x, at.z, 0.1, 0.1):  # a chair may be tucked in
            plan.taken.append((at.x, at.z, 0.25, 0.25))
            plan.things.append(at.put(model.thing))


def light_up(plan: Plan, draws: Draws) -> Scene:
    """The furnished room with its face materials, lights, exposure and sensor noise."""
    wall, floor, ceiling = (material(draws, kind) for kind in ("wall", "floor", "ceiling"))
    walls = [material(draws, "wall") if draws.chance(0.15) else wall for _ in range(4)]
    width, height, length = plan.size
    main = (draws.around_zero(width / 3), height - draws.uniform(0.1, 0.5), draws.around_zero(length / 3))
    reach, level = 0.5 * hypot(width, length), draws.uniform(0.15, 0.4)
    lights = [Light(main, _tint(draws, draws.uniform(0.7, 1.2)), reach)]
    lights += [Light(at, _tint(draws, draws.uniform(0.2, 0.6)), reach) for at in plan.lights[:1]]
    return Scene(
        plan.size,
        (walls[0], walls[1], floor, ceiling, walls[2], walls[3]),
        tuple(plan.things),
        tuple(lights),
        _tint(draws, level),
        exposure=2 ** draws.uniform(-0.8, 0.6),
        noise=draws.uniform(0.003, 0.025),
    )


def _tint(draws: Draws, power: float) -> Vector:
    """A slightly warm or cool light."""
    warm = draws.around_zero(0.15)
    return (power * (1 + warm), power, power * (1 - warm))
