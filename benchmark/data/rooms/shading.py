"""From hits to an 8-bit image: solid textures, Lambert shading under point lights with shadows, a sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.data.rooms.raycast import ENTRY, Hits, turn
from benchmark.data.rooms.scene import Floats, Light, Pattern, Scene

#: Shadow rays start this far off the surface, in metres, so that it does not shade itself.
_OFFSET = 0.01
#: What a shadow leaves of a light: rooms scatter much of it.
_IN_SHADOW = 0.35


def shade(scene: Scene, hits: Hits, sensor: np.random.Generator) -> NDArray[np.uint8]:
    """The image (H x W x 3). Equal hits and an equal sensor stream give an equal image."""
    material = scene.surfaces.material.take(hits.surface.ravel(), axis=1)
    local = hits.local.reshape(3, -1)
    share = pattern_values(material[0], local * material[7:10] + material[10:13])
    albedo = material[1:4] + share * (material[4:7] - material[1:4])
    light = albedo * (irradiance(scene, hits) + material[13])
    return expose(light * scene.exposure, scene.noise, sensor).T.reshape(*hits.depth.shape, 3)


def pattern_values(pattern: Floats, u: Floats) -> Floats:
    """How much of the second colour (0..1, N) a pattern shows at texture coordinates ``u`` (3 x N)."""
    values = np.zeros(u.shape[1], dtype=np.float32)
    for kind, function in _FUNCTIONS.items():
        where = np.flatnonzero(pattern == kind)
        if len(where):
            values[where] = function(u[:, where])
    return values


def _checker(u: Floats) -> Floats:
    return np.asarray(np.floor(u).sum(axis=0) % 2)


def _wood(u: Floats) -> Floats:
    bend = np.sin(5 * u[1]) + np.sin(7 * u[2] + 2 * u[1])
    return np.asarray(0.5 + 0.5 * np.sin(2 * np.pi * u[0] + bend))


def _marble(u: Floats) -> Floats:
    x, y, z = 2 * np.pi * u
    wave = np.sin(x + 2 * np.sin(y + z)) + np.sin(1.7 * y + 2 * np.sin(1.3 * x - z)) + np.sin(z - 1.9 * x)
    return np.asarray(0.5 + wave / 6)


def _mosaic(u: Floats) -> Floats:
    """A shade of its own for every cell, by the usual sine hash."""
    x, y, z = np.floor(u)
    return np.asarray(np.modf(np.abs(np.sin(12.9898 * x + 78.233 * y + 37.719 * z)) * 437.585)[0])


_FUNCTIONS = {
    Pattern.CHECKER: _checker,
    Pattern.WOOD: _wood,
    Pattern.MARBLE: _marble,
    Pattern.MOSAIC: _mosaic,
}


def irradiance(scene: Scene, hits: Hits) -> Floats:
    """Light that arrives (3 x N): ambient light and point lights, the first of which casts shadows."""
    point, normal = hits.point.reshape(3, -1), hits.normal.reshape(3, -1)
    total = np.array(scene.ambient, np.float32)[:, None] * (0.8 + 0.2 * normal[1])
    for number, light in enumerate(scene.lights):
        arriving = _lambert(light, point, normal)
        if number == 0:
            _shadow(scene, light, point + _OFFSET * normal, arriving)
        total += np.array(light.power, np.float32)[:, None] * arriving
    return np.asarray(total)


def _lambert(light: Light, point: Floats, normal: Floats) -> Floats:
    towards = np.array(light.position, np.float32)[:, None] - point
    squared = (towards * towards).sum(axis=0)
    cosine = (towards * normal).sum(axis=0) / np.sqrt(squared)
    return np.asarray(np.maximum(cosine, 0) / (1 + squared / light.reach**2))


def _shadow(scene: Scene, light: Light, start: Floats, arriving: Floats) -> None:
    """Weaken ``arriving`` in place where a shadow caster stands between the point and the light."""
    lit = np.flatnonzero(arriving > 0)
    start, source = start[:, lit], np.array(light.position, np.float32)
    blocked = np.zeros(len(lit), dtype=bool)
    primitives = scene.primitives
    with np.errstate(all="ignore"):
        for k in scene.surfaces.casters:
            to_unit, centre = primitives.to_unit[k], primitives.centre[k]
            turned = turn(
                to_unit, start
            )  # origin and direction of the shadow rays differ from it by constants
            origin, direction = turned - (to_unit @ centre)[:, None], (to_unit @ source)[:, None] - turned
            entry = ENTRY[primitives.shape[k]](origin, direction)
            blocked |= (entry > 0) & (entry < 1)
    arriving[lit[blocked]] *= _IN_SHADOW


def expose(light: Floats, noise: float, sensor: np.random.Generator) -> NDArray[np.uint8]:
    """Clip, gamma of 2, noise, 8 bits."""
    display = np.sqrt(np.clip(light, 0, 1))
    display += np.float32(noise) * sensor.standard_normal(light.shape, dtype=np.float32)
    return (255 * np.clip(display, 0, 1) + 0.5).astype(np.uint8)
