"""The five label maps, all read off the very hits that the image is shaded from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.rooms.raycast import Camera, Hits, turn
from benchmark.data.rooms.scene import FIRST_OBJECT_CLASS, Floats, Integers, Scene

#: Smooth pieces of one instance meet in a crease if their normals differ by more than this.
CREASE_DEGREES = 30.0
#: Standard deviation of the centre weight of saliency, in half image sides.
CENTRE_SIGMA = 0.4
#: Share of the centre-weighted image below which an object is too small to be salient.
SALIENT_SHARE = 0.01


def make_labels(scene: Scene, camera: Camera, hits: Hits) -> dict[str, NDArray[Any]]:
    """Labels by task name, in the formats that ``benchmark.data.dataset.Sample`` fixes."""
    semseg = scene.surfaces.semantic[hits.surface]
    instance = scene.surfaces.instance[hits.surface]
    return {
        "semseg": semseg,
        "depth": hits.depth,
        "normals": camera_normals(camera, hits.normal),
        "edge": edges(instance, hits),
        "saliency": salient_object(instance, semseg >= FIRST_OBJECT_CLASS),
    }


def camera_normals(camera: Camera, normal: Floats) -> Floats:
    """H x W x 3 unit normals in the camera frame (x right, y up, z towards the viewer)."""
    turned = turn(camera.axes.T.astype(np.float32), normal.reshape(3, -1))
    unit = turned / np.sqrt((turned * turned).sum(axis=0))
    return np.ascontiguousarray(unit.T.reshape(*normal.shape[1:], 3))


def edges(instance: Integers, hits: Hits) -> NDArray[np.uint8]:
    """1 where the right or the lower neighbour is across an instance boundary or a crease (H x W)."""
    facet = hits.surface * 8 + hits.facet
    edge = np.zeros(instance.shape, dtype=np.uint8)
    for here, there in _NEIGHBOURS:
        cosine = (hits.normal[:, *here] * hits.normal[:, *there]).sum(axis=0)
        crease = (facet[here] != facet[there]) & (cosine < np.cos(np.radians(CREASE_DEGREES)))
        edge[here] |= (instance[here] != instance[there]) | crease
    return edge


_ALL, _FIRST, _SECOND = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (((_ALL, _FIRST), (_ALL, _SECOND)), ((_FIRST, _ALL), (_SECOND, _ALL)))


def salient_object(instance: Integers, is_object: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 on the visible pixels of the object with the largest centre-weighted area (H x W), 0 without one."""
    weight = centre_weight(*instance.shape)
    mass = np.bincount(instance.ravel(), weights=(weight * is_object).ravel())
    winner = mass.argmax()
    return np.asarray((instance == winner) & (mass[winner] >= SALIENT_SHARE * weight.sum()), dtype=np.uint8)


def centre_weight(height: int, width: int) -> NDArray[np.float64]:
    """A Gaussian around the viewing axis, the same part of the image at every resolution."""
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in (height, width))
    return np.asarray(np.exp(-(y[:, None] ** 2 + x[None, :] ** 2) / (2 * CENTRE_SIGMA**2)))
