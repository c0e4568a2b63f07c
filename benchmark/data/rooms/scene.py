"""What a scene is made of: materials, parts, things, lights, and the tables that the ray caster reads.

World frame: y up, the floor at y = 0, the room centred on the y axis; metres everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

CLASSES = (
    "wall", "floor", "ceiling", "door", "window", "picture", "table",
    "chair", "sofa", "bed", "cabinet", "lamp", "plant", "clutter",
)  # fmt: skip
#: Classes from this one on are objects that can be salient; those before it are the room and its fittings.
FIRST_OBJECT_CLASS = CLASSES.index("table")
#: Faces of the room in order -x, +x, -y, +y, -z, +z.
ROOM_CLASSES = ("wall", "wall", "floor", "ceiling", "wall", "wall")
ROOM_FACES = len(ROOM_CLASSES)


class Shape(IntEnum):
    """Unit shapes, scaled to half sizes and turned: a cube, an upright cylinder, a ball."""

    BOX = 0
    CYLINDER = 1
    ELLIPSOID = 2


class Pattern(IntEnum):
    """Solid textures: see ``shading.pattern_values``."""

    PLAIN = 0
    CHECKER = 1
    WOOD = 2
    MARBLE = 3
    MOSAIC = 4


class Material(NamedTuple):
    """Two colours (linear RGB), the pattern that mixes them (cycles per metre, offset) and its own light."""

    pattern: Pattern
    colour: Vector
    second: Vector
    frequency: Vector = (0.0, 0.0, 0.0)
    phase: Vector = (0.0, 0.0, 0.0)
    glow: float = 0.0


class Part(NamedTuple):
    """One convex primitive of a thing. Angles in radians: ``yaw`` about y, then ``tilt`` about its own x."""

    shape: Shape
    centre: Vector
    half: Vector
    material: Material
    yaw: float = 0.0
    tilt: float = 0.0


@dataclass(frozen=True)
class Thing:
    """An instance: its class and its parts, in the world or (before it is placed) in its own frame."""

    semantic: str
    parts: tuple[Part, ...]
    casts_shadow: bool = True


class Light(NamedTuple):
    """A point light: position, linear RGB power, and the distance at which it has fallen to a half."""

    position: Vector
    power: Vector
    reach: float


@dataclass(frozen=True)
class Scene:
    """A room (full width, height, depth), its six face materials, its things and its lights."""

    size: Vector
    faces: tuple[Material, ...]
    things: tuple[Thing, ...]
    lights: tuple[Light, ...]
    ambient: Vector
    #: Multiplies all light before the sensor clips it.
    exposure: float = 1.0
    #: Standard deviation of the sensor noise, as a share of full scale.
    noise: float = 0.0

    @cached_property
    def primitives(self) -> Primitives:
        """The parts as arrays, one row each."""
        return _primitives([part for thing in self.things for part in thing.parts])

    @cached_property
    def surfaces(self) -> Surfaces:
        """What is known per surface: 0..5 are the faces of the room, 6 + k is primitive k."""
        return _surfaces(self)


@dataclass(frozen=True)
class Primitives:
    """K convex primitives; ``to_unit[k]`` maps a world offset from ``centre[k]`` into its unit shape."""

    shape: list[Shape]
    centre: Floats  # K x 3
    half: Floats  # K x 3
    rotation: Floats  # K x 3 x 3, columns are the primitive's axes in the world

    @cached_property
    def to_unit(self) -> Floats:
        """K x 3 x 3: turn back, then divide by the half sizes."""
        return np.ascontiguousarray(self.rotation.transpose(0, 2, 1) / self.half[:, :, None])

    @cached_property
    def corners(self) -> Floats:
        """K x 8 x 3: corners of the bounding boxes in the world."""
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), dtype=np.float32).reshape(3, 8).T
        local = signs[None] * self.half[:, None, :]
        return np.asarray(local @ self.rotation.transpose(0, 2, 1) + self.centre[:, None, :])


@dataclass(frozen=True)
class Surfaces:
    """Tables over surfaces: instance number, class index, material; and which primitives cast shadows."""

    instance: Integers
    semantic: NDArray[np.uint8]
    material: Floats  # 14 x surfaces
    casters: list[int]  # primitive numbers


def _primitives(parts: list[Part]) -> Primitives:
    angles = np.array([(part.yaw, part.tilt) for part in parts], dtype=np.float64).reshape(-1, 2)
    return Primitives(
        shape=[part.shape for part in parts],
        centre=np.array([part.centre for part in parts], dtype=np.float32).reshape(-1, 3),
        half=np.array([part.half for part in parts], dtype=np.float32).reshape(-1, 3),
        rotation=_rotations(angles[:, 0], angles[:, 1]),
    )


def _rotations(yaw: NDArray[np.float64], tilt: NDArray[np.float64]) -> Floats:
    c, s, ct, st = np.cos(yaw), np.sin(yaw), np.cos(tilt), np.sin(tilt)
    rows = [[c, s * st, s * ct], [np.zeros_like(c), ct, -st], [-s, c * st, c * ct]]
    return np.array(rows, dtype=np.float32).transpose(2, 0, 1)


def _surfaces(scene: Scene) -> Surfaces:
    instance, semantic = list(range(ROOM_FACES)), [CLASSES.index(name) for name in ROOM_CLASSES]
    materials, casters = list(scene.faces), []
    for number, thing in enumerate(scene.things, start=ROOM_FACES):
        if thing.casts_shadow:
            casters += [len(materials) - ROOM_FACES + k for k in _largest(thing)]
        instance += [number] * len(thing.parts)
        semantic += [CLASSES.index(thing.semantic)] * len(thing.parts)
        materials += [part.material for part in thing.parts]
    return Surfaces(
        instance=np.array(instance, dtype=np.int32),
        semantic=np.array(semantic, dtype=np.uint8),
        material=np.ascontiguousarray(np.array([_row(material) for material in materials], np.float32).T),
        casters=casters,
    )


def _largest(thing: Thing) -> list[int]:
    """The two bulkiest parts: thin ones cast shadows too thin to be worth their rays."""
    order = sorted(range(len(thing.parts)), key=lambda k: -_silhouette(thing.parts[k].half))
    return order[:2]


def _silhouette(half: Vector) -> float:
    return max(half[0] * half[1], half[1] * half[2], half[0] * half[2])


def _row(material: Material) -> tuple[float, ...]:
    pattern, colour, second, frequency, phase, glow = material
    return (float(pattern), *colour, *second, *frequency, *phase, glow)
