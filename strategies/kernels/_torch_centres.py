"""Bounds on the distances of features that lie on a device from centres, by torch.

Every number that decides a pick comes from main memory and float64, as for arrays; the device gives bounds.
It computes differences, not products: reduced-precision products, which a user may have switched on, would
break the bounds, and a device has the arithmetic to spare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from strategies.kernels._points import Points
from strategies.kernels._sketched_centres import rounded_up
from strategies.kernels._torch_rows import TensorRows
from strategies.kernels.arrays import Float64s, Positions


class TorchCentres:
    """Centres on a device that candidates are compared with; the methods are as SketchedCentres has them."""

    cells = 2**25  # distances held at once

    def __init__(self, points: Points, candidates: Positions, capacity: int) -> None:
        assert isinstance(points.rows, TensorRows)
        self.points, self.rows, self.candidates, self.count = points, points.rows, candidates, 0
        self.centres = self.rows.tensor.new_empty((capacity, self.rows.width), dtype=self.rows.kind)

    def add(self, positions: Positions) -> None:
        new = slice(self.count, self.count + len(positions))
        self.centres[new], self.count = self._scaled(positions), new.stop

    def first_bounds(self, start: int, stop: int, centres: int) -> Float64s:
        size = max(1, self.cells // centres)
        parts = [np.arange(at, min(at + size, stop)) for at in range(start, stop, size)]
        return np.concatenate([self.bounds(part, 0, centres) for part in parts])

    def bounds(self, places: Positions, start: int, stop: int) -> Float64s:
        return self.points.above(self._squared(places, start, stop).amin(1).cpu().numpy())

    def near(self, places: Positions, seen: Positions, upper: Float64s) -> tuple[Positions, Positions]:
        start, stop = int(seen.min()), self.count
        squared = self._squared(places, start, stop)
        missed = torch.arange(start, stop, device=squared.device) >= self._sent(seen)[:, None]
        squared = squared.where(missed, torch.inf)
        nearest = self.points.above(squared.amin(1).cpu().numpy())
        reach = rounded_up(self.points.reaching(np.minimum(upper, nearest)), self.rows.dtype)
        row, column = (squared <= self._sent(reach)[:, None]).nonzero().cpu().numpy().T
        return row, column + start

    def _squared(self, places: Positions, start: int, stop: int) -> Tensor:
        rows, centres = self._scaled(self.candidates[places]), self.centres[start:stop]
        return torch.cdist(rows, centres, compute_mode="donot_use_mm_for_euclid_dist").square()

    def _scaled(self, positions: Positions) -> Tensor:
        rows = self.rows.on_device(positions)
        return rows if self.points.scale == 1 else rows * self.points.scale

    def _sent(self, values: Any) -> Tensor:
        return torch.from_numpy(values).to(self.centres.device)
