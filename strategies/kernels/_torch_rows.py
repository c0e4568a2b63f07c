"""Features that lie on a device: the rows of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from strategies.kernels._rows import ArrayRows, Rows
from strategies.kernels.arrays import Features, Positions

NUMBERS = 2**24  # of features in one pass on a device


def tensor_rows(tensor: Tensor) -> Rows:
    """Rows of a tensor; one in main memory is read as the array that it shares its memory with."""
    tensor = tensor.detach()
    shared = tensor.device.type == "cpu" and tensor.dtype != torch.bfloat16
    return ArrayRows(tensor.numpy()) if shared else TensorRows(tensor)


class TensorRows:
    """Rows of a tensor on any device."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, (self.count, self.width) = tensor, tensor.shape
        small = tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)
        self.kind = torch.float32 if small else torch.float64
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if small else np.float64)
        self.block = int(np.clip(NUMBERS // max(self.width, 1), 64, 2**20))

    def take(self, positions: Positions) -> Features:
        return np.asarray(self.on_device(positions).cpu().numpy())

    def on_device(self, positions: Positions) -> Tensor:
        """A copy of these rows where they lie."""
        index = torch.from_numpy(positions).to(self.tensor.device)
        return self.tensor.index_select(0, index).to(self.kind)

    def largest(self, start: int, stop: int) -> float:
        values = self.tensor[start:stop].to(self.kind)
        return float(values.abs().max()) if values.numel() else 0.0
