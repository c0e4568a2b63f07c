"""Where the camera stands in a furnished room and how it walks through it."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, radians, sin, tan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.rooms.draws import Draws
from benchmark.data.rooms.layout import Plan
from benchmark.data.rooms.raycast import Camera
from benchmark.data.rooms.scene import CLASSES, FIRST_OBJECT_CLASS, Vector

#: Free floor to keep around the camera, in metres, and below the ceiling.
MARGIN = 0.3
TRIES = 24


class Pose(NamedTuple):
    """A camera by angles in radians; yaw 0 looks towards -z, a positive pitch looks up."""

    position: Vector
    yaw: float
    pitch: float
    roll: float
    field_of_view: float

    def camera(self) -> Camera:
        """The same as a matrix."""
        turn = _about(1, self.yaw) @ _about(0, self.pitch) @ _about(2, self.roll)
        return Camera(self.position, turn, tan(self.field_of_view / 2))


def _about(axis: int, angle: float) -> NDArray[np.float64]:
    c, s = cos(angle), sin(angle)
    rows = {
        0: [[1, 0, 0], [0, c, -s], [0, s, c]],
        1: [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        2: [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], dtype=np.float64)


def look(plan: Plan, draws: Draws) -> Pose:
    """A standing or sitting observer on free floor who looks at something, seldom straight."""
    target = _target(plan, draws)
    x, z = _position(plan, draws, target)
    y = min(draws.uniform(0.9, 1.75), plan.size[1] - MARGIN)
    away = hypot(target[0] - x, target[2] - z)
    yaw = atan2(x - target[0], z - target[2]) + draws.around_zero(0.35)
    pitch = atan2(target[1] - y, away) + draws.around_zero(0.15)
    # People look down at things more than up.
    pitch = min(max(pitch, radians(-35)), radians(8))
    return Pose((x, y, z), yaw, pitch, draws.around_zero(0.07), radians(draws.uniform(48, 74)))


def _target(plan: Plan, draws: Draws) -> Vector:
    width, height, length = plan.size
    objects = [thing for thing in plan.things if CLASSES.index(thing.semantic) >= FIRST_OBJECT_CLASS]
    candidates = objects if objects and draws.chance(0.75) else plan.things
    if candidates and draws.chance(0.9):
        x, y, z = draws.pick(candidates).parts[0].centre
        return (x, min(y, 1.4), z)
    return (
        draws.uniform(-0.4, 0.4) * width,
        draws.uniform(0.3, 0.5) * height,
        draws.uniform(-0.4, 0.4) * length,
    )


def _position(plan: Plan, draws: Draws, target: Vector) -> tuple[float, float]:
    """Free floor at a random rank of distance from the target, the nearest quarter left out."""
    spots = _free_spots(plan, draws)
    spots.sort(key=lambda spot: hypot(spot[0] - target[0], spot[1] - target[2]))
    # By rank: every room has a near and a far spot, whatever its size.
    rank = draws.uniform(0.25, 1.0)
    return spots[int(rank * len(spots))]


def _free_spots(plan: Plan, draws: Draws) -> list[tuple[float, float]]:
    """Random spots with a margin of free floor; in a crowded room with less of it, at worst any."""
    width, _, length = plan.size
    spots = [(draws.uniform(-0.5, 0.5) * width, draws.uniform(-0.5, 0.5) * length) for _ in range(TRIES)]
    for margin in (MARGIN, MARGIN / 3, 0.0):
        free = [(x, z) for x, z in spots if plan.free(x, z, margin, margin)]
        if free:
            return free
    return [(0.9 * x, 0.9 * z) for x, z in spots]


class Walk(NamedTuple):
    """Steady motion: metres and radians a frame."""

    start: Pose
    step: tuple[float, float]
    turn: float
    nod: float

    def at(self, frame: int) -> Pose:
        """The pose in a frame (0 is the start)."""
        (x, y, z), yaw = self.start.position, self.start.yaw
        position = (x + frame * self.step[0], y, z + frame * self.step[1])
        return self.start._replace(
            position=position, yaw=yaw + frame * self.turn, pitch=self.start.pitch + frame * self.nod
        )


def walk(plan: Plan, draws: Draws, frames: int) -> Walk:
    """A walk that stays on free floor; some hardly move, and one that finds no way only looks around."""
    start = look(plan, draws)
    pace, turn, nod = 0.06 * draws.unit() ** 2, draws.around_zero(0.03), draws.around_zero(0.006)
    for _ in range(TRIES):
        heading = draws.uniform(-pi, pi)
        path = Walk(start, (pace * sin(heading), pace * cos(heading)), turn, nod)
        ends = [path.at(frame).position for frame in range(0, frames, 3)]
        if all(plan.free(x, z, MARGIN / 2, MARGIN / 2) for x, _, z in ends):
            return path
    return Walk(start, (0.0, 0.0), turn, nod)
