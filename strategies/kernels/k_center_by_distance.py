"""Greedy k-center by any distance, which is computed in blocks and never kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from strategies.kernels.arrays import Float64s, Positions

Distances = Callable[[slice, Positions], NDArray[np.float32]]
ROWS, CENTRES = 256, 128  # points and centres compared at once: a block of distances stays in the cache


def k_center_by_distance(
    distances: Distances, centres: Positions, budget: int, tickets: Float64s
) -> Positions:
    """``budget`` times the point farthest from all centres, which becomes one (Gonzalez 1985).

    Args:
        distances: gives the n x m distances of n of the N points, a slice, to m others by their positions.
        centres: positions of the first centres; with none, the highest ticket comes first.
        budget: number of picks, at most the number of tickets over 0.
        tickets: N numbers from 0 on. Of equally far points that with the highest is taken; one with 0 never.

    Returns:
        ``budget`` unique positions, in order of choice.
    """
    nearest = np.full(len(tickets), np.inf, np.float32)
    nearest[tickets == 0] = -1  # below every distance
    for at in range(0, len(centres), CENTRES):
        _approach(nearest, distances, centres[at : at + CENTRES])
    chosen: list[int] = []
    for _ in range(budget):
        farthest = np.flatnonzero(nearest == nearest.max())
        chosen.append(int(farthest[tickets[farthest].argmax()]))
        _approach(nearest, distances, np.array(chosen[-1:]))
        nearest[chosen[-1]] = -1
    return np.array(chosen, np.int64)


def _approach(nearest: NDArray[np.float32], distances: Distances, centres: Positions) -> None:
    """Bring the distances of N points to their nearest centres to date with more centres."""
    for at in range(0, len(nearest), ROWS):
        part = slice(at, at + ROWS)
        nearest[part] = np.minimum(nearest[part], np.min(distances(part, centres), axis=1))
