"""The ray caster: for every pixel the first surface that its ray meets.

Rays leave the camera with unit length along the optical axis, so the ray parameter *is* the depth that a
depth camera measures. Each primitive is a unit shape seen through an affine map, tested only against the
rays of its own rectangle of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data.rooms.scene import ROOM_FACES, Floats, Integers, Primitives, Scene, Shape, Vector

#: Added to directions: a component of exactly zero would make 0 * inf in the slab test.
_TINY = np.float32(1e-12)
#: Corners nearer than this to the camera plane have no useful projection: test the whole image then.
_NEAR = 0.05
Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class Camera:
    """Position, axes in the world (columns: right, up, back) and tan of half the vertical angle of view."""

    position: Vector
    axes: NDArray[np.float64]
    tangent: float

    def rays(self, height: int, width: int) -> Floats:
        """3 x height x width world directions through pixel centres, one metre of depth long.

        (2 i + 1) / n is rounded once, so a pixel centre shared by two resolutions has the same ray in both.
        """
        x = ((2 * np.arange(width) + 1) / width - 1) * (self.tangent * (width / height))
        y = (1 - (2 * np.arange(height) + 1) / height) * self.tangent
        right, up, back = self.axes.T[:, :, None, None]
        return np.asarray(right * x[None, None, :] + up * y[None, :, None] - back, dtype=np.float32)


@dataclass(frozen=True)
class Hits:
    """What H x W rays met; ``point`` and ``normal`` are 3 x H x W in the world.

    ``surface`` is 0..5 for the faces of the room and 6 + k for primitive k; ``facet`` tells the smooth pieces
    of one surface apart (six sides of a box, side and caps of a cylinder, all of a ball); ``local`` is the
    point in the primitive's own frame, in metres (3 x H x W).
    """

    depth: Floats
    surface: Integers
    facet: Integers
    point: Floats
    normal: Floats
    local: Floats


def cast(scene: Scene, camera: Camera, height: int, width: int) -> Hits:
    """Depth, surface, normal and local point of the first hit of every pixel's ray."""
    rays = camera.rays(height, width)
    origin = np.array(camera.position, dtype=np.float32)
    depth = _room_depth(scene, origin, rays)
    primitive = np.full((height, width), -1, dtype=np.int32)
    with np.errstate(all="ignore"):  # misses are infinities and NaNs, and both compare as misses
        _nearest(scene.primitives, camera, rays, depth, primitive)
    return _describe(scene, origin, rays, depth, primitive)


def turn(matrix: Floats, vectors: Floats) -> Floats:
    """A 3 x 3 matrix times 3 x N vectors; not ``@``, whose BLAS threads cost more here than they save."""
    return np.asarray(np.einsum("ij,jn->in", matrix, vectors))


def _room_depth(scene: Scene, origin: Floats, rays: Floats) -> Floats:
    """Depth of the room's inner faces; the camera is inside."""
    width, height, length = scene.size
    centre, half = np.array([0, height / 2, 0], np.float32), np.array([width, height, length], np.float32) / 2
    inverse = 1 / (rays + _TINY)
    to_plane = half[:, None, None] * np.abs(inverse) - (origin - centre)[:, None, None] * inverse
    return np.asarray(to_plane.min(axis=0))


def _nearest(
    primitives: Primitives, camera: Camera, rays: Floats, depth: Floats, primitive: Integers
) -> None:
    """Lower ``depth`` and set ``primitive``, in place, wherever a primitive is nearer."""
    if not primitives.shape:
        return
    offset = np.array(camera.position, dtype=np.float32) - primitives.centre
    origins = np.einsum("kij,kj->ki", primitives.to_unit, offset)[:, :, None]
    for k, (top, bottom, left, right) in windows(primitives, camera, *depth.shape):
        view = np.s_[top:bottom, left:right]
        directions = turn(primitives.to_unit[k], rays[:, *view].reshape(3, -1))
        entry = ENTRY[primitives.shape[k]](origins[k], directions).reshape(bottom - top, right - left)
        nearer = (entry < depth[view]) & (entry > 0)
        np.copyto(depth[view], entry, where=nearer)
        np.copyto(primitive[view], np.int32(k), where=nearer)


def windows(primitives: Primitives, camera: Camera, height: int, width: int) -> list[tuple[int, Window]]:
    """(primitive, image rectangle that surely holds it) of those that can be in view."""
    seen = (primitives.corners - np.array(camera.position)) @ camera.axes
    depth = -seen[..., 2]
    scale = height / 2 / camera.tangent / np.maximum(depth, _NEAR)
    x, y = width / 2 + seen[..., 0] * scale, height / 2 - seen[..., 1] * scale
    close, ahead = (depth < _NEAR).any(axis=1), (depth > 0).any(axis=1)
    low = np.stack([np.where(close, 0, y.min(axis=1)), np.where(close, 0, x.min(axis=1))])
    high = np.stack([np.where(close, height, y.max(axis=1)), np.where(close, width, x.max(axis=1))])
    limit = np.array([[height], [width]])
    low, high = np.clip(np.floor(low), 0, limit).astype(int), np.clip(np.ceil(high), 0, limit).astype(int)
    inside = np.flatnonzero(ahead & (low < high).all(axis=0))
    return [(int(k), (int(low[0, k]), int(high[0, k]), int(low[1, k]), int(high[1, k]))) for k in inside]


def _enter_box(origin: Floats, direction: Floats) -> Floats:
    """Ray parameter where the unit cube |x|, |y|, |z| <= 1 is entered (slabs), NaN or inf for a miss."""
    inverse = 1 / (direction + _TINY)
    middle, reach = -origin * inverse, np.abs(inverse)
    enter, leave = (middle - reach).max(axis=0), (middle + reach).min(axis=0)
    enter[enter > leave] = np.inf
    return np.asarray(enter)


def _enter_quadric(origin: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """Both parameters where rays meet the unit circle or ball of their coordinates; NaN for a miss."""
    a = (direction * direction).sum(axis=0) + _TINY
    b = (origin * direction).sum(axis=0)
    root = np.sqrt(b * b - a * ((origin * origin).sum(axis=0) - 1))
    return (-b - root) / a, (-b + root) / a


def _enter_ellipsoid(origin: Floats, direction: Floats) -> Floats:
    return _enter_quadric(origin, direction)[0]


def _enter_cylinder(origin: Floats, direction: Floats) -> Floats:
    """The unit cylinder x^2 + z^2 <= 1, |y| <= 1: entered when both the tube and the slab are."""
    enter, leave = _enter_quadric(origin[::2], direction[::2])
    inverse = 1 / (direction[1] + _TINY)
    middle, reach = -origin[1] * inverse, np.abs(inverse)
    enter, leave = np.maximum(enter, middle - reach), np.minimum(leave, middle + reach)
    enter[enter > leave] = np.inf
    return np.asarray(enter)


ENTRY = {Shape.BOX: _enter_box, Shape.CYLINDER: _enter_cylinder, Shape.ELLIPSOID: _enter_ellipsoid}


def _describe(scene: Scene, origin: Floats, rays: Floats, depth: Floats, primitive: Integers) -> Hits:
    """Everything else about the hits: one gather per pixel, whatever the number of primitives."""
    row = primitive.ravel() + 1  # 0 is the room
    frames = _frames(scene).take(row, axis=1)
    centre, half, axes = frames[:3], frames[3:6], frames[6:].reshape(3, 3, -1)
    point = origin[:, None] + depth.ravel() * rays.reshape(3, -1)
    local = (axes * (point - centre)[:, None]).sum(axis=0)
    shape = np.array([Shape.BOX, *scene.primitives.shape]).take(row)
    facet, normal = _facets(shape, local / half, half)
    normal[:, row == 0] *= -1  # the room is seen from inside
    world = (axes * normal).sum(axis=1)
    surface = np.where(row == 0, facet, row - 1 + ROOM_FACES).astype(np.int32)
    return Hits(
        depth, surface.reshape(depth.shape), facet.reshape(depth.shape),
        point.reshape(rays.shape), world.reshape(rays.shape), local.reshape(rays.shape),
    )  # fmt: skip


def _frames(scene: Scene) -> Floats:
    """15 x (1 + K): centre, half sizes and rotation of the room and of every primitive."""
    (width, height, length), primitives = scene.size, scene.primitives
    room = np.array([0, height / 2, 0, width / 2, height / 2, length / 2, *np.eye(3).ravel()], np.float32)
    rows = np.hstack([primitives.centre, primitives.half, primitives.rotation.reshape(-1, 9)])
    return np.ascontiguousarray(np.vstack([room, rows]).T)


def _facets(shape: NDArray[np.int64], unit: Floats, half: Floats) -> tuple[Integers, Floats]:
    """Facet numbers (N) and unit normals (3 x N) in the primitives' frames of points on the unit shapes."""
    size = np.abs(unit)
    side = size.copy()
    side[0] = np.where(shape == Shape.CYLINDER, np.hypot(unit[0], unit[2]), size[0])
    side[2] = np.where(shape == Shape.CYLINDER, 0, size[2])
    axis = side.argmax(axis=0)
    flat = (shape == Shape.BOX) | ((shape == Shape.CYLINDER) & (axis == 1))
    picked = np.arange(3)[:, None] == axis
    gradient = np.where(flat, picked * np.sign(unit), unit / half)
    gradient[1] = np.where((shape == Shape.CYLINDER) & ~flat, 0, gradient[1])
    normal = gradient / np.sqrt((gradient * gradient).sum(axis=0))
    positive = (unit > 0)[axis, np.arange(len(axis))]
    return np.where(flat, 2 * axis + positive, 0).astype(np.int32), normal.astype(np.float32)
