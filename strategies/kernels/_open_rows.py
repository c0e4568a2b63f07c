"""Rows of whatever holds features: an array, a tensor on any device, nested sequences."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from strategies.kernels._rows import ArrayRows, Rows, SlicedRows


def open_rows(features: Any) -> Rows:
    """Rows of an array, a tensor or nested sequences; ValueError unless they are N x d."""
    torch = sys.modules.get("torch")  # who hands in a tensor has imported it
    if torch is not None and isinstance(features, torch.Tensor):
        from strategies.kernels._torch_rows import tensor_rows

        return tensor_rows(_two_dimensional(features))
    if not isinstance(features, np.ndarray) and all(hasattr(features, name) for name in ("shape", "dtype")):
        return SlicedRows(_two_dimensional(features))
    return ArrayRows(_two_dimensional(np.asarray(features)))


def _two_dimensional(array: Any) -> Any:
    if len(array.shape) != 2:
        raise ValueError(f"features have the shape {tuple(array.shape)}, must be N x d")
    return array
