"""What a strategy says of a batch, as arrays: the same for the runner and for the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strategies.interface import Outputs, Strategy
from strategies.scoring import ScoreStrategy, per_task

#: Floating types that NumPy has too; others, such as bfloat16, become float32, which holds all their values.
SHARED = (torch.float16, torch.float32, torch.float64)


class MeasureError(ValueError):
    """What ``measure`` or ``maps`` gave is no mapping of names to tensors; the sentence says what it is."""


def measured(strategy: Strategy, outputs: Outputs) -> dict[str, NDArray[Any]]:
    """The rows of a batch by name, copies in main memory. Raises MeasureError."""
    said: object = strategy.measure(outputs)
    if isinstance(strategy, ScoreStrategy) and isinstance(said, Tensor):
        said = per_task(said, outputs, strategy.kinds)
    return as_arrays(said, "measure")


def as_arrays(said: object, method: str) -> dict[str, NDArray[Any]]:
    """Tensors, or arrays, by name as arrays. Raises MeasureError."""
    if not isinstance(said, Mapping):
        raise MeasureError(
            f"{method} returned {_what(said)}; it must return {{name: tensor with one row for each image}}"
        )
    wrong = next((name for name in said if not isinstance(name, str)), None)
    if wrong is not None:
        raise MeasureError(f"{method} returned the name {wrong!r:.60}; names must be text")
    return {name: _array(name, value, method) for name, value in said.items()}


def _array(name: str, value: object, method: str) -> NDArray[Any]:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value.copy()
    if not isinstance(value, Tensor) or value.is_complex():
        raise MeasureError(
            f"{method} returned {_what(value)} as {name!r}; it must be a tensor of real numbers with one row "
            "for each image"
        )
    shared = not value.is_floating_point() or value.dtype in SHARED
    # A copy, because a row may be a view of a dense map, which must not live on with it.
    return np.array((value if shared else value.float()).to_dense().numpy(force=True))


def _what(value: object) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return f"a {type(value).__name__} of shape {tuple(value.shape)} and type {value.dtype}"
    return f"{type(value).__name__} ({value!r:.40})"
