"""Non-maximum suppression of edge probabilities: what is no ridge across the edge is set to 0.

As the evaluations of Dollar & Zitnick 2015 (Structured Forests) and Xie & Tu 2015 do it. Their detector also
fades five pixels along the image border, where its own estimates are noisy; that is no part of the metric and
is left out here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 4  # radius in pixels of the triangle filter before orientations are taken
STEP = 1  # pixels to either side of the edge that are compared
TOLERANCE = np.float32(1.01)  # a pixel this much below its neighbour still counts as the ridge

Map = NDArray[np.float32]


def ridges(probability: Map) -> Map:
    """The probabilities (H x W, 0..1) at ridges, 0 elsewhere."""
    from scipy.ndimage import map_coordinates

    angle = orientation(probability)
    y, x = np.indices(probability.shape)
    strongest = np.zeros_like(probability)
    for side in (-STEP, STEP):
        across = (y + side * np.sin(angle), x + side * np.cos(angle))
        neighbour = map_coordinates(probability, across, order=1, mode="nearest")
        strongest = np.maximum(strongest, neighbour)
    kept: Map = np.where(probability * TOLERANCE >= strongest, probability, np.float32(0))
    return kept


def orientation(probability: Map) -> NDArray[np.float64]:
    """Angle across the edge (H x W, 0..pi, from x towards y), from second derivatives after smoothing.

    It is the toolbox's formula, whose tangent is squared: up to 12 degrees off, and right at multiples of 45.
    Where the mixed derivative is exactly 0, its sign is taken as one and not as 0, which would turn the angle
    of a horizontal edge along the edge.
    """
    smooth = _smoothed(probability.astype(np.float64))
    dy, dx = np.gradient(smooth)
    dxx = np.gradient(dx, axis=1)
    dyy, dxy = np.gradient(dy)
    angle: NDArray[np.float64] = np.mod(np.arctan(dyy * np.where(dxy > 0, -1, 1) / (dxx + 1e-5)), np.pi)
    return angle


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import convolve1d

    box = np.ones(SMOOTHING + 1) / (SMOOTHING + 1)
    kernel = np.convolve(box, box)
    for axis in (0, 1):
        values = convolve1d(values, kernel, axis=axis, mode="reflect")
    return values
