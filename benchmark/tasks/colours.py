"""Colours of labels."""

from __future__ import annotations

import colorsys
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def class_colours(classes: int) -> NDArray[np.uint8]:
    """A table of 256 colours: one a class, hues a golden angle apart, black from ``classes`` on."""
    table = np.zeros((256, 3), np.uint8)
    for index in range(min(classes, 256)):
        value = (0.95, 0.7, 0.85)[index % 3]
        colour = colorsys.hsv_to_rgb(index * 0.618 % 1, 0.35 + 0.3 * (index % 2), value)
        table[index] = np.round(np.multiply(colour, 255))
    return table


def ramp(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Finite numbers from bright (smallest) to dark (largest), black where not finite (H x W x 3)."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros((*values.shape, 3), np.uint8)
    low, high = values[finite].min(), values[finite].max()
    share = np.where(finite, (high - np.where(finite, values, high)) / max(high - low, 1e-9), 0)
    colours = np.stack([share**0.7, share, 1 - 0.6 * share], -1) * (0.15 + 0.85 * share[..., None])
    return np.where(finite[..., None], np.round(255 * colours), 0).astype(np.uint8)
