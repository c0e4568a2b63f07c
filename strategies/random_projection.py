"""Long rows made short by random directions, which keep distances about what they are."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def projected(rows: Tensor, length: int) -> Tensor:
    """Rows (.. x n) on ``length`` random directions, which keep inner products on average; short rows stay.

    Johnson & Lindenstrauss 1984: the squared distance of two rows is off by about sqrt(2 / length).
    """
    if rows.shape[-1] <= length:
        return rows
    import torch

    return rows @ torch.as_tensor(_directions(rows.shape[-1], length), device=rows.device)


@lru_cache(maxsize=8)
def _directions(width: int, length: int) -> NDArray[np.float32]:
    """The same for all batches, rounds and machines."""
    drawn = np.random.default_rng([width, length]).standard_normal((width, length), np.float32)
    return np.asarray(drawn / np.sqrt(np.float32(length)))
